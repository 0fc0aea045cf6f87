import type { Random } from './random.ts';
import { hiddenPatient, patients, type TwinWorlds } from './world.ts';

export interface TwinRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE' | 'PATCH' | 'OPTIONS';
  readonly path: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const types = [
  'Observation',
  'Condition',
  'Encounter',
  'MedicationRequest',
  'Procedure',
  'Patient',
  'Provenance',
  'List',
  'CarePlan',
  'DocumentReference',
  'Coverage',
  'Group',
  'Consent',
  'DiagnosticReport',
  'Claim',
  'Composition',
  'RelatedPerson',
];

/** A request nobody wrote by hand: reads, versions, searches of every shape, about what is there, what is hidden and what never was. */
export function randomRequest(world: TwinWorlds, random: Random): TwinRequest {
  const key = anyKey(world, random);
  const roll = random.below(100);
  if (roll < 18) return { method: random.pick(['GET', 'GET', 'HEAD']), path: key, ...conditional(random) };
  if (roll < 24) return { method: 'GET', path: `${key}/_history` };
  if (roll < 27) return { method: 'GET', path: `${key}/_history/1` };
  if (roll < 30) return { method: random.pick(['PUT', 'DELETE', 'POST']), path: key };
  if (roll < 40)
    return {
      method: 'GET',
      path: withQuery(
        `Patient/${random.pick([...patients, hiddenPatient, 'nobody'])}/${random.pick(types.slice(0, 5))}`,
        results(random),
      ),
    };
  const type = random.pick(types);
  const query = [...criteria(type, world, random), ...results(random), ...includes(type, random)].join('&');
  if (random.chance(0.2)) return { method: 'POST', path: `${type}/_search`, body: query };
  return { method: 'GET', path: withQuery(type, [query]) };
}

function withQuery(path: string, query: readonly string[]): string {
  const text = query.filter((part) => part !== '').join('&');
  return text === '' ? path : `${path}?${text}`;
}

function conditional(random: Random): { headers?: Record<string, string> } {
  return random.chance(0.2) ? { headers: { 'if-none-match': random.pick(['W/"1"', '*', 'W/"2"']) } } : {};
}

function anyKey(world: TwinWorlds, random: Random): string {
  const roll = random.below(10);
  if (roll < 4) return random.pick(world.visible);
  if (roll < 8) return random.pick(world.hidden);
  return `${random.pick(types)}/never-was-${random.below(9)}`;
}

function idOf(key: string): string {
  return key.slice(key.indexOf('/') + 1);
}

