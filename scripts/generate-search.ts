/**
 * Writes src/plan/generated/search-parameters.json and search-parameters-r5.json: for each served type and search parameter its type, the elements
 * it reads with their datatypes, its reference targets and whether the gateway may cut what it reads; and the parameters
 * that make the compartments. Read from SearchParameters, StructureDefinitions and CompartmentDefinitions of R4 (4.0.1) and R5 (5.0.0).
 */
import { writeFileSync } from 'node:fs';
import { type FhirVersion, publishedVersions } from '../src/fhir/version.ts';
import { servedTypesOf } from '../src/plan/served.ts';
import { type Definition, definitions, type ElementDefinition, structures } from './definitions.ts';

interface SearchParameter extends Definition {
  id: string;
  version: string;
  code: string;
  base: string[];
  type: string;
  expression?: string;
  target?: string[];
}
interface CompartmentDefinition extends Definition {
  code: string;
  resource: { code: string; param?: string[] }[];
}

/** One element read: JSON path below the type, datatype, and `name=value` when only such items count. */
type Path = [path: string, datatype: string, where?: string];
/** `form`: `value` reads the elements, `exists` asks whether any of them is there and not false. */
type Row = [kind: string, removable: 0 | 1, paths: Path[], targets?: string[], form?: 'exists'];
interface Node {
  readonly path: string;
  readonly datatype: string;
  /** Where its children are found: a datatype, or the path of a backbone element. */
  readonly below: string;
  readonly removable: boolean;
}

/** Elements by the type or backbone path that has them. */
type Elements = ReadonlyMap<string, ReadonlyMap<string, ElementDefinition>>;

function elementsOf(version: FhirVersion): Elements {
  const elements = new Map<string, Map<string, ElementDefinition>>();
  for (const structure of structures(version)) {
    for (const element of structure.snapshot.element) {
      const cut = element.path.lastIndexOf('.');
      if (cut < 0) continue;
      const owner = element.path.slice(0, cut);
      if (!elements.has(owner)) elements.set(owner, new Map());
      elements.get(owner)?.set(element.path.slice(cut + 1), element);
    }
  }
  return elements;
}

let elements: Elements;

const capital = (code: string): string => code.charAt(0).toUpperCase() + code.slice(1);

/** The nodes that FHIRPath child `name` of `node` stands for: several for a choice element. */
function children(node: Node, name: string): Node[] {
  const below = elements.get(node.below);
  const plain = below?.get(name);
  const element = plain ?? below?.get(`${name}[x]`);
  if (element === undefined) return [];
  if (element.contentReference !== undefined) {
    const target = element.contentReference.slice(element.contentReference.indexOf('#') + 1);
    return [child(node, name, 'BackboneElement', target)];
  }
  return (element.type ?? []).map(({ code }) => {
    const backbone = code === 'BackboneElement' || code === 'Element';
    return child(node, plain ? name : name + capital(code), code, backbone ? element.path : code);
  });
}

function child(parent: Node, name: string, datatype: string, below: string): Node {
  const removable = parent.removable || datatype === 'Reference' || datatype === 'Attachment' || holdsReference(below);
  return { path: parent.path === '' ? name : `${parent.path}.${name}`, datatype, below, removable };
}

/** True when a required reference lies below: cutting that reference takes the whole element with it. */
function holdsReference(owner: string, seen: readonly string[] = []): boolean {
  if (seen.includes(owner)) return false;
  return [...(elements.get(owner)?.values() ?? [])].some(
    (element) =>
      element.min > 0 &&
      (element.type ?? []).some(({ code }) => {
        if (code === 'Reference') return true;
        return holdsReference(code === 'BackboneElement' ? element.path : code, [...seen, owner]);
      }),
  );
}

interface Read {
  nodes: Node[];
  where?: string;
  /** Types named in `where(resolve() is X)`. */
  narrowed?: string;
}

/** Follows one branch of an expression, e.g. `Patient.telecom.where(system='email')`. */
function follow(type: string, branch: string): Read {
  const read: Read = { nodes: [{ path: '', datatype: type, below: type, removable: false }] };
  for (const [step] of branch.matchAll(/[A-Za-z]+(\([^)]*\)[^).]*\)|\([^)]*\))?|\[\d+\]/g)) {
    const call = /^(\w+)\((.*)\)$/.exec(step);
    if (step === type && read.nodes[0]?.path === '') continue;
    if (call === null) {
      read.nodes = read.nodes.flatMap((node) => children(node, step));
    } else if (call[1] === 'ofType') {
      read.nodes = read.nodes.filter((node) => node.datatype === call[2]);
    } else if (call[1] === 'where') {
      const resolved = /^resolve\(\) is (\w+)$/.exec(call[2] ?? '');
      const equal = /^(\w+)='([^']*)'$/.exec(call[2] ?? '');
      if (resolved?.[1] !== undefined) read.narrowed = resolved[1];
      else if (equal !== null) read.where = `${equal[1]}=${equal[2]}`;
      else throw new Error(`unknown condition ${branch}`);
    } else throw new Error(`unknown function ${branch}`);
  }
  return read;
}

