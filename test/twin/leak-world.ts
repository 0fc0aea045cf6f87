import type { World } from './messages.ts';
import { concept, type Resource, ref } from './world.ts';

/**
 * Twin worlds for the leak channels: in `full` an encounter `sud-1` (42 CFR Part 2) and what belongs to it were recorded,
 * a patient who opted out, and words about both in what stays visible; in `plain` none of that ever was. `nvr-1` is an id
 * of the same shape that never existed.
 */
export const withheldId = 'sud-1';
export const neverId = 'nvr-1';

const actCode = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';
const confidentiality = 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality';
const actReason = 'http://terminology.hl7.org/CodeSystem/v3-ActReason';
const loinc = 'http://loinc.org';
const icd10 = 'http://hl7.org/fhir/sid/icd-10-cm';
const rxnorm = 'http://www.nlm.nih.gov/research/umls/rxnorm';
const w = ref(`Encounter/${withheldId}`);
const wNamed = { ...w, display: 'Sunrise detox intake', identifier: { system: 'urn:visits', value: 'VN-77' } };
const part2Label = {
  security: [
    { system: confidentiality, code: 'R' },
    { system: actCode, code: '42CFRPart2' },
  ],
};
const ada = { subject: ref('Patient/ada') };
const div = (text: string) => ({
  text: { status: 'generated', div: `<div xmlns="http://www.w3.org/1999/xhtml">${text}</div>` },
});
const recipient = (organization: string) => ({
  role: concept('http://terminology.hl7.org/CodeSystem/v3-ParticipationType', 'IRCP'),
  reference: ref(`Organization/${organization}`),
});

type Versions = readonly [Resource, ...Resource[]];
type Both = { readonly plain: Versions; readonly full: Versions };

const same = (resource: Resource): Both => ({ plain: [resource], full: [resource] });
/** Visible in both; in `full` it has more elements, all of which are hidden. */
const more = (resource: Resource, hidden: object): Both => ({
  plain: [resource],
  full: [{ ...resource, ...hidden } as Resource],
});
/** As `more`, written as a second version of what was there before. */
const later = (resource: Resource, hidden: object): Both => ({
  plain: [resource],
  full: [resource, { ...resource, ...hidden } as Resource],
});

const observation = (id: string, over: object = {}): Resource => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  category: [concept('http://terminology.hl7.org/CodeSystem/observation-category', 'laboratory')],
  code: concept(loinc, '4548-4'),
  ...ada,
  encounter: ref('Encounter/v1'),
  effectiveDateTime: '2025-05-05',
  valueQuantity: { value: 6.1, unit: '%' },
  ...over,
});
const encounter = (id: string, over: object = {}): Resource => ({
  resourceType: 'Encounter',
  id,
  status: 'finished',
  class: { system: actCode, code: 'AMB' },
  ...ada,
  period: { start: '2025-05-05', end: '2025-05-05' },
  serviceProvider: ref('Organization/mercy-hospital'),
  ...over,
});
const condition = (id: string, code: string, over: object = {}): Resource => ({
  resourceType: 'Condition',
  id,
  code: concept(icd10, code),
  ...ada,
  recordedDate: '2025-05-05',
  ...over,
});
const consent = (id: string, patient: string, provision: object, over: object = {}): Resource => ({
  resourceType: 'Consent',
  id,
  status: 'active',
  scope: concept('http://terminology.hl7.org/CodeSystem/consentscope', 'patient-privacy'),
  category: [concept(loinc, '59284-0')],
  patient: ref(`Patient/${patient}`),
  dateTime: '2025-01-01',
  performer: [ref(`Patient/${patient}`)],
  organization: [ref('Organization/mercy-hospital')],
  sourceAttachment: { contentType: 'text/plain', title: 'Signed form' },
  policyRule: concept('http://terminology.hl7.org/CodeSystem/consentpolicycodes', 'hipaa-auth'),
  provision: { type: 'permit', period: { start: '2024-01-01', end: '2046-12-31' }, ...provision },
  ...over,
});
const exchange = (patient: string): Resource =>
  consent(`${patient}-exchange`, patient, {
    actor: ['harbor-clinic', 'summit-clinic'].map(recipient),
    purpose: [{ system: actReason, code: 'TREAT' }],
    securityLabel: [{ system: confidentiality, code: 'N' }],
  });
