import type { World } from './messages.ts';
import { concept, type Resource, ref } from './world.ts';

/**
 * What is hidden by R5's own elements alone: a label that comes over a CodeableReference, a type that R4 does not have, a
 * patient who is named where R4 names none. In `plain` none of it ever was.
 */
export interface R5Case {
  readonly name: string;
  readonly asker: string;
  /** Recorded in both worlds. */
  readonly visible: readonly Resource[];
  /** Recorded in `full` alone; a resource that is among `visible` too is its later version there. */
  readonly hidden: readonly Resource[];
  readonly requests: readonly string[];
}

const hl7 = 'http://terminology.hl7.org/CodeSystem';
const actCode = `${hl7}/v3-ActCode`;
const rxnorm = 'http://www.nlm.nih.gov/research/umls/rxnorm';
const loinc = 'http://loinc.org';
const icd10 = 'http://hl7.org/fhir/sid/icd-10-cm';
const ofAda = { subject: ref('Patient/ada') };
const practitioner = ref('Practitioner/doc1');
const part2 = {
  meta: {
    security: [
      { system: `${hl7}/v3-Confidentiality`, code: 'R' },
      { system: actCode, code: '42CFRPart2' },
    ],
  },
};
const text = (said: string) => ({ text: said });
/** What the case's visit is: hidden by its label, or the visible one. */
const visit = (id: string) => ({ encounter: ref(`Encounter/${id}`) });

const encounter = (id: string, more: object = {}): Resource => ({
  resourceType: 'Encounter',
  id,
  status: 'completed',
  class: [concept(actCode, 'AMB')],
  ...ofAda,
  actualPeriod: { start: '2025-05-05', end: '2025-05-05' },
  ...more,
});
const observation = (id: string, more: object = {}): Resource => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: concept(loinc, '8480-6'),
  ...ofAda,
  effectiveDateTime: '2025-05-05',
  ...more,
});
const condition = (id: string, code: string, more: object = {}): Resource => ({
  resourceType: 'Condition',
  id,
  clinicalStatus: concept(`${hl7}/condition-clinical`, 'active'),
  code: concept(icd10, code),
  ...ofAda,
  ...more,
});
const order = (id: string, medication: object, more: object = {}): Resource => ({
  resourceType: 'MedicationRequest',
  id,
  status: 'active',
  intent: 'order',
  ...ofAda,
  medication,
  authoredOn: '2025-05-05',
  ...more,
});
const patient = (id: string): Resource => ({
  resourceType: 'Patient',
  id,
  birthDate: '1970-02-03',
  name: [{ family: 'Sample' }],
});

/** Of every case: who is there, and what labels what is in the cases. */
const house: readonly Resource[] = [
  { resourceType: 'Organization', id: 'mercy-hospital', name: 'Mercy Example Hospital' },
  { resourceType: 'Organization', id: 'lakeside-recovery', name: 'Lakeside Example' },
  { resourceType: 'Practitioner', id: 'doc1', name: [{ family: 'Grey' }] },
  { resourceType: 'Location', id: 'loc1', name: 'Ward 1' },
  { resourceType: 'Medication', id: 'amlodipine', code: concept(rxnorm, '17767') },
  { resourceType: 'Device', id: 'pump', displayName: 'a pump' },
  { resourceType: 'BiologicallyDerivedProduct', id: 'unit', productCategory: { code: 'cells' } },
  patient('ada'),
  encounter('v'),
  condition('c', 'I10'),
  observation('o'),
];
const hiddenHouse: readonly Resource[] = [
  patient('eve'),
  {
    resourceType: 'Consent',
    id: 'eve-consent',
    status: 'active',
    category: [concept(loinc, '59284-0')],
    subject: ref('Patient/eve'),
    date: '2025-01-01',
    decision: 'deny',
  },
  encounter('w', part2),
  condition('w-c', 'F11.20'),
  { resourceType: 'Medication', id: 'buprenorphine', code: concept(rxnorm, '1010600') },
];

