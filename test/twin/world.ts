import { onePage, shown } from '../support/pdfs.ts';
import type { World } from './messages.ts';
import type { Random } from './random.ts';

export interface Resource {
  resourceType: string;
  id: string;
  [element: string]: unknown;
}

/** Stores that differ only in what the requester may not know. */
export interface TwinWorlds {
  /** What the requester may know, and what is hidden in every world. */
  readonly plain: World;
  /** The same, and hidden things among it and inside it. */
  readonly full: World;
  /** The same hidden things, changed: other content, other labels, further versions, some deleted. */
  readonly changed: World;
  /** Keys of the hidden resources. */
  readonly hidden: readonly string[];
  /** Keys of what stands in `plain`. */
  readonly visible: readonly string[];
  readonly resources: readonly Resource[];
}

/** What is hidden from somebody, by the rules that hold for her. */
export interface Blindness {
  /** Patients in whose charts hidden things are recorded. */
  readonly charts: readonly string[];
  /** Labels that hide a resource in those charts. */
  readonly topics: readonly string[];
  /** Patients all of whose data is hidden, and in whose charts anything may change. */
  readonly foreign?: readonly string[];
  /** Receives narrative: it is her own record, whatever its texts mention. */
  readonly narrative?: boolean;
  /** Words hide as well, in notes and PDF files; what is visible speaks of hidden things in words that tell of nothing. */
  readonly words?: boolean;
}

const actCode = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';
const confidentiality = 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality';
const actReason = 'http://terminology.hl7.org/CodeSystem/v3-ActReason';
const icd10 = 'http://hl7.org/fhir/sid/icd-10-cm';
const loinc = 'http://loinc.org';
export const ref = (reference: string) => ({ reference });
export const concept = (system: string, code: string) => ({ coding: [{ system, code }] });
const subject = (patient: string) => ({ subject: ref(`Patient/${patient}`) });
const day = (n: number): string =>
  `2025-${String(1 + (n % 12)).padStart(2, '0')}-${String(1 + (n % 28)).padStart(2, '0')}`;
const narrative = (text: string) => ({
  text: { status: 'generated', div: `<div xmlns="http://www.w3.org/1999/xhtml">${text}</div>` },
});

/** Ordinary patients, whose charts are open to clinicians by the implicit policy and to partners by Consent. */
export const patients = ['ada', 'cy'] as const;
/** A patient who opted out. */
export const hiddenPatient = 'eve';

/** Hidden from clinicians, partners and offices alike: no Consent permits it, no role is cleared for it. */
export const sensitive: Blindness = {
  charts: patients,
  topics: ['SDV', 'ETH', 'OPIOIDUD', '42CFRPart2', 'VIO', 'UNHEARDOF'],
};

export const blindness: Readonly<Record<string, Blindness>> = {
  'dr-grey': sensitive,
  'sam-nwosu': sensitive,
  harbor: { ...sensitive, topics: [...sensitive.topics, 'HIV', 'PSY'] },
  summit: { ...sensitive, topics: [...sensitive.topics, 'HIV', 'PSY'] },
  biller: { ...sensitive, topics: [...sensitive.topics, 'HIV', 'PSY'] },
  'front-desk': { ...sensitive, topics: [...sensitive.topics, 'HIV', 'PSY'] },
  meridian: { ...sensitive, topics: [...sensitive.topics, 'HIV', 'PSY'] },
  ada: { charts: [], topics: sensitive.topics, foreign: ['cy'], narrative: true },
  'ada-observations': { charts: [], topics: sensitive.topics, foreign: ['cy'], narrative: true },
  'cy-guardian': { charts: ['cy'], topics: ['ADOL'], foreign: ['ada'] },
  'dr-grey-vitals': sensitive,
  'dr-grey-no-encounters': sensitive,
};