const claim = (id: string, over: object = {}): Resource => ({
  resourceType: 'Claim',
  id,
  status: 'active',
  type: concept('http://terminology.hl7.org/CodeSystem/claim-type', 'professional'),
  use: 'claim',
  patient: ref('Patient/ada'),
  created: '2025-04-01',
  provider: ref('Organization/mercy-hospital'),
  priority: concept('http://terminology.hl7.org/CodeSystem/processpriority', 'normal'),
  insurance: [{ sequence: 1, focal: true, coverage: ref('Coverage/cov1') }],
  ...over,
});

const visible: readonly Both[] = [
  same({ resourceType: 'Organization', id: 'mercy-hospital', name: 'Mercy Example Hospital' }),
  same({ resourceType: 'Organization', id: 'rehab', name: 'Sunrise Example' }),
  same({ resourceType: 'Organization', id: 'lakeside-recovery', name: 'Lakeside Example' }),
  same({ resourceType: 'Practitioner', id: 'doc1', name: [{ family: 'Grey' }] }),
  more(
    {
      resourceType: 'Patient',
      id: 'ada',
      birthDate: '1970-02-03',
      gender: 'female',
      name: [{ family: 'Sample', given: ['Ada'] }],
      generalPractitioner: [ref('Practitioner/doc1')],
    },
    { link: [{ other: ref('Patient/eve'), type: 'seealso' }], ...div('seen at the detox clinic') },
  ),
  same({ resourceType: 'Patient', id: 'cy', birthDate: '1985-11-30', gender: 'male', name: [{ family: 'Sample' }] }),
  same({
    resourceType: 'RelatedPerson',
    id: 'cy-guardian',
    active: true,
    patient: ref('Patient/cy'),
    relationship: [concept('http://terminology.hl7.org/CodeSystem/v3-RoleCode', 'GUARD')],
  }),
  same(exchange('ada')),
  same(exchange('cy')),
  same(encounter('v1', { identifier: [{ system: 'urn:visits', value: 'VN-01' }] })),
  // A gap in the ranks would tell: the whole list goes.
  more(encounter('v2', { period: { start: '2025-06-06' } }), {
    diagnosis: [
      { condition: ref('Condition/sud-c'), rank: 1 },
      { condition: ref('Condition/c1'), rank: 2 },
    ],
    reasonReference: [ref('Condition/sud-c')],
  }),
  same(encounter('v3', { period: { start: '2025-07-07' }, partOf: ref('Encounter/v1') })),
  same(encounter('x1', { subject: ref('Patient/cy') })),
  more(observation('o1', div('an observation')), div('taken in the methadone programme')),
  later(observation('o2'), {
    focus: [wNamed],
    extension: [{ url: 'http://example.org/seen-with', valueReference: w }],
  }),
  later(observation('o3', { code: concept(loinc, '8480-6'), effectiveDateTime: '2025-06-06' }), {
    focus: [ref(`Encounter/${withheldId}/_history/1`)],
    vendorHint: 'detox',
  }),
  more(
    observation('o4', {
      category: [concept('http://terminology.hl7.org/CodeSystem/observation-category', 'vital-signs')],
      code: concept(loinc, '29463-7'),
      encounter: ref('Encounter/v3'),
      effectiveDateTime: '2025-07-07',
      derivedFrom: [ref('Observation/o1')],
    }),
    {
      meta: {
        source: '#rehab-feed',
        profile: ['http://example.org/StructureDefinition/sud-result'],
        tag: [{ system: 'http://example.org/feeds', code: 'rehab' }],
      },
    },
  ),
  more(observation('o5', { effectiveDateTime: '2025-08-08' }), {
    meta: {
      security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue', code: 'REDACTED' }],
      tag: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue', code: 'SUBSETTED' }],
    },
    focus: [ref('Patient/eve'), { identifier: { system: 'urn:visits', value: 'VN-77' } }],
  }),
  // What was labelled for a while stays withheld as it was then and before.
  {
    plain: [observation('o6', { status: 'corrected' })],
    full: [
      observation('o6', { note: [{ text: 'detox' }] }),
      observation('o6', { note: [{ text: 'detox' }], meta: part2Label }),
      observation('o6', { status: 'corrected' }),
    ],
  },
  same(observation('x-o1', { subject: ref('Patient/cy'), encounter: ref('Encounter/x1') })),
  more(condition('c1', 'I10', { encounter: ref('Encounter/v1') }), { evidence: [{ detail: [wNamed] }] }),
  same(condition('c2', 'E11.9', { recordedDate: '2025-06-06' })),
  more(
    {
      resourceType: 'MedicationRequest',
      id: 'm1',
      status: 'active',
      intent: 'order',
      medicationCodeableConcept: concept(rxnorm, '314076'),
      ...ada,
      authoredOn: '2025-05-05',
    },
    { reasonReference: [ref('Condition/sud-c')], supportingInformation: [w], basedOn: [ref('CarePlan/sud-cp')] },
  ),
  more(
    {
      resourceType: 'List',
      id: 'l1',
      status: 'current',
      mode: 'snapshot',
      ...ada,
      entry: [{ item: ref('Condition/c1') }],
    },
    { entry: [{ item: ref('Condition/sud-c'), date: '2025-01-01' }, { item: ref('Condition/c1') }] },
  ),
  more({ resourceType: 'List', id: 'l2', status: 'current', mode: 'snapshot', ...ada }, { entry: [{ item: w }] }),
  more(
    {
      resourceType: 'Provenance',
      id: 'pr1',
      target: [ref('Observation/o1')],
      recorded: '2025-01-01T00:00:00Z',
      agent: [{ who: ref('Practitioner/doc1') }],
    },
    { target: [w, ref('Observation/o1')] },
  ),
  more(
    {
      resourceType: 'Group',
      id: 'g1',
      type: 'person',
      actual: true,
      member: [{ entity: ref('Patient/ada') }, { entity: ref('Patient/cy') }],
    },
    {
      quantity: 3,
      member: ['ada', 'eve', 'cy'].map((id) => ({ entity: ref(`Patient/${id}`) })),
    },
  ),
  more(
    { resourceType: 'CarePlan', id: 'cp1', status: 'active', intent: 'plan', ...ada, addresses: [ref('Condition/c1')] },
    { addresses: [ref('Condition/c1'), ref('Condition/sud-c')], supportingInfo: [w] },
  ),
  more(
    {
      resourceType: 'CareTeam',
      id: 'ct1',
      status: 'active',
      ...ada,
      participant: [{ member: ref('Practitioner/doc1') }],
    },
    { reasonReference: [ref('Condition/sud-c')] },
  ),
  more(
    {
      resourceType: 'DocumentReference',
      id: 'd1',
      status: 'current',
      ...ada,
      date: '2025-03-03T00:00:00Z',
      content: [{ attachment: { contentType: 'text/plain', title: 'note', url: '{upstream}/Binary/d1' } }],
    },
    { context: { related: [w, ref('Composition/sud-co')] } },
  ),
  more(
    {
      resourceType: 'Procedure',
      id: 'p1',
      status: 'completed',
      code: concept('http://snomed.info/sct', '430193006'),
      ...ada,
    },
    { reasonReference: [ref('Condition/sud-c')], complicationDetail: [ref('Condition/sud-c')] },
  ),
  more(
    { resourceType: 'ServiceRequest', id: 'sr1', status: 'active', intent: 'order', code: { text: 'x' }, ...ada },
    { supportingInfo: [w, ref('Encounter/gone-w')], reasonReference: [ref('Condition/sud-c')] },
  ),
  same({
    resourceType: 'Coverage',
    id: 'cov1',
    status: 'active',
    beneficiary: ref('Patient/ada'),
    payor: [ref('Organization/mercy-hospital')],
  }),
  same(claim('cl1', { total: { value: 10, currency: 'USD' } })),
  same({
    resourceType: 'DiagnosticReport',
    id: 'dr1',
    status: 'final',
    code: concept(loinc, '58410-2'),
    ...ada,
    result: [ref('Observation/o1')],
  }),
  same({ resourceType: 'Medication', id: 'med1', code: concept(rxnorm, '314076') }),
  same(observation('gone-v')),
];