/** How a resource is asked for: by itself, among its like, by whose it is. */
const about = ({ resourceType, id }: Resource, ...queries: readonly string[]): string[] => [
  `${resourceType}/${id}`,
  `${resourceType}/${id}/_history`,
  `${resourceType}/${id}/_history/1`,
  ...['', `_id=${id}`, '_count=1', '_summary=count', '_total=accurate', ...queries].map(
    (query) => `${resourceType}?${query}`,
  ),
];

/** A type whose instances are hidden by the visit (or what else) they name: one of the visible visit, one of the hidden. */
function inherited(make: (id: string, parent: 'v' | 'w') => Resource, ...queries: readonly string[]): R5Case {
  const [shown, hidden] = [make('shown', 'v'), make('secret', 'w')];
  return {
    name: `${shown.resourceType} takes its label from what it was made in`,
    asker: 'dr-grey',
    visible: [shown],
    hidden: [hidden],
    requests: [`${shown.resourceType}/${shown.id}`, ...about(hidden, ...queries)],
  };
}

/** A visible resource that comes to speak of hidden ones. */
function speaking(shown: Resource, more: object, ...queries: readonly string[]): R5Case {
  return {
    name: `${shown.resourceType}.${Object.keys(more).join(', ')} is cut of what it tells`,
    asker: 'dr-grey',
    visible: [shown],
    hidden: [{ ...shown, ...more }],
    requests: about(shown, ...queries),
  };
}

const reference = (key: string) => ({ reference: ref(key) });

const byMedication: readonly R5Case[] = (
  [
    (id, medication) => order(id, medication),
    (id, medication) => ({
      resourceType: 'MedicationStatement',
      id,
      status: 'recorded',
      ...ofAda,
      medication,
    }),
    (id, medication) => ({ resourceType: 'MedicationDispense', id, status: 'completed', ...ofAda, medication }),
    (id, medication) => ({
      resourceType: 'MedicationAdministration',
      id,
      status: 'completed',
      ...ofAda,
      medication,
      occurenceDateTime: '2025-05-05',
    }),
  ] satisfies ((id: string, medication: object) => Resource)[]
).flatMap((make): R5Case[] => {
  const shown = make('med-shown', reference('Medication/amlodipine'));
  const type = shown.resourceType;
  const hidden = [
    make('med-ref', reference('Medication/buprenorphine')),
    make('med-code', { concept: concept(rxnorm, '1010600') }),
    { ...make('med-why', { concept: text('x') }), reason: [{ concept: concept(icd10, 'F11.20') }] } as Resource,
  ].filter((one: Resource) => one.reason === undefined || type !== 'MedicationDispense');
  const queries = [
    'medication=Medication/buprenorphine',
    'medication.code=1010600',
    'code=1010600',
    `_include=${type}:medication`,
    'medication:missing=false',
  ];
  return [
    {
      name: `${type} takes its label from the medication it names, and from codes of what and why`,
      asker: 'dr-grey',
      visible: [shown],
      hidden,
      requests: [
        ...hidden.flatMap((one) => about(one)),
        ...queries.map((query) => `${type}?${query}`),
        `Medication?_revinclude=${type}:medication`,
        `Medication?_has:${type}:medication:patient=ada`,
        'Medication/buprenorphine',
      ],
    },
  ];
});