/** Worlds for one requester: the visible one, the same with hidden things, the same with other hidden things. */
export function twinWorlds(random: Random, blind: Blindness): TwinWorlds {
  const plain = visibleWorld(random);
  const full = structuredClone(plain);
  const hidden = recordHidden(full, random, blind);
  const older = olderVersions(plain, random);
  const hiddenKeys = new Set(hidden);
  const { resources: changed, deleted } = changeHidden(full, hiddenKeys, random);
  return {
    plain: { resources: plain.flatMap((one) => texts([...(older.get(keyOf(one)) ?? []), one])) },
    full: { resources: written(full, plain, older, random) },
    changed: { resources: written(changed, plain, older, random), deleted },
    hidden,
    visible: plain.map(keyOf),
    resources: plain,
  };
}

export function keyOf({ resourceType, id }: Resource): string {
  return `${resourceType}/${id}`;
}

function texts(versions: readonly Resource[]): string[] {
  return versions.map((version) => JSON.stringify(version));
}

/** Earlier versions of some visible resources: changes that everybody may see. */
function olderVersions(plain: readonly Resource[], random: Random): ReadonlyMap<string, readonly Resource[]> {
  const older = new Map<string, readonly Resource[]>();
  for (const resource of plain) {
    if (resource.resourceType !== 'Observation' || !random.chance(0.3)) continue;
    older.set(keyOf(resource), [{ ...resource, status: 'preliminary' }]);
  }
  return older;
}

/** What speaks of hidden things in its last version sometimes did not in the version before. */
function written(
  world: readonly Resource[],
  plain: readonly Resource[],
  older: ReadonlyMap<string, readonly Resource[]>,
  random: Random,
): string[] {
  const before = new Map(plain.map((one) => [keyOf(one), one]));
  return world.flatMap((one) => {
    const was = before.get(keyOf(one));
    const versions = [...(older.get(keyOf(one)) ?? [])];
    if (was !== undefined && JSON.stringify(was) !== JSON.stringify(one) && random.chance(0.5)) versions.push(was);
    return texts([...versions, one]);
  });
}

/** Hidden things with other values, other labels that hide as well, further versions; some are deleted. */
function changeHidden(
  full: readonly Resource[],
  hidden: ReadonlySet<string>,
  random: Random,
): { resources: Resource[]; deleted: string[] } {
  const deleted: string[] = [];
  // What others take their labels from stays: a label goes with what bore it.
  const isParent = (key: string): boolean =>
    full.some(({ result, encounter, partOf }) => JSON.stringify([result, encounter, partOf]).includes(`"${key}"`));
  const resources = full.flatMap((one) => {
    if (!hidden.has(keyOf(one)) || !random.chance(0.6)) return [structuredClone(one)];
    const other = structuredClone(one);
    if (other.effectiveDateTime !== undefined) other.effectiveDateTime = day(random.below(300));
    if (other.valueQuantity !== undefined) other.valueQuantity = { value: random.below(300), unit: 'x' };
    if (other.status === 'final') other.status = 'amended';
    other.language = 'en';
    const isLeaf = /-w-(o\d|m|f11)$/.test(one.id) && !isParent(keyOf(one));
    if (isLeaf && random.chance(0.3)) deleted.push(keyOf(one));
    return random.chance(0.5) ? [structuredClone(one), other] : [other];
  });
  return { resources, deleted };
}

const mercy = ref('Organization/mercy-hospital');