/** What only `full` holds; nobody but the cleared may know any of it. */
const withheld: readonly Versions[] = [
  // The label came with the second version.
  [
    encounter(withheldId, { period: { start: '2025-12-30' } }),
    encounter(withheldId, {
      meta: part2Label,
      type: [concept('http://example.org/visit-types', 'SUD')],
      identifier: [{ system: 'urn:visits', value: 'VN-77' }],
      serviceProvider: ref('Organization/rehab'),
      period: { start: '2025-12-31' },
      diagnosis: [{ condition: ref('Condition/sud-c'), rank: 1 }],
    }),
  ],
  [encounter('sud-0', { meta: part2Label, period: { start: '2024-01-01' } })],
  [encounter('sud-2', { partOf: w, period: { start: '2025-06-30' } })],
  [observation('sud-o', { encounter: w, effectiveDateTime: '2025-12-31', valueQuantity: { value: 99, unit: '%' } })],
  [observation('sud-o2', { encounter: ref('Encounter/sud-2'), effectiveDateTime: '2025-12-31' })],
  [observation('sud-sum', { derivedFrom: [ref('Observation/sud-o')], encounter: ref('Encounter/v1') })],
  [observation('sud-panel', { hasMember: [ref('Observation/sud-o')], encounter: ref('Encounter/v1') })],
  [observation('sud-inline', { code: { ...concept(loinc, '4548-4'), extension: [inlineLabel()] } })],
  [observation('sud-unk', { meta: { security: [{ system: 'http://example.org/labels', code: 'X' }] } })],
  [condition('sud-c', 'F11.20', { recordedDate: '2025-12-31' })],
  [condition('sud-c2', 'I10', { encounter: w })],
  [condition('sud-own', 'I10', { meta: { security: [{ system: actCode, code: 'SDV' }] } })],
  [
    {
      resourceType: 'MedicationRequest',
      id: 'sud-m',
      status: 'active',
      intent: 'order',
      medicationCodeableConcept: concept(rxnorm, '1010600'),
      ...ada,
      authoredOn: '2025-12-31',
    },
  ],
  [
    {
      resourceType: 'CarePlan',
      id: 'sud-cp',
      status: 'active',
      intent: 'plan',
      ...ada,
      contained: [{ resourceType: 'Condition', id: 'x', code: concept(icd10, 'F10.20'), ...ada }],
      addresses: [ref('#x')],
    },
  ],
  [
    {
      resourceType: 'Provenance',
      id: 'sud-pr',
      target: [w],
      recorded: '2025-01-01T00:00:00Z',
      agent: [{ who: ref('Practitioner/doc1') }],
    },
  ],
  [
    claim('sud-cl', {
      supportingInfo: [{ sequence: 1, category: { text: 'x' }, valueReference: w }],
      total: { value: 99 },
    }),
  ],
  [
    {
      resourceType: 'Composition',
      id: 'sud-co',
      status: 'final',
      type: concept(loinc, '34133-9'),
      ...ada,
      date: '2025-04-01',
      author: [ref('Practitioner/doc1')],
      title: 'Summary',
      section: [{ title: 'x', ...div('detox'), entry: [w] }],
    },
  ],
  [
    {
      resourceType: 'DiagnosticReport',
      id: 'sud-dr',
      status: 'final',
      code: concept(loinc, '58410-2'),
      ...ada,
      result: [ref('Observation/sud-o')],
      conclusion: 'opioid use',
    },
  ],
  // A screening for drug use (DAST-10), and nothing but its questionnaire says so.
  [
    {
      resourceType: 'QuestionnaireResponse',
      id: 'sud-dast',
      status: 'completed',
      questionnaire: 'http://loinc.org/q/82666-9',
      ...ada,
      authored: '2025-12-31',
    },
  ],
  [
    {
      resourceType: 'QuestionnaireResponse',
      id: 'sud-q',
      status: 'completed',
      ...ada,
      encounter: w,
      item: [{ linkId: '1', text: 'How often do you drink?' }],
    },
  ],
  [
    {
      resourceType: 'Communication',
      id: 'sud-com',
      status: 'completed',
      ...ada,
      encounter: w,
      payload: [{ contentString: 'x' }],
    },
  ],
  [{ resourceType: 'Task', id: 'sud-t', status: 'requested', intent: 'order', for: ref('Patient/ada'), encounter: w }],
  [{ resourceType: 'Flag', id: 'sud-f', status: 'active', code: { text: 'x' }, ...ada, encounter: w }],
  [
    {
      resourceType: 'DocumentReference',
      id: 'sud-d',
      meta: part2Label,
      status: 'current',
      ...ada,
      content: [{ attachment: { contentType: 'text/plain', title: 'Detox intake', url: 'Binary/sud-b', size: 10 } }],
    },
  ],
  [
    consent('sud-con', 'ada', {
      actor: [recipient('elsewhere')],
      purpose: [{ system: actReason, code: 'TREAT' }],
      securityLabel: [{ system: actCode, code: '42CFRPart2' }],
    }),
  ],
  [consent('eve-con', 'eve', { type: 'deny' }, { policyRule: concept(actCode, 'OPTOUT') })],
  [
    {
      resourceType: 'Patient',
      id: 'eve',
      birthDate: '1970-02-03',
      gender: 'female',
      name: [{ family: 'Sample', given: ['Eve'] }],
      link: [{ other: ref('Patient/ada'), type: 'seealso' }],
    },
  ],
  [
    {
      resourceType: 'Person',
      id: 'eve-p',
      name: [{ family: 'Sample', given: ['Eve'] }],
      link: [{ target: ref('Patient/eve') }],
    },
  ],
  [
    {
      resourceType: 'Appointment',
      id: 'eve-a',
      status: 'booked',
      description: 'detox intake',
      participant: [{ actor: ref('Patient/eve'), status: 'accepted' }],
    },
  ],
  [{ resourceType: 'Schedule', id: 'eve-s', actor: [ref('Patient/eve')] }],
  [
    {
      resourceType: 'Slot',
      id: 'eve-sl',
      schedule: ref('Schedule/eve-s'),
      status: 'busy',
      start: '2025-12-31T10:00:00Z',
      end: '2025-12-31T11:00:00Z',
    },
  ],
  [encounter('eve-e', { subject: ref('Patient/eve') })],
  [observation('eve-o', { subject: ref('Patient/eve'), encounter: ref('Encounter/eve-e') })],
  [condition('eve-c', 'I10', { subject: ref('Patient/eve') })],
  [encounter('gone-w', { meta: part2Label })],
  [
    {
      resourceType: 'Observation',
      id: 'sud-ctx',
      status: 'final',
      code: concept(loinc, '8480-6'),
      ...ada,
      performer: [ref('Organization/lakeside-recovery')],
      effectiveDateTime: '2025-12-31',
    },
  ],
];