const ownTypes: readonly R5Case[] = [
  inherited(
    (id, parent) => ({
      resourceType: 'DeviceUsage',
      id: `du-${id}`,
      status: 'active',
      patient: ref('Patient/ada'),
      context: ref(`Encounter/${parent}`),
      device: { reference: ref('Device/pump') },
    }),
    'patient=ada',
  ),
  inherited(
    (id, parent) => ({
      resourceType: 'DeviceDispense',
      id: `dd-${id}`,
      status: 'completed',
      device: { concept: text('pump') },
      ...ofAda,
      ...visit(parent),
    }),
    'subject=Patient/ada',
  ),
  inherited(
    (id, parent) => ({
      resourceType: 'NutritionIntake',
      id: `ni-${id}`,
      status: 'completed',
      ...ofAda,
      ...visit(parent),
      consumedItem: [{ type: text('soup'), nutritionProduct: { concept: text('soup') } }],
    }),
    'patient=ada',
    'encounter=Encounter/w',
  ),
  inherited(
    (id, parent) => ({ resourceType: 'GenomicStudy', id: `gs-${id}`, status: 'available', ...ofAda, ...visit(parent) }),
    'subject=Patient/ada',
  ),
  inherited((id, parent) => ({
    resourceType: 'Transport',
    id: `tr-${id}`,
    intent: 'order',
    for: ref('Patient/ada'),
    ...visit(parent),
    requestedLocation: ref('Location/loc1'),
    currentLocation: ref('Location/loc1'),
  })),
  inherited(
    (id, parent) => ({
      resourceType: 'RequestOrchestration',
      id: `ro-${id}`,
      status: 'active',
      intent: 'order',
      ...ofAda,
      ...visit(parent),
    }),
    'patient=ada',
    'encounter=Encounter/w',
    '_include=RequestOrchestration:encounter',
  ),
  inherited(
    (id, parent) => ({
      resourceType: 'EncounterHistory',
      id: `eh-${id}`,
      status: 'completed',
      class: concept(actCode, 'AMB'),
      ...ofAda,
      ...visit(parent),
    }),
    'patient=ada',
    'encounter=Encounter/w',
  ),
  {
    name: 'ImagingSelection takes its label from the study it is of',
    asker: 'dr-grey',
    visible: [
      { resourceType: 'ImagingSelection', id: 'is-shown', status: 'available', code: text('x'), ...ofAda },
      { resourceType: 'ImagingStudy', id: 'study-shown', status: 'available', ...ofAda, ...visit('v') },
    ],
    hidden: [
      { resourceType: 'ImagingStudy', id: 'study-secret', status: 'available', ...ofAda, ...visit('w') },
      {
        resourceType: 'ImagingSelection',
        id: 'is-secret',
        status: 'available',
        code: text('x'),
        ...ofAda,
        derivedFrom: [ref('ImagingStudy/study-secret')],
      },
    ],
    requests: [
      'ImagingSelection',
      'ImagingSelection/is-secret',
      'ImagingSelection?patient=ada',
      'ImagingSelection?derived-from=ImagingStudy/study-secret',
      'ImagingStudy',
      'ImagingStudy/study-secret',
    ],
  },
  {
    name: 'what was dispensed or fitted to somebody who opted out is hers',
    asker: 'dr-grey',
    visible: [
      {
        resourceType: 'BiologicallyDerivedProductDispense',
        id: 'bd-shown',
        status: 'issued',
        product: ref('BiologicallyDerivedProduct/unit'),
        patient: ref('Patient/ada'),
      },
      {
        resourceType: 'DeviceAssociation',
        id: 'da-shown',
        device: ref('Device/pump'),
        status: text('implanted'),
        ...ofAda,
      },
    ],
    hidden: [
      {
        resourceType: 'BiologicallyDerivedProductDispense',
        id: 'bd-secret',
        status: 'issued',
        product: ref('BiologicallyDerivedProduct/unit'),
        patient: ref('Patient/eve'),
      },
      {
        resourceType: 'DeviceAssociation',
        id: 'da-secret',
        device: ref('Device/pump'),
        status: text('implanted'),
        subject: ref('Patient/eve'),
      },
    ],
    requests: [
      'BiologicallyDerivedProductDispense',
      'BiologicallyDerivedProductDispense/bd-secret',
      'BiologicallyDerivedProductDispense?patient=eve',
      'DeviceAssociation',
      'DeviceAssociation/da-secret',
      'DeviceAssociation?subject=Patient/eve',
      'DeviceAssociation?_include=DeviceAssociation:subject',
    ],
  },
  {
    name: 'what is in stock for somebody who opted out',
    asker: 'dr-grey',
    visible: [{ resourceType: 'InventoryItem', id: 'ii-shown', status: 'active' }],
    hidden: [
      { resourceType: 'InventoryItem', id: 'ii-secret', status: 'active', instance: { subject: ref('Patient/eve') } },
    ],
    requests: [
      'InventoryItem',
      'InventoryItem/ii-secret',
      'InventoryItem?subject=Patient/eve',
      'InventoryItem?_summary=count',
    ],
  },
  {
    name: 'an Appointment is about its subject, though no participant is the patient',
    asker: 'dr-grey',
    visible: [
      {
        resourceType: 'Appointment',
        id: 'ap-shown',
        status: 'booked',
        ...ofAda,
        participant: [{ actor: practitioner, status: 'accepted' }],
      },
    ],
    hidden: [
      {
        resourceType: 'Appointment',
        id: 'ap-secret',
        status: 'booked',
        subject: ref('Patient/eve'),
        participant: [{ actor: practitioner, status: 'accepted' }],
      },
      {
        resourceType: 'Appointment',
        id: 'ap-why',
        status: 'booked',
        ...ofAda,
        reason: [{ concept: concept(icd10, 'F11.20') }],
        participant: [{ actor: practitioner, status: 'accepted' }],
      },
    ],
    requests: [
      'Appointment',
      'Appointment/ap-secret',
      'Appointment/ap-why',
      'Appointment?patient=eve',
      'Appointment?subject=Patient/eve',
      'Appointment?practitioner=Practitioner/doc1',
      'Appointment?_include=Appointment:patient',
      'Practitioner?_revinclude=Appointment:practitioner',
    ],
  },
  {
    name: 'who else takes part in an Appointment about the patient is not hers to know',
    asker: 'ada',
    visible: [
      {
        resourceType: 'Appointment',
        id: 'ap-group',
        status: 'booked',
        ...ofAda,
        participant: [{ actor: practitioner, status: 'accepted' }],
      },
    ],
    hidden: [
      {
        resourceType: 'Appointment',
        id: 'ap-group',
        text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">Ada and Eve</div>' },
        status: 'booked',
        ...ofAda,
        participant: [
          { actor: practitioner, status: 'accepted' },
          { actor: ref('Patient/eve'), status: 'accepted' },
        ],
      },
    ],
    requests: [
      'Appointment/ap-group',
      'Appointment?_id=ap-group',
      'Appointment?actor=Patient/eve',
      'Appointment?_id=ap-group&_include=Appointment:actor',
    ],
  },
];