function visibleWorld(random: Random): Resource[] {
  const world: Resource[] = [
    { resourceType: 'Organization', id: 'mercy-hospital', name: 'Mercy Example Hospital' },
    { resourceType: 'Organization', id: 'harbor-clinic', name: 'Harbor Example Clinic' },
    { resourceType: 'Organization', id: 'lakeside-recovery', name: 'Lakeside Example' },
    { resourceType: 'Practitioner', id: 'doc1', name: [{ family: 'Grey' }] },
    { resourceType: 'Location', id: 'loc1', name: 'Ward 1' },
  ];
  for (const patient of patients) {
    world.push({
      resourceType: 'Patient',
      id: patient,
      birthDate: patient === 'ada' ? '1970-02-03' : '1985-11-30',
      gender: 'female',
      name: [{ family: `Sample${patient}`, given: ['Ann'] }],
      ...narrative('a patient'),
    });
    for (let n = 0; n < 3; n++) {
      world.push({
        resourceType: 'Encounter',
        id: `${patient}-e${n}`,
        status: 'finished',
        class: { system: `${actCode}`, code: 'AMB' },
        ...subject(patient),
        period: { start: day(n), end: day(n) },
        serviceProvider: mercy,
        participant: [{ individual: ref('Practitioner/doc1') }],
      });
    }
    for (let n = 0; n < 8; n++) {
      world.push({
        resourceType: 'Observation',
        id: `${patient}-o${n}`,
        status: 'final',
        code: concept(loinc, random.pick(['4548-4', '8480-6', '29463-7'])),
        ...subject(patient),
        encounter: ref(`Encounter/${patient}-e${n % 3}`),
        effectiveDateTime: day(random.below(300)),
        valueQuantity: { value: random.below(200), unit: 'x' },
        performer: [ref('Practitioner/doc1')],
        ...narrative('an observation'),
      });
    }
    for (let n = 0; n < 4; n++) {
      world.push({
        resourceType: 'Condition',
        id: `${patient}-c${n}`,
        code: concept(icd10, random.pick(['I10', 'E11.9', 'J45.909'])),
        ...subject(patient),
        encounter: ref(`Encounter/${patient}-e${n % 3}`),
        recordedDate: day(n),
        clinicalStatus: concept('http://terminology.hl7.org/CodeSystem/condition-clinical', 'active'),
      });
    }
    world.push(
      {
        resourceType: 'MedicationRequest',
        id: `${patient}-m0`,
        status: 'active',
        intent: 'order',
        medicationCodeableConcept: concept('http://www.nlm.nih.gov/research/umls/rxnorm', '314076'),
        ...subject(patient),
        authoredOn: day(3),
        requester: ref('Practitioner/doc1'),
      },
      {
        resourceType: 'Procedure',
        id: `${patient}-r0`,
        status: 'completed',
        code: concept('http://snomed.info/sct', '430193006'),
        ...subject(patient),
        performedDateTime: day(5),
      },
      {
        resourceType: 'CarePlan',
        id: `${patient}-cp0`,
        status: 'active',
        intent: 'plan',
        ...subject(patient),
        addresses: [ref(`Condition/${patient}-c0`)],
      },
      {
        resourceType: 'DocumentReference',
        id: `${patient}-d0`,
        status: 'current',
        ...subject(patient),
        content: [{ attachment: { contentType: 'text/plain', title: 'note' } }],
        date: '2025-03-03T00:00:00Z',
      },
      {
        resourceType: 'List',
        id: `${patient}-l0`,
        status: 'current',
        mode: 'snapshot',
        ...subject(patient),
        entry: [{ item: ref(`Condition/${patient}-c1`) }],
      },
      {
        resourceType: 'Provenance',
        id: `${patient}-v0`,
        target: [ref(`Observation/${patient}-o0`), ref(`Condition/${patient}-c0`)],
        recorded: '2025-01-01T00:00:00Z',
        agent: [{ who: ref('Practitioner/doc1') }],
      },
      {
        resourceType: 'DiagnosticReport',
        id: `${patient}-dr0`,
        status: 'final',
        code: concept(loinc, '58410-2'),
        ...subject(patient),
        result: [ref(`Observation/${patient}-o1`)],
      },
      {
        resourceType: 'Claim',
        id: `${patient}-cl0`,
        status: 'active',
        type: concept('http://terminology.hl7.org/CodeSystem/claim-type', 'professional'),
        use: 'claim',
        patient: ref(`Patient/${patient}`),
        created: '2025-04-01',
        provider: mercy,
        priority: concept('http://terminology.hl7.org/CodeSystem/processpriority', 'normal'),
        insurance: [{ sequence: 1, focal: true, coverage: ref(`Coverage/${patient}-cov`) }],
        diagnosis: [{ sequence: 1, diagnosisReference: ref(`Condition/${patient}-c0`) }],
      },
      permission(`${patient}-exchange`, patient, {
        actor: ['harbor-clinic', 'summit-clinic'].map(recipient),
        purpose: [{ system: actReason, code: 'TREAT' }],
        securityLabel: [{ system: confidentiality, code: 'N' }],
      }),
      permission(`${patient}-scheduling`, patient, {
        actor: [recipient('mercy-hospital')],
        purpose: [{ system: actReason, code: 'PATADMIN' }],
        securityLabel: [{ system: confidentiality, code: 'N' }],
        class: ['Patient', 'Appointment', 'Coverage'].map((code) => ({
          system: 'http://hl7.org/fhir/resource-types',
          code,
        })),
      }),
      {
        resourceType: 'Coverage',
        id: `${patient}-cov`,
        status: 'active',
        beneficiary: ref(`Patient/${patient}`),
        payor: [mercy],
      },
    );
  }
  world.push({
    resourceType: 'RelatedPerson',
    id: 'cy-guardian',
    active: true,
    patient: ref('Patient/cy'),
    relationship: [concept('http://terminology.hl7.org/CodeSystem/v3-RoleCode', 'GUARD')],
  });
  world.push({
    resourceType: 'Group',
    id: 'g1',
    type: 'person',
    actual: true,
    member: patients.map((patient) => ({ entity: ref(`Patient/${patient}`) })),
  });
  return world;
}