function inlineLabel() {
  return {
    url: 'http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label',
    valueCoding: { system: actCode, code: 'SDV' },
  };
}

const texts = (versions: readonly Resource[]): string[] => versions.map((one) => JSON.stringify(one));

/** Hidden things stand between, before and behind visible ones. */
function mixed(): string[] {
  const result: string[] = [];
  const hidden = [...withheld];
  for (const [index, { full }] of visible.entries()) {
    if (index % 2 === 0) result.push(...texts(hidden.pop() ?? []));
    result.push(...texts(full));
  }
  return [...result, ...hidden.flatMap(texts)];
}

export const plainWorld: World = {
  resources: visible.flatMap(({ plain }) => texts(plain)),
  deleted: ['Observation/gone-v'],
};
export const fullWorld: World = { resources: mixed(), deleted: ['Observation/gone-v', 'Encounter/gone-w'] };
export const visibleKeys: readonly string[] = visible
  .map(({ plain: [{ resourceType, id }] }) => `${resourceType}/${id}`)
  .filter((key) => key !== 'Observation/gone-v');

const harborMay = {
  actor: [recipient('harbor-clinic')],
  purpose: [{ system: actReason, code: 'TREAT' }],
  securityLabel: [{ system: confidentiality, code: 'N' }],
};