const orderDetail = { parameter: [{ code: text('x'), valueBoolean: true }] };
const elements: readonly R5Case[] = [
  {
    name: 'a visit to a Part 2 program covers what was recorded in it',
    asker: 'dr-grey',
    visible: [encounter('mercy-visit', { serviceProvider: ref('Organization/mercy-hospital') })],
    hidden: [
      encounter('program-visit', { serviceProvider: ref('Organization/lakeside-recovery') }),
      observation('program-weight', visit('program-visit')),
      condition('program-asthma', 'J45.909', visit('program-visit')),
      {
        resourceType: 'DocumentReference',
        id: 'program-note',
        status: 'current',
        ...ofAda,
        context: [ref('Encounter/program-visit')],
        content: [{ attachment: { title: 'note' } }],
      },
    ],
    requests: [
      ...about(encounter('program-visit'), 'date=2025-05', 'date=ge2025', 'patient=ada', '_sort=-date'),
      ...about(observation('program-weight'), 'encounter=Encounter/program-visit', 'encounter.date=2025-05'),
      'Condition/program-asthma',
      'DocumentReference/program-note',
      'DocumentReference?context=Encounter/program-visit',
      'DocumentReference',
    ],
  },
  {
    name: 'a code in a reason labels what was done for it',
    asker: 'dr-grey',
    visible: [
      {
        resourceType: 'Procedure',
        id: 'done',
        status: 'completed',
        ...ofAda,
        code: text('x'),
        occurrenceDateTime: '2025-05-05',
      },
    ],
    hidden: [
      {
        resourceType: 'Procedure',
        id: 'done-why',
        status: 'completed',
        ...ofAda,
        code: text('x'),
        occurrencePeriod: { start: '2025-05-05' },
        reason: [{ concept: concept(icd10, 'F11.20') }],
      },
      encounter('visit-why', { reason: [{ value: [{ concept: concept(icd10, 'F11.20') }] }] }),
    ],
    requests: [
      'Procedure',
      'Procedure/done-why',
      'Procedure?date=2025-05',
      'Procedure?reason-code=F11.20',
      'Encounter/visit-why',
      'Encounter?reason-code=F11.20',
      'Encounter?reason-code:missing=true',
    ],
  },
  speaking(
    encounter('speaks-visit'),
    { reason: [{ use: [text('x')], value: [{ reference: ref('Condition/w-c') }] }] },
    'reason-reference=Condition/w-c',
    'reason-reference:missing=true',
    '_include=Encounter:reason-reference',
  ),
  speaking(
    encounter('speaks-diagnosis'),
    { diagnosis: [{ condition: [{ reference: ref('Condition/w-c') }], use: [text('x')] }] },
    'diagnosis-reference=Condition/w-c',
    'diagnosis-reference:missing=true',
  ),
  speaking(
    condition('speaks-c', 'I10'),
    {
      evidence: [{ reference: ref('Condition/w-c') }],
      participant: [{ actor: ref('Patient/eve') }],
    },
    'evidence-detail=Condition/w-c',
    'participant-actor=Patient/eve',
  ),
  speaking(
    order('speaks-m', { concept: concept(rxnorm, '17767') }),
    { reason: [{ reference: ref('Condition/w-c') }] },
    '_include=*',
  ),
  speaking(
    {
      resourceType: 'Procedure',
      id: 'speaks-p',
      status: 'completed',
      ...ofAda,
      code: concept('http://snomed.info/sct', '430193006'),
    },
    { reason: [{ reference: ref('Condition/w-c') }], complication: [{ reference: ref('Condition/w-c') }] },
    'reason-reference=Condition/w-c',
  ),
  speaking(
    { resourceType: 'CarePlan', id: 'speaks-cp', status: 'active', intent: 'plan', ...ofAda },
    {
      addresses: [{ reference: ref('Condition/w-c') }],
      activity: [
        { progress: [{ text: 'x' }], plannedActivityReference: ref('MedicationRequest/med-ref') },
        { performedActivity: [{ reference: ref('Encounter/w') }], progress: [{ text: 'x' }] },
      ],
    },
    'condition=Condition/w-c',
    'activity-reference=MedicationRequest/med-ref',
  ),
  speaking(
    {
      resourceType: 'ServiceRequest',
      id: 'speaks-sr',
      status: 'active',
      intent: 'order',
      ...ofAda,
      code: { concept: text('x') },
      orderDetail: [orderDetail],
    },
    {
      orderDetail: [{ ...orderDetail, parameterFocus: { reference: ref('DeviceUsage/du-secret') } }],
      reason: [{ reference: ref('Condition/w-c') }],
      supportingInfo: [{ reference: ref('Encounter/w') }],
    },
  ),
  speaking(
    { resourceType: 'AllergyIntolerance', id: 'speaks-ai', patient: ref('Patient/ada'), code: text('x') },
    {
      participant: [{ actor: ref('Patient/eve') }],
      reaction: [{ manifestation: [{ reference: ref('Observation/program-weight') }] }],
    },
    'participant=Patient/eve',
    'manifestation-reference=Observation/program-weight',
  ),
  speaking(
    {
      resourceType: 'Immunization',
      id: 'speaks-im',
      status: 'completed',
      vaccineCode: text('x'),
      patient: ref('Patient/ada'),
      occurrenceDateTime: '2025-05-05',
    },
    {
      reason: [{ reference: ref('Condition/w-c') }],
      reaction: [{ date: '2025-05-06', manifestation: { reference: ref('Observation/program-weight') } }],
      informationSource: { reference: ref('Patient/eve') },
    },
    'reaction=Observation/program-weight',
  ),
  speaking(
    { resourceType: 'EpisodeOfCare', id: 'speaks-ec', status: 'active', patient: ref('Patient/ada') },
    {
      reason: [{ use: text('x'), value: [{ reference: ref('Condition/w-c') }] }],
      diagnosis: [{ condition: [{ reference: ref('Condition/w-c') }], use: text('x') }],
    },
    'reason-reference=Condition/w-c',
    'diagnosis-reference=Condition/w-c',
  ),
  speaking(
    {
      resourceType: 'Goal',
      id: 'speaks-g',
      lifecycleStatus: 'active',
      description: text('x'),
      ...ofAda,
    },
    { addresses: [ref('Condition/w-c')], outcome: [{ reference: ref('Observation/program-weight') }] },
    'addresses=Condition/w-c',
  ),
  speaking(
    { resourceType: 'DiagnosticReport', id: 'speaks-dr', status: 'final', code: concept(loinc, '58410-2'), ...ofAda },
    { supportingInfo: [{ type: text('x'), reference: ref('Observation/program-weight') }] },
  ),
  speaking(observation('speaks-o'), {
    triggeredBy: [{ observation: ref('Observation/program-weight'), type: 'reflex' }],
  }),
];