/** The branches of a union that start at this type, without the parentheses around an operand. */
function branches(type: string, expression: string): string[] {
  return expression
    .split('|')
    .map((branch) =>
      branch
        .trim()
        .replace(/^\((\S+) as (\w+)\)$/, '$1.ofType($2)')
        .replace(/^\((.*\))\)(.*)$/, '$1$2'),
    )
    .filter((branch) => branch.startsWith(`${type}.`));
}

function rowOf(type: string, parameter: SearchParameter): Row | undefined {
  const expression = parameter.expression ?? '';
  const exists = /^(\S+)\.exists\(\) and \1 != false$/.exec(expression);
  const own = branches(type, exists?.[1] ?? expression);
  // Of a kind that the gateway does not serve, so that it is named among what is refused.
  if (own.some((branch) => /\bextension\(/.test(branch))) return ['extension', 0, []];
  const reads = own.map((branch) => follow(type, branch));
  const paths = reads.flatMap(({ nodes, where }) =>
    nodes.map((node): Path => (where ? [node.path, node.datatype, where] : [node.path, node.datatype])),
  );
  if (paths.length === 0) return undefined;
  const unique = [...new Map(paths.map((path) => [path.join(' '), path])).values()];
  const removable = reads.some(({ nodes }) => nodes.some((node) => node.removable)) ? 1 : 0;
  const narrowed = [...new Set(reads.flatMap((read) => read.narrowed ?? []))];
  const targets = narrowed.length > 0 ? narrowed : (parameter.target ?? []);
  if (exists !== null) return [parameter.type, removable, unique, [], 'exists'];
  return parameter.type === 'reference'
    ? [parameter.type, removable, unique, targets.toSorted()]
    : [parameter.type, removable, unique];
}

/** In the file, but not in FHIR R4 itself. */
const addedByPublisher = new Set(['ServiceRequest-order-detail']);

const sorted = <T>(object: Record<string, T>): Record<string, T> =>
  Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)));

for (const version of ['R4', 'R5'] as const) {
  elements = elementsOf(version);
  const target = new URL(
    `../src/plan/generated/search-parameters${version === 'R4' ? '' : '-r5'}.json`,
    import.meta.url,
  );
  writeFileSync(target, `${JSON.stringify(tablesOf(version))}\n`);
}

function tablesOf(version: FhirVersion): object {
  const types: Record<string, Record<string, Row>> = Object.fromEntries(
    servedTypesOf(version).map((type) => [type, {}]),
  );
  for (const parameter of definitions<SearchParameter>(version, 'SearchParameter')) {
    if (parameter.version !== publishedVersions[version] || addedByPublisher.has(parameter.id)) continue;
    for (const type of parameter.base) {
      const row = types[type] === undefined ? undefined : rowOf(type, parameter);
      if (row !== undefined) (types[type] ?? {})[parameter.code] = row;
    }
  }
  const compartments: Record<string, Record<string, string[]>> = {};
  for (const compartment of definitions<CompartmentDefinition>(version, 'CompartmentDefinition')) {
    const members = compartment.resource
      .map(({ code, param }): [string, string[]] => [
        code,
        needed(
          types[code] ?? {},
          (param ?? []).filter((name) => name !== '{def}'),
        ),
      ])
      .filter(([code, names]) => types[code] !== undefined && names.length > 0);
    compartments[compartment.code] = sorted(Object.fromEntries(members));
  }
  return {
    fhirVersion: publishedVersions[version],
    types: sorted(Object.fromEntries(Object.entries(types).map(([type, rows]) => [type, sorted(rows)]))),
    compartments: sorted(compartments),
  };
}

/** Parameters whose elements another one of the same list reads as well are left out: they add no member. */
function needed(rows: Readonly<Record<string, Row>>, names: readonly string[]): string[] {
  const pathsOf = (name: string): string[] => (rows[name]?.[2] ?? []).map(([path]) => path);
  const within = (inner: string, outer: string): boolean =>
    pathsOf(inner).every((path) => pathsOf(outer).includes(path)) &&
    (pathsOf(outer).length > pathsOf(inner).length || names.indexOf(outer) < names.indexOf(inner));
  return names.filter(
    (name) => pathsOf(name).length > 0 && !names.some((other) => other !== name && within(name, other)),
  );
}
