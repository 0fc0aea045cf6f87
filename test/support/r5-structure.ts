import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** Whether resources have the structure that HL7's definitions of FHIR R5 (5.0.0) give them: names, lists, required elements. */

interface Element {
  readonly path: string;
  readonly min: number;
  readonly max: string;
  readonly type?: readonly { readonly code: string }[];
  readonly contentReference?: string;
}
/** The elements below one element, by how they are written. */
type Children = ReadonlyMap<string, { readonly element: Element; readonly type: string }>;

const require = createRequire(import.meta.url);
const folder = dirname(require.resolve('hl7.fhir.r5.core/package.json'));
const snapshots = new Map<string, readonly Element[]>();
const tables = new Map<string, Children>();

function snapshotOf(type: string): readonly Element[] {
  let elements = snapshots.get(type);
  if (elements === undefined) {
    const file = join(folder, `StructureDefinition-${type}.json`);
    elements = existsSync(file)
      ? (JSON.parse(readFileSync(file, 'utf8')) as { snapshot: { element: Element[] } }).snapshot.element
      : [];
    snapshots.set(type, elements);
  }
  return elements;
}

function childrenOf(path: string): Children {
  const known = tables.get(path);
  if (known !== undefined) return known;
  const table = new Map<string, { element: Element; type: string }>();
  const below = new RegExp(`^${path.replaceAll('.', '\\.')}\\.([^.]+)$`);
  for (const element of snapshotOf(path.split('.', 1)[0] ?? '')) {
    const name = below.exec(element.path)?.[1];
    if (name === undefined) continue;
    const types = (element.type ?? []).map(({ code }) => code);
    if (name.endsWith('[x]')) {
      for (const type of types)
        table.set(name.slice(0, -3) + type.charAt(0).toUpperCase() + type.slice(1), { element, type });
    } else table.set(name, { element, type: types[0] ?? '' });
  }
  tables.set(path, table);
  return table;
}

/** What of a resource is not as R5 defines it; [] where all is. */
export function structureProblems(resource: { readonly resourceType: string }): readonly string[] {
  const { resourceType, ...members } = resource;
  return snapshotOf(resourceType).length === 0
    ? [`${resourceType} is no type of R5`]
    : problemsBelow(members, resourceType, resourceType);
}

function problemsBelow(value: Readonly<Record<string, unknown>>, path: string, at: string): readonly string[] {
  const children = childrenOf(path);
  const problems: string[] = [];
  for (const [name, content] of Object.entries(value)) {
    const child = children.get(name.replace(/^_/, ''));
    if (child === undefined) problems.push(`${at}.${name} is not defined`);
    else if (!name.startsWith('_')) problems.push(...problemsOf(content, child, `${at}.${name}`));
  }
  const present = new Set(Object.keys(value).map((name) => children.get(name.replace(/^_/, ''))?.element.path));
  for (const { element } of new Set(children.values()))
    if (element.min > 0 && !present.has(element.path)) problems.push(`${element.path} is required at ${at}`);
  return [...new Set(problems)];
}

function problemsOf(
  content: unknown,
  { element, type }: { readonly element: Element; readonly type: string },
  at: string,
): readonly string[] {
  if (Array.isArray(content) !== (element.max !== '1'))
    return [`${at} is ${element.max === '1' ? 'no list' : 'a list'}`];
  const items: readonly unknown[] = Array.isArray(content) ? content : [content];
  if (items.length === 0) return [`${at} is empty`];
  return items.flatMap((item) => {
    const isPrimitive = /^[a-z]|^http/.test(type);
    if (typeof item !== 'object' || item === null) return isPrimitive ? [] : [`${at} is no ${type}`];
    if (isPrimitive) return [`${at} is no ${type}`];
    if (type === 'Resource') return structureProblems(item as { resourceType: string });
    const own = element.contentReference?.replace(/^.*#/, '');
    const path = own ?? (/^(BackboneElement|Element)$/.test(type) ? element.path : type);
    return problemsBelow(item as Record<string, unknown>, path, at);
  });
}