/** A Consent that says of which time its data may be, which in R5 other elements tell. */
const harborIn2025: Resource = {
  resourceType: 'Consent',
  id: 'dora-consent',
  status: 'active',
  category: [concept(loinc, '59284-0')],
  subject: ref('Patient/dora'),
  date: '2025-01-01',
  decision: 'deny',
  provision: [
    {
      actor: [{ role: concept(`${hl7}/v3-ParticipationType`, 'IRCP'), reference: ref('Organization/harbor-clinic') }],
      purpose: [{ system: `${hl7}/v3-ActReason`, code: 'TREAT' }],
      securityLabel: [{ system: `${hl7}/v3-Confidentiality`, code: 'N' }],
      dataPeriod: { start: '2025-01-01', end: '2025-12-31' },
    },
  ],
};
const dora = { subject: ref('Patient/dora') };
const doras = (year: number): readonly Resource[] => [
  encounter(`dora-e${year}`, { ...dora, actualPeriod: { start: `${year}-05-05`, end: `${year}-05-06` } }),
  {
    resourceType: 'Procedure',
    id: `dora-p${year}`,
    status: 'completed',
    ...dora,
    code: text('x'),
    occurrencePeriod: { start: `${year}-05-05`, end: `${year}-05-05` },
  },
  {
    resourceType: 'Procedure',
    id: `dora-q${year}`,
    status: 'completed',
    ...dora,
    code: text('x'),
    occurrenceDateTime: `${year}-05-05`,
  },
  {
    resourceType: 'MedicationAdministration',
    id: `dora-ma${year}`,
    status: 'completed',
    ...dora,
    medication: { concept: concept(rxnorm, '17767') },
    occurenceDateTime: `${year}-05-05`,
  },
];
/** A Consent that keeps HIV to herself, before people who may know of it otherwise: the medication is no secret, that it is hers is. */
const gil = { subject: ref('Patient/gil') };
const notOfHiv: Resource = {
  ...harborIn2025,
  id: 'gil-consent',
  ...gil,
  provision: [
    {
      actor: [{ role: concept(`${hl7}/v3-ParticipationType`, 'IRCP'), reference: ref('Organization/mercy-hospital') }],
      provision: [{ securityLabel: [{ system: actCode, code: 'HIV' }] }],
    },
  ],
};
/** A Consent that names by code what it is about: what an order is for, which R5 has in its medication's concept. */
const harborByCode: Resource = {
  ...harborIn2025,
  id: 'fay-consent',
  subject: ref('Patient/fay'),
  provision: [
    {
      actor: [{ role: concept(`${hl7}/v3-ParticipationType`, 'IRCP'), reference: ref('Organization/harbor-clinic') }],
      purpose: [{ system: `${hl7}/v3-ActReason`, code: 'TREAT' }],
      code: [concept(rxnorm, '17767')],
    },
  ],
};
const fay = { subject: ref('Patient/fay') };