/** A patient with one measurement, whose Consent does not open her chart to Harbor for treatment. */
const closedChart = (id: string, provision: object, over: object = {}): readonly Resource[] => [
  { resourceType: 'Patient', id, birthDate: '1970-02-03', name: [{ family: 'Sample' }] },
  observation(`${id}-o`, { subject: ref(`Patient/${id}`), encounter: undefined }),
  consent(`${id}-con`, id, provision, over),
];

const part2Consent = (id: string, over: object): Resource =>
  consent(
    id,
    'ada',
    {
      actor: [recipient('harbor-clinic')],
      purpose: ['TREAT', 'HPAYMT', 'HOPERAT'].map((code) => ({ system: actReason, code })),
      securityLabel: [{ system: actCode, code: '42CFRPart2' }],
    },
    {
      category: [concept(actCode, '42CFRPart2CD')],
      policyRule: concept(actCode, '42CFRPart2'),
      organization: [ref('Organization/lakeside-recovery')],
      ...over,
    },
  );

/** What Harbor may not know: one thing for each rule that a Consent of Ada's and others' meets. */
const closedToHarbor: readonly Resource[] = [
  ...closedChart('for-research', { ...harborMay, purpose: [{ system: actReason, code: 'HRESCH' }] }),
  ...closedChart('for-summit', { ...harborMay, actor: [recipient('summit-clinic')] }),
  ...closedChart('revoked', harborMay, { status: 'inactive' }),
  ...closedChart('expired', { ...harborMay, period: { start: '2020-01-01', end: '2021-01-01' } }),
  ...closedChart('not-begun', { ...harborMay, period: { start: '2090-01-01', end: '2091-01-01' } }),
  ...closedChart('directive', harborMay, {
    scope: concept('http://terminology.hl7.org/CodeSystem/consentscope', 'adr'),
  }),
  ...closedChart('foreign', harborMay, { organization: [ref('Organization/elsewhere')] }),
  ...closedChart('denied', harborMay),
  consent('denied-too', 'denied', { type: 'deny', actor: [recipient('harbor-clinic')] }),
  ...closedChart('collected-only', {
    ...harborMay,
    action: [concept('http://terminology.hl7.org/CodeSystem/consentaction', 'collect')],
  }),
  ...closedChart('no-consent', {}, { status: 'draft' }),
  // Not signed, so no written consent (42 CFR 2.31(a)(8)).
  { ...part2Consent('unsigned', {}), sourceAttachment: undefined },
  condition('sud-harbor', 'F11.20'),
  observation('hiv-harbor', { meta: { security: [{ system: actCode, code: 'HIV' }] } }),
  observation('very-harbor', { meta: { security: [{ system: confidentiality, code: 'V' }] } }),
  observation('notes-harbor', { meta: { security: [{ system: actCode, code: 'PSYTHPN' }] } }),
];