const recipient = (organization: string) => ({
  role: concept('http://terminology.hl7.org/CodeSystem/v3-ParticipationType', 'IRCP'),
  reference: ref(`Organization/${organization}`),
});

/** A Consent that permits something ordinary to somebody; anybody may read it. */
function permission(id: string, patient: string, provision: object): Resource {
  return {
    resourceType: 'Consent',
    id,
    status: 'active',
    scope: concept('http://terminology.hl7.org/CodeSystem/consentscope', 'patient-privacy'),
    category: [concept(loinc, '59284-0')],
    patient: ref(`Patient/${patient}`),
    dateTime: '2025-01-01',
    performer: [ref(`Patient/${patient}`)],
    organization: [mercy],
    sourceAttachment: { contentType: 'text/plain', title: 'Signed form' },
    policyRule: concept('http://terminology.hl7.org/CodeSystem/consentpolicycodes', 'hipaa-auth'),
    provision: { type: 'permit', period: { start: '2024-01-01', end: '2046-12-31' }, ...provision },
  };
}

/** Where and by what labels something may be hidden in one go. */
interface Place {
  readonly patient: string;
  readonly topic: string;
}

type Hide = (world: Resource[], place: Place, random: Random) => string[];

const label = (...codes: string[]) => ({
  meta: {
    security: codes.map((code) => ({ system: /^[ULMNRV]$/.test(code) ? confidentiality : actCode, code })),
  },
});