function criteria(type: string, world: TwinWorlds, random: Random): string[] {
  const patient = random.pick([...patients, ...patients, hiddenPatient]);
  const choices: Record<string, readonly (() => string)[]> = {
    Observation: [
      () => `patient=${patient}`,
      () => `subject=Patient/${patient}`,
      () => `code=${random.pick(['4548-4', 'http://loinc.org|8480-6'])}`,
      () => `code:not=${random.pick(['4548-4', '8480-6'])}`,
      () => `encounter=${anyKeyOf('Encounter', world, random)}`,
      () => `encounter:missing=${random.pick(['true', 'false'])}`,
      () => `date=${random.pick(['ge', 'lt', 'gt', 'le', 'ne'])}2025-06-15`,
      () => `encounter.class=AMB`,
      () => `encounter:Encounter.status=finished`,
      () => `subject:Patient.birthdate=1970-02-03`,
      () => `value-quantity=gt${random.below(200)}`,
      () => `focus=${anyKey(world, random)}`,
      () => `focus:missing=${random.pick(['true', 'false'])}`,
    ],
    Condition: [
      () => `patient=${patient}`,
      () => `code=${random.pick(['I10', 'F11.20'])}`,
      () => `code:not=I10`,
      () => `evidence-detail=${anyKey(world, random)}`,
      () => `evidence-detail:missing=${random.pick(['true', 'false'])}`,
      () => `encounter:missing=true`,
    ],
    Encounter: [
      () => `patient=${patient}`,
      () => `_has:Observation:encounter:code=4548-4`,
      () => `part-of:missing=${random.pick(['true', 'false'])}`,
      () => `reason-reference=${anyKey(world, random)}`,
      () => `diagnosis:missing=${random.pick(['true', 'false'])}`,
      () => `diagnosis=${anyKeyOf('Condition', world, random)}`,
    ],
    Patient: [
      () => `_has:Condition:patient:code=${random.pick(['F11.20', 'I10'])}`,
      () => `_has:Encounter:patient:class=AMB`,
      () => `birthdate=1970-02-03`,
      () => `family=sample`,
      () => `link:missing=${random.pick(['true', 'false'])}`,
      () => `gender:not=male`,
    ],
    MedicationRequest: [() => `patient=${patient}`, () => `status=active`, () => `encounter:missing=true`],
    Provenance: [() => `target=${anyKey(world, random)}`, () => `agent=Practitioner/doc1`],
    List: [() => `item=${anyKey(world, random)}`, () => `patient=${patient}`, () => `item:missing=false`],
    CarePlan: [() => `condition=${anyKeyOf('Condition', world, random)}`, () => `patient=${patient}`],
    Procedure: [() => `patient=${patient}`, () => `reason-reference=${anyKey(world, random)}`],
    DocumentReference: [() => `patient=${patient}`, () => `related=${anyKey(world, random)}`],
    Coverage: [() => `beneficiary=Patient/${patient}`],
    Group: [() => `member=Patient/${patient}`],
    Consent: [() => `patient=${patient}`, () => `status=active`, () => `data=${anyKey(world, random)}`],
    DiagnosticReport: [() => `patient=${patient}`, () => `result=${anyKeyOf('Observation', world, random)}`],
    Claim: [() => `patient=${patient}`, () => `use=claim`],
    Composition: [() => `patient=${patient}`, () => `entry=${anyKey(world, random)}`],
    RelatedPerson: [() => `patient=${patient}`],
  };
  const common: readonly (() => string)[] = [
    () =>
      `_id=${random
        .some(
          [...world.visible, ...world.hidden]
            .filter((key) => key.startsWith(`${type}/`))
            .map(idOf)
            .concat('nobody'),
          4,
        )
        .join(',')}`,
    () => `_security=${random.pick(['42CFRPart2', 'R', 'HIV'])}`,
    () => `_security:not=R`,
    () => `_lastUpdated=gt2020-01-01`,
    () => `_tag:missing=true`,
    () => `_text=detox`,
    () => `_content=methadone`,
    () => `_filter=code%20eq%20x`,
    () => `_list=42`,
    () => `unknown=1`,
  ];
  // Few conditions at a time: several seldom match anything.
  const most = random.chance(0.25) ? 2 : 1;
  if (random.chance(0.15)) return [];
  const picked = random.some(random.chance(0.88) ? (choices[type] ?? common) : common, most);
  return [...new Set(picked.map((make) => make()))];
}

function anyKeyOf(type: string, world: TwinWorlds, random: Random): string {
  return random.pick(
    [...world.visible, ...world.hidden, `${type}/never-was`].filter((key) => key.startsWith(`${type}/`)),
  );
}

function results(random: Random): string[] {
  const parts: string[] = [];
  if (random.chance(0.5)) parts.push(`_count=${random.pick([1, 2, 3, 5, 0, 1000])}`);
  if (random.chance(0.25)) parts.push(`_total=${random.pick(['accurate', 'none', 'estimate'])}`);
  if (random.chance(0.2))
    parts.push(`_sort=${random.pick(['-date', 'date', '_id', '-_lastUpdated', 'code', 'encounter', '_score'])}`);
  const projection = random.below(7);
  if (projection === 0) parts.push(`_summary=${random.pick(['true', 'text', 'data', 'count', 'false'])}`);
  if (projection === 1) parts.push(`_elements=${random.pick(['id', 'code', 'encounter,code', 'meta'])}`);
  return parts;
}

function includes(type: string, random: Random): string[] {
  if (!random.chance(0.3)) return [];
  const known: Record<string, readonly string[]> = {
    Observation: [
      '_include=Observation:encounter',
      '_include=Observation:subject',
      '_revinclude=Provenance:target',
      '_include=Observation:focus',
    ],
    Patient: [
      '_revinclude=Observation:patient',
      '_revinclude=Encounter:patient',
      '_include=Patient:link',
      '_revinclude=*',
    ],
    Condition: [
      '_include=Condition:encounter',
      '_revinclude=Encounter:diagnosis',
      '_include=Condition:evidence-detail',
    ],
    Encounter: [
      '_revinclude=Observation:encounter',
      '_include=Encounter:diagnosis',
      '_include:iterate=Encounter:part-of',
    ],
    List: ['_include=List:item'],
    Provenance: ['_include=Provenance:target'],
  };
  return known[type] === undefined ? ['_include=*'] : [random.pick(known[type])];
}