const consents: readonly R5Case[] = [
  {
    name: 'a medication that everybody may know of labels the order that names it',
    asker: 'dr-grey',
    visible: [
      notOfHiv,
      patient('gil'),
      { resourceType: 'Medication', id: 'antiviral', code: concept(rxnorm, '1147334') },
      order('gil-m', reference('Medication/amlodipine'), gil),
    ],
    hidden: [order('gil-antiviral', reference('Medication/antiviral'), gil)],
    requests: [
      ...about(order('gil-antiviral', {}), 'patient=gil', 'medication=Medication/antiviral'),
      'Medication?_revinclude=MedicationRequest:medication',
      'Medication/antiviral',
    ],
  },
  {
    name: 'a Consent of a period opens what happened in it, by actualPeriod and occurrence',
    asker: 'harbor',
    visible: [harborIn2025, patient('dora'), ...doras(2025)],
    hidden: doras(2020),
    requests: [
      'Encounter?patient=dora',
      'Encounter?date=2020',
      'Procedure?patient=dora',
      'Procedure?date=lt2021',
      'MedicationAdministration?patient=dora',
      ...doras(2020).map(({ resourceType, id }) => `${resourceType}/${id}`),
    ],
  },
  {
    name: 'a Consent of a code opens what is coded so, by the concept of the medication',
    asker: 'harbor',
    visible: [harborByCode, patient('fay'), order('fay-m', { concept: concept(rxnorm, '17767') }, fay)],
    hidden: [
      order('fay-other', { concept: concept(rxnorm, '314076') }, fay),
      observation('fay-o', { ...fay, code: concept(loinc, '8480-6') }),
    ],
    requests: [
      'MedicationRequest?patient=fay',
      'MedicationRequest/fay-other',
      'MedicationRequest?code=314076',
      'Observation?patient=fay',
    ],
  },
];