const partners: readonly Resource[] = [
  { resourceType: 'Patient', id: 'ada', birthDate: '1970-02-03', name: [{ family: 'Sample', given: ['Ada'] }] },
  exchange('ada'),
  observation('o1', { encounter: undefined }),
  condition('c1', 'I10'),
];
export const partnerPlain: World = { resources: texts(partners) };
export const partnerFull: World = { resources: texts([...closedToHarbor, ...partners]) };

/** A guardian's ward, and what the ward keeps to herself. */
const ward: readonly Resource[] = [
  { resourceType: 'Patient', id: 'cy', birthDate: '1985-11-30', name: [{ family: 'Sample' }] },
  {
    resourceType: 'RelatedPerson',
    id: 'cy-guardian',
    active: true,
    patient: ref('Patient/cy'),
    relationship: [concept('http://terminology.hl7.org/CodeSystem/v3-RoleCode', 'GUARD')],
  },
  observation('o1', { subject: ref('Patient/cy'), encounter: undefined }),
];
const closedToGuardian: readonly Resource[] = [
  observation('adol', {
    subject: ref('Patient/cy'),
    encounter: undefined,
    meta: { security: [{ system: actCode, code: 'ADOL' }] },
  }),
  observation('notes', {
    subject: ref('Patient/cy'),
    encounter: undefined,
    meta: { security: [{ system: actCode, code: 'PSYTHPN' }] },
  }),
  { resourceType: 'Patient', id: 'ada', birthDate: '1970-02-03', name: [{ family: 'Sample', given: ['Ada'] }] },
  observation('o2', { encounter: undefined }),
];
export const guardianPlain: World = { resources: texts(ward) };
export const guardianFull: World = { resources: texts([...closedToGuardian, ...ward]) };