/** Ways to record a hidden resource; each gives the keys of what it hid. */
const hides: readonly Hide[] = [
  function labelledEncounterWithUnlabelledChildren(world, { patient, topic }) {
    const id = `${patient}-w-enc`;
    world.push(
      {
        resourceType: 'Encounter',
        id,
        ...label('R', topic),
        status: 'finished',
        class: { code: 'AMB' },
        ...subject(patient),
        period: { start: day(40) },
      },
      {
        resourceType: 'Observation',
        id: `${id}-o`,
        status: 'final',
        code: concept(loinc, '8480-6'),
        ...subject(patient),
        encounter: ref(`Encounter/${id}`),
        effectiveDateTime: day(41),
      },
      {
        resourceType: 'Condition',
        id: `${id}-c`,
        code: concept(icd10, 'I10'),
        ...subject(patient),
        encounter: ref(`Encounter/${id}`),
        recordedDate: day(1),
      },
      {
        resourceType: 'Encounter',
        id: `${id}-part`,
        status: 'finished',
        class: { code: 'AMB' },
        ...subject(patient),
        partOf: ref(`Encounter/${id}`),
      },
      {
        resourceType: 'Observation',
        id: `${id}-part-o`,
        status: 'final',
        code: concept(loinc, '4548-4'),
        ...subject(patient),
        encounter: ref(`Encounter/${id}-part`),
      },
    );
    return [
      `Encounter/${id}`,
      `Observation/${id}-o`,
      `Condition/${id}-c`,
      `Encounter/${id}-part`,
      `Observation/${id}-part-o`,
    ];
  },
  function unlabelledCode(world, { patient }) {
    world.push({
      resourceType: 'Condition',
      id: `${patient}-w-f11`,
      code: concept(icd10, 'F11.20'),
      ...subject(patient),
      recordedDate: day(2),
    });
    return [`Condition/${patient}-w-f11`];
  },
  function labelledResults(world, { patient, topic }, random) {
    const ids = ['-w-o1', '-w-o2', '-w-o3'].map((suffix) => `${patient}${suffix}`);
    for (const id of ids)
      world.push({
        resourceType: 'Observation',
        id,
        ...label('R', topic),
        status: 'final',
        code: concept(loinc, '4548-4'),
        ...subject(patient),
        effectiveDateTime: day(random.below(300)),
        valueQuantity: { value: random.below(300), unit: 'x' },
      });
    return ids.map((id) => `Observation/${id}`);
  },
  function labelledPrescription(world, { patient, topic }) {
    world.push({
      resourceType: 'MedicationRequest',
      id: `${patient}-w-m`,
      ...label(topic),
      status: 'active',
      intent: 'order',
      medicationCodeableConcept: { text: 'x' },
      ...subject(patient),
      authoredOn: day(9),
    });
    return [`MedicationRequest/${patient}-w-m`];
  },
  function containedAndInline(world, { patient, topic }) {
    const inline = {
      url: 'http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label',
      valueCoding: { system: actCode, code: topic },
    };
    world.push(
      {
        resourceType: 'CarePlan',
        id: `${patient}-w-cp`,
        status: 'active',
        intent: 'plan',
        ...subject(patient),
        contained: [{ resourceType: 'Condition', id: 'x', code: concept(icd10, 'F10.20'), ...subject(patient) }],
        addresses: [ref('#x')],
      },
      {
        resourceType: 'Procedure',
        id: `${patient}-w-r`,
        status: 'completed',
        ...subject(patient),
        code: { text: 'x', extension: [inline] },
      },
    );
    return [`CarePlan/${patient}-w-cp`, `Procedure/${patient}-w-r`];
  },
  function consentDeniesOneInstance(world, { patient }) {
    world.push(
      {
        resourceType: 'Procedure',
        id: `${patient}-w-inst`,
        status: 'completed',
        code: concept('http://snomed.info/sct', '430193006'),
        ...subject(patient),
        performedDateTime: day(5),
      },
      denial(`${patient}-w-consent`, patient, {
        data: [{ meaning: 'instance', reference: ref(`Procedure/${patient}-w-inst`) }],
        securityLabel: [
          { system: actCode, code: 'SUD' },
          { system: confidentiality, code: 'U' },
        ],
      }),
    );
    return [`Procedure/${patient}-w-inst`, `Consent/${patient}-w-consent`];
  },
  hidePatient,
];

/** Where texts are read, words hide. */
const hidesByWords: readonly Hide[] = [
  function note(world, { patient }) {
    world.push({
      resourceType: 'Observation',
      id: `${patient}-w-note`,
      status: 'final',
      code: concept(loinc, '8480-6'),
      ...subject(patient),
      effectiveDateTime: day(7),
      note: [{ text: 'uses heroin daily' }],
    });
    return [`Observation/${patient}-w-note`];
  },
  function pdfFile(world, { patient }) {
    const data = onePage({ content: shown(`${patient} uses heroin daily`) }).toString('base64');
    world.push({
      resourceType: 'DocumentReference',
      id: `${patient}-w-pdf`,
      status: 'current',
      ...subject(patient),
      content: [{ attachment: { contentType: 'application/pdf', data } }],
    });
    return [`DocumentReference/${patient}-w-pdf`];
  },
];