export const r5Cases: readonly R5Case[] = [...byMedication, ...ownTypes, ...elements, ...consents];

const keyed = ({ resourceType, id }: Resource): string => `${resourceType}/${id}`;

function worldOf(...resources: readonly Resource[]): World {
  return { resources: resources.map((one) => JSON.stringify(one)) };
}

/** All cases beside each other. */
export const r5Plain: World = worldOf(...house, ...r5Cases.flatMap(({ visible }) => visible));
export const r5Full: World = worldOf(
  ...hiddenHouse,
  ...r5Cases.flatMap(({ visible, hidden }) => [
    ...hidden.filter((one) => !visible.some((other) => keyed(other) === keyed(one))),
    ...visible,
  ]),
  ...r5Cases.flatMap(({ visible, hidden }) =>
    hidden.filter((one) => visible.some((other) => keyed(other) === keyed(one))),
  ),
  ...house,
);

/** What somebody of the cases must receive, by type: everything of the plain world that is about a patient she may know of. */
export function expectedOf(asker: string, resourceType: string): readonly string[] {
  // What is Ada's own there, she who treats her may know of too.
  const askers = asker === 'dr-grey' ? ['dr-grey', 'ada'] : [asker];
  const mine = r5Cases.filter((one) => askers.includes(one.asker)).flatMap(({ visible }) => visible);
  const common = asker === 'dr-grey' ? house : [];
  return [...common, ...mine].filter((one) => one.resourceType === resourceType).map(keyed);
}
