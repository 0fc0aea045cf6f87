import { carriedReferences, isResourceType } from '../fhir/model.ts';
import { byVersion } from '../fhir/version.ts';
import r4 from './generated/search-parameters.json' with { type: 'json' };
import r5 from './generated/search-parameters-r5.json' with { type: 'json' };
import { isServed } from './served.ts';

/** FHIR search parameter types that the gateway evaluates (search-param-type). */
export type Kind = 'token' | 'reference' | 'date' | 'string' | 'number' | 'quantity' | 'uri';

/** One element that a parameter reads. */
export interface ElementPath {
  /** With the type in front, choice elements spelled out: `Observation.valueQuantity`. */
  readonly path: string;
  readonly segments: readonly string[];
  readonly datatype: string;
  /** Only items whose member has this value count, e.g. `system` = `email`. */
  readonly where?: readonly [name: string, value: string];
}

/** One search parameter of one type, as the gateway serves it. */
export interface SearchParameter {
  readonly type: string;
  readonly name: string;
  readonly kind: Kind;
  readonly elements: readonly ElementPath[];
  /** Types a reference may lead to; empty for "any". */
  readonly targets: readonly string[];
  /** True when the gateway may cut what it reads: a reference, a label, or an element that falls with a reference. */
  readonly removable: boolean;
  /** True when it reads what only the view knows (labels, tags, profiles): it is never sent upstream. */
  readonly local: boolean;
  /** `exists`: its value is whether any of its elements is there and not false. */
  readonly form: 'value' | 'exists';
}

type Row = readonly [string, number, readonly (readonly string[])[], (readonly string[])?, string?];

/** Datatypes each kind of parameter is compared with. */
const comparable: Readonly<Record<Kind, readonly string[]>> = {
  token: ['code', 'Coding', 'CodeableConcept', 'Identifier', 'ContactPoint', 'boolean', 'string', 'id', 'dateTime'],
  reference: ['Reference'],
  date: ['date', 'dateTime', 'instant', 'Period', 'Timing'],
  string: ['string', 'markdown', 'HumanName', 'Address'],
  number: ['integer', 'decimal', 'positiveInt', 'unsignedInt'],
  quantity: ['Quantity', 'Age', 'Duration', 'Money'],
  uri: ['uri', 'url', 'canonical', 'oid'],
};

/** Datatypes that a parameter of the kind passes over, as if the element were not there. */
const passedOver: Readonly<Record<Kind, readonly string[]>> = {
  token: [],
  reference: ['Attachment'],
  date: ['string', 'Age', 'Range'],
  string: [],
  number: [],
  quantity: ['SampledData'],
  uri: [],
};

/** Parameters of every type (FHIR R4 Search, "Parameters for all resources"). */
const common: readonly { name: string; kind: Kind; path: string; datatype: string; local: boolean }[] = [
  { name: '_id', kind: 'token', path: 'id', datatype: 'id', local: false },
  { name: '_lastUpdated', kind: 'date', path: 'meta.lastUpdated', datatype: 'instant', local: false },
  { name: '_profile', kind: 'uri', path: 'meta.profile', datatype: 'canonical', local: true },
  { name: '_security', kind: 'token', path: 'meta.security', datatype: 'Coding', local: true },
  { name: '_tag', kind: 'token', path: 'meta.tag', datatype: 'Coding', local: true },
];

type Rows = Readonly<Record<string, Readonly<Record<string, Row>>>>;

const generated = byVersion(
  (version) =>
    (version === 'R4' ? r4 : r5) as unknown as {
      readonly types: Rows;
      readonly compartments: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
    },
);

const types = byVersion(
  () =>
    new Map(
      Object.entries(generated().types).map(([type, rows]) => [
        type,
        new Map(
          [...common.map((entry) => commonParameter(type, entry)), ...Object.entries(rows).flatMap(ofRow(type))].map(
            (parameter) => [parameter.name, parameter],
          ),
        ),
      ]),
    ),
);