/** A patient who opted out, with a chart of her own. */
function hidePatient(world: Resource[]): string[] {
  const id = hiddenPatient;
  world.push(
    {
      resourceType: 'Patient',
      id,
      birthDate: '1970-02-03',
      gender: 'female',
      name: [{ family: 'Sampleeve', given: ['Ann'] }],
    },
    { resourceType: 'Encounter', id: `${id}-e0`, status: 'finished', class: { code: 'AMB' }, ...subject(id) },
    {
      resourceType: 'Observation',
      id: `${id}-o0`,
      status: 'final',
      code: concept(loinc, '4548-4'),
      ...subject(id),
      encounter: ref(`Encounter/${id}-e0`),
    },
    {
      resourceType: 'Coverage',
      id: `${id}-cov`,
      status: 'active',
      beneficiary: ref(`Patient/${id}`),
      payor: [mercy],
    },
    denial(`${id}-consent`, id, {}),
  );
  return [`Patient/${id}`, `Encounter/${id}-e0`, `Observation/${id}-o0`, `Coverage/${id}-cov`, `Consent/${id}-consent`];
}

/** Those that hide by the label they are given, and by nothing else. */
const takesAnyTopic = (hide: Hide): boolean =>
  ['labelledEncounterWithUnlabelledChildren', 'labelledResults', 'labelledPrescription'].includes(hide.name);

function denial(id: string, patient: string, narrowed: object): Resource {
  return {
    resourceType: 'Consent',
    id,
    status: 'active',
    scope: concept('http://terminology.hl7.org/CodeSystem/consentscope', 'patient-privacy'),
    category: [concept(loinc, '59284-0')],
    patient: ref(`Patient/${patient}`),
    dateTime: '2025-01-01',
    policyRule: concept(actCode, 'OPTOUT'),
    provision: { type: 'deny', ...narrowed },
  };
}

/** Ways in which something visible may come to speak of something hidden. */
const traces: readonly ((world: Resource[], key: string, random: Random) => void)[] = [
  (world, key, random) => push(find(world, 'Observation', random), 'focus', ref(key)),
  (world, key, random) =>
    push(find(world, 'Observation', random), 'extension', {
      url: 'http://example.org/seen-with',
      valueReference: ref(key),
    }),
  (world, key, random) =>
    push(find(world, 'Condition', random), 'evidence', { detail: [{ ...ref(key), display: 'SECRET-DISPLAY' }] }),
  (world, key, random) => push(find(world, 'MedicationRequest', random), 'reasonReference', ref(key)),
  (world, key, random) =>
    push(find(world, 'MedicationRequest', random), 'supportingInformation', ref(`${key}/_history/1`)),
  (world, key, random) => push(find(world, 'CarePlan', random), 'addresses', ref(key)),
  (world, key, random) => push(find(world, 'Provenance', random), 'target', ref(key)),
  (world, key, random) => push(find(world, 'List', random), 'entry', { item: ref(key), date: '2025-01-01' }),
  (world, key, random) => push(find(world, 'DocumentReference', random), 'context', undefined, { related: [ref(key)] }),
  (world, key, random) => push(find(world, 'Procedure', random), 'reasonReference', ref(key)),
  (world, key, random) => push(find(world, 'Encounter', random), 'diagnosis', { condition: ref(key), rank: 1 }),
  (world, key, random) => push(find(world, 'Encounter', random), 'reasonReference', ref(key)),
];

/** What cannot stand without a hidden thing, or is made of it. */
function dependents(world: Resource[], patient: string, key: string): string[] {
  const id = `${patient}-w-dep`;
  const made: Resource[] = [
    {
      resourceType: 'Provenance',
      id,
      target: [ref(key)],
      recorded: '2025-01-01T00:00:00Z',
      agent: [{ who: ref('Practitioner/doc1') }],
    },
    {
      resourceType: 'Claim',
      id,
      status: 'active',
      type: concept('http://terminology.hl7.org/CodeSystem/claim-type', 'professional'),
      use: 'claim',
      patient: ref(`Patient/${patient}`),
      created: '2025-04-01',
      provider: mercy,
      priority: concept('http://terminology.hl7.org/CodeSystem/processpriority', 'normal'),
      insurance: [{ sequence: 1, focal: true, coverage: ref(`Coverage/${patient}-cov`) }],
      supportingInfo: [{ sequence: 1, category: { text: 'x' }, valueReference: ref(key) }],
    },
    {
      resourceType: 'Composition',
      id,
      status: 'final',
      type: concept(loinc, '34133-9'),
      ...subject(patient),
      date: '2025-04-01',
      author: [ref('Practitioner/doc1')],
      title: 'Summary',
      section: [{ title: 'x', entry: [ref(key)] }],
    },
  ];
  if (key.startsWith('Observation/'))
    made.push({
      resourceType: 'DiagnosticReport',
      id,
      status: 'final',
      code: concept(loinc, '58410-2'),
      ...subject(patient),
      result: [ref(key)],
    });
  world.push(...made);
  return made.map(keyOf);
}

