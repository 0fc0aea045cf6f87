import type { Random } from './random.ts';

export interface Resource {
  resourceType: string;
  id: string;
  [element: string]: unknown;
}

/** Two stores that differ only in what the requester may not know. */
export interface Twins {
  /** What the requester may know, and nothing else. */
  readonly plain: readonly Resource[];
  /** The same, and hidden things among it. */
  readonly full: readonly Resource[];
  /** Keys of the hidden resources. */
  readonly hidden: readonly string[];
  readonly visible: readonly string[];
}

const actCode = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';
const confidentiality = 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality';
const icd10 = 'http://hl7.org/fhir/sid/icd-10-cm';
const loinc = 'http://loinc.org';
const ref = (reference: string) => ({ reference });
const concept = (system: string, code: string) => ({ coding: [{ system, code }] });
const subject = (patient: string) => ({ subject: ref(`Patient/${patient}`) });
const day = (n: number): string =>
  `2025-${String(1 + (n % 12)).padStart(2, '0')}-${String(1 + (n % 28)).padStart(2, '0')}`;
const narrative = (text: string) => ({
  text: { status: 'generated', div: `<div xmlns="http://www.w3.org/1999/xhtml">${text}</div>` },
});

export const patients = ['p1', 'p2'] as const;
export const hiddenPatient = 'p3';

/**
 * The world of a clinician to whom two ordinary charts are open (implicit policy basic-normal), and a second one in
 * which hidden things were recorded beside and inside them.
 */
export function twins(random: Random): Twins {
  const plain = visibleWorld(random);
  const full = structuredClone(plain);
  const hidden = recordHidden(full, random);
  return { plain, full, hidden, visible: plain.map(({ resourceType, id }) => `${resourceType}/${id}`) };
}

function visibleWorld(random: Random): Resource[] {
  const world: Resource[] = [
    { resourceType: 'Organization', id: 'org1', name: 'Mercy Example Hospital' },
    { resourceType: 'Practitioner', id: 'doc1', name: [{ family: 'Grey' }] },
    { resourceType: 'Location', id: 'loc1', name: 'Ward 1' },
  ];
  for (const patient of patients) {
    world.push({
      resourceType: 'Patient',
      id: patient,
      birthDate: patient === 'p1' ? '1970-02-03' : '1985-11-30',
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
        serviceProvider: ref('Organization/org1'),
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
        resourceType: 'Coverage',
        id: `${patient}-cov`,
        status: 'active',
        beneficiary: ref(`Patient/${patient}`),
        payor: [ref('Organization/org1')],
      },
    );
  }
  world.push({
    resourceType: 'Group',
    id: 'g1',
    type: 'person',
    actual: true,
    member: patients.map((patient) => ({ entity: ref(`Patient/${patient}`) })),
  });
  return world;
}

type Hide = (world: Resource[], random: Random) => string[];

const label = (...codes: string[]) => ({
  meta: { security: codes.map((code) => ({ system: code.length === 1 ? confidentiality : actCode, code })) },
});

/** Ways to record a hidden resource; each gives the keys of what it hid. */
const hides: readonly Hide[] = [
  function labelledEncounterWithUnlabelledChildren(world, random) {
    const patient = random.pick(patients);
    const id = `${patient}-w-enc`;
    world.push(
      {
        resourceType: 'Encounter',
        id,
        ...label('R', '42CFRPart2'),
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
  function unlabelledCode(world, random) {
    const patient = random.pick(patients);
    world.push({
      resourceType: 'Condition',
      id: `${patient}-w-f11`,
      code: concept(icd10, 'F11.20'),
      ...subject(patient),
      recordedDate: day(2),
    });
    return [`Condition/${patient}-w-f11`];
  },
  function labelledResults(world, random) {
    const patient = random.pick(patients);
    const topic = random.pick(['HIV', 'PSY', 'SDV', 'ETH', 'OPIOIDUD', 'UNHEARDOF']);
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
  function labelledPrescription(world, random) {
    const patient = random.pick(patients);
    world.push({
      resourceType: 'MedicationRequest',
      id: `${patient}-w-m`,
      ...label('PSY'),
      status: 'active',
      intent: 'order',
      medicationCodeableConcept: { text: 'x' },
      ...subject(patient),
      authoredOn: day(9),
    });
    return [`MedicationRequest/${patient}-w-m`];
  },
  function containedAndInline(world, random) {
    const patient = random.pick(patients);
    const inline = {
      url: 'http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label',
      valueCoding: { system: actCode, code: 'HIV' },
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
  function consentDeniesOneInstance(world, random) {
    const patient = random.pick(patients);
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
  function wholePatient(world) {
    const id = hiddenPatient;
    world.push(
      {
        resourceType: 'Patient',
        id,
        birthDate: '1970-02-03',
        gender: 'female',
        name: [{ family: 'Samplep3', given: ['Ann'] }],
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
        payor: [ref('Organization/org1')],
      },
      denial(`${id}-consent`, id, {}),
    );
    return [
      `Patient/${id}`,
      `Encounter/${id}-e0`,
      `Observation/${id}-o0`,
      `Coverage/${id}-cov`,
      `Consent/${id}-consent`,
    ];
  },
];

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
  (world, _key, random) => {
    const resource = find(world, random.pick(['Observation', 'Patient']), random);
    resource.text = narrative('SECRET: seen at the detox clinic').text;
  },
];

function recordHidden(world: Resource[], random: Random): string[] {
  const visible = new Set(world.map(({ resourceType, id }) => `${resourceType}/${id}`));
  const chosen = hides.filter(() => random.chance(0.7));
  const hidden = (chosen.length === 0 ? hides : chosen).flatMap((hide) => hide(world, random));
  const speakers = world.filter(({ resourceType, id }) => visible.has(`${resourceType}/${id}`));
  for (let n = 0; n < 6; n++) random.pick(traces)(speakers, random.pick(hidden), random);
  if (hidden.includes(`Patient/${hiddenPatient}`)) {
    if (random.chance(0.7))
      push(find(speakers, 'Group', random), 'member', { entity: ref(`Patient/${hiddenPatient}`) });
    if (random.chance(0.5))
      push(find(speakers, 'Patient', random), 'link', { other: ref(`Patient/${hiddenPatient}`), type: 'seealso' });
  }
  // What is recorded later does not stand at the end of the store.
  for (let i = world.length - 1; i > 0; i--) {
    if (visible.has(`${world[i]?.resourceType}/${world[i]?.id}`)) continue;
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