function ofRow(type: string): (entry: [string, Row]) => readonly SearchParameter[] {
  return ([name, [kind, removable, paths, targets = [], form]]) => {
    if (!isKind(kind) || name === 'phonetic') return [];
    const all = paths.map(([path = '', datatype = '', where]) => elementPath(type, path, datatype, where));
    const isReference = kind === 'reference' && all.some(({ datatype }) => datatype === 'Reference');
    const elements = all.filter(
      // Beside a reference a canonical leads to a definition, which no request names here (R5 RequestOrchestration.participant).
      ({ datatype }) => !passedOver[kind].includes(datatype) && !(isReference && datatype === 'canonical'),
    );
    if (elements.some(({ datatype }) => !comparable[kind].includes(datatype))) return [];
    const reads = { type, name, kind, elements, targets: targets.filter(isResourceType) };
    return [
      {
        ...reads,
        removable: removable === 1 || elements.some(isCarried),
        local: false,
        form: form === 'exists' ? 'exists' : 'value',
      },
    ];
  };
}

/** Whether it stands in an element that falls with a reference. */
function isCarried({ path }: ElementPath): boolean {
  return [...carriedReferences].some((carried) => path.startsWith(carried.slice(0, carried.lastIndexOf('.') + 1)));
}

function commonParameter(type: string, entry: (typeof common)[number]): SearchParameter {
  const elements = [elementPath(type, entry.path, entry.datatype, undefined)];
  const { name, kind, local } = entry;
  return { type, name, kind, elements, targets: [], removable: local, local, form: 'value' };
}

function elementPath(type: string, path: string, datatype: string, where: string | undefined): ElementPath {
  const element = { path: `${type}.${path}`, segments: path.split('.'), datatype };
  if (where === undefined) return element;
  const equals = where.indexOf('=');
  return { ...element, where: [where.slice(0, equals), where.slice(equals + 1)] };
}

function isKind(kind: string): kind is Kind {
  return Object.hasOwn(comparable, kind);
}

/** The parameter of a served type; undefined for what is not served. */
export function parameterOf(type: string, name: string): SearchParameter | undefined {
  return types().get(type)?.get(name);
}

/** All parameters of a served type, in order of name. */
export function parametersOf(type: string): readonly SearchParameter[] {
  return [...(types().get(type)?.values() ?? [])];
}

/** Parameters that FHIR defines for a served type and that this gateway refuses. */
export function refusedParametersOf(type: string): readonly string[] {
  const all = Object.keys(generated().types[type] ?? {});
  return all.filter((name) => parameterOf(type, name) === undefined);
}

/**
 * Parameters by which a type is a member of a compartment (FHIR CompartmentDefinition); undefined when it is never.
 * @param root a resource type, e.g. `Patient`
 */
export function compartmentParameters(root: string, type: string): readonly string[] | undefined {
  const { compartments } = generated();
  const members = Object.hasOwn(compartments, root) ? compartments[root] : undefined;
  return members !== undefined && Object.hasOwn(members, type) ? members[type] : undefined;
}

/** Resource types that head a compartment. */
export function isCompartment(type: string): boolean {
  return Object.hasOwn(generated().compartments, type);
}

/** Served types that a reference parameter may lead to. */
export function servedTargets(parameter: SearchParameter): readonly string[] {
  return parameter.targets.length === 0 ? [...types().keys()] : parameter.targets.filter(isServed);
}

/**
 * The parameter by which resources of a type are searched for one patient: `_id` for Patient itself; undefined when the
 * version has none.
 */
export function patientParameterOf(type: string): string | undefined {
  if (type === 'Patient') return '_id';
  const candidates = ['patient', 'subject', ...(compartmentParameters('Patient', type) ?? [])];
  return candidates.find((name) => {
    const parameter = parameterOf(type, name);
    return parameter?.kind === 'reference' && servedTargets(parameter).includes('Patient');
  });
}