/** Words about hidden things in a text that is nobody's element. */
function narrativeTrace(world: readonly Resource[], random: Random, words: string): void {
  const resource = find(world, random.pick(['Observation', 'Patient']), random);
  resource.text = narrative(`SECRET: ${words}`).text;
}

function recordHidden(world: Resource[], random: Random, blind: Blindness): string[] {
  const visible = new Set(world.map(keyOf));
  const foreign = blind.foreign ?? [];
  const hidden: string[] = [];
  const used = new Set<string>();
  // Each way at most once for each patient: ids are made of the patient's.
  for (const patient of [...blind.charts, ...foreign]) {
    // In a chart that is hidden as a whole, anything hides; where one label does, it has to be that one.
    const all = blind.words === true ? [...hides, ...hidesByWords] : hides;
    const ways = foreign.includes(patient) || blind.topics.length > 1 ? all : all.filter(takesAnyTopic);
    for (const hide of ways.filter(() => random.chance(0.45))) {
      const name = hide === hidePatient ? hide.name : `${hide.name} ${patient}`;
      if (used.has(name)) continue;
      used.add(name);
      hidden.push(...hide(world, { patient, topic: random.pick(blind.topics) }, random));
    }
  }
  if (hidden.length === 0) hidden.push(...hidePatient(world));
  const own = hidden.find((key) => !key.includes(hiddenPatient) && !key.startsWith('Consent/'));
  const chart = [...blind.charts, ...foreign].find((patient) => own?.includes(`/${patient}-`));
  if (own !== undefined && chart !== undefined) hidden.push(...dependents(world, chart, own));
  const speakers = world.filter((one) => visible.has(keyOf(one)));
  for (let n = 0; n < 6; n++) random.pick(traces)(speakers, random.pick(hidden), random);
  const words = blind.words === true ? 'seen in another house' : 'seen at the detox clinic';
  if (blind.narrative !== true) narrativeTrace(speakers, random, words);
  if (hidden.includes(`Patient/${hiddenPatient}`)) {
    if (random.chance(0.7))
      push(find(speakers, 'Group', random), 'member', { entity: ref(`Patient/${hiddenPatient}`) });
    if (random.chance(0.5))
      push(find(speakers, 'Patient', random), 'link', { other: ref(`Patient/${hiddenPatient}`), type: 'seealso' });
  }
  // What is recorded later does not stand at the end of the store.
  for (let i = world.length - 1; i > 0; i--) {
    if (visible.has(keyOf(world[i] as Resource))) continue;
    const j = random.below(i);
    const [moved] = world.splice(i, 1);
    if (moved !== undefined) world.splice(j, 0, moved);
  }
  return hidden;
}

function find(world: readonly Resource[], type: string, random: Random): Resource {
  return random.pick(world.filter(({ resourceType }) => resourceType === type));
}

function push(resource: Resource, element: string, item: unknown, whole?: object): void {
  if (whole !== undefined) resource[element] = whole;
  else resource[element] = [...((resource[element] as unknown[]) ?? []), item];
}

/** Whose data it is: `subject`, `patient`, `beneficiary`, or the patient herself. */
export function isOfPatient({ resourceType, id, subject, patient, beneficiary }: Resource, whose: string): boolean {
  if (resourceType === 'Patient') return id === whose;
  return JSON.stringify([subject, patient, beneficiary]).includes(`"Patient/${whose}"`);
}
