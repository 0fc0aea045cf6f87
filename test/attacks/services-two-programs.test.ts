import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { requesters } from '../../examples/demo/requesters.ts';
import { type Place, startGateway } from '../services/place.ts';

/** Records of two Part 2 programs: whoever asks beside FHIR is told exactly what FHIR would have given. */

const actCode = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';
const actReason = 'http://terminology.hl7.org/CodeSystem/v3-ActReason';
const part2 = { system: actCode, code: '42CFRPart2' };
const ref = (reference: string) => ({ reference });
const lakeside = ref('Organization/lakeside-recovery');
const hillside = ref('Organization/hillside');
const inline = {
  extension: [
    {
      url: 'http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label',
      valueCoding: part2,
    },
  ],
};
const people = ['ida', 'ira', 'ivy', 'ike'];
const recordsOf = (who: string) => {
  const subject = ref(`Patient/${who}`);
  const base = { status: 'final', code: { coding: [{ system: 'http://loinc.org', code: '29463-7' }] }, subject };
  const observation = (id: string, more: object) => ({
    resourceType: 'Observation',
    id: `${who}-${id}`,
    ...base,
    ...more,
  });
  const visit = (id: string, more: object) => ({
    resourceType: 'Encounter',
    id: `${who}-${id}`,
    status: 'finished',
    class: { code: 'AMB' },
    subject,
    ...more,
  });
  return [
    { resourceType: 'Patient', id: who, name: [{ family: 'Sample' }] },
    visit('at-lakeside', { serviceProvider: lakeside }),
    visit('at-hillside', { serviceProvider: hillside }),
    visit('within', { serviceProvider: lakeside, partOf: ref(`Encounter/${who}-at-hillside`) }),
    observation('plain', {}),
    observation('lakeside', { performer: [lakeside] }),
    observation('hillside', { performer: [hillside] }),
    observation('both', { performer: [lakeside, hillside] }),
    observation('in-both', { performer: [lakeside], encounter: ref(`Encounter/${who}-at-hillside`) }),
    observation('within-both', { encounter: ref(`Encounter/${who}-within`) }),
    observation('derived', { performer: [lakeside], derivedFrom: [ref(`Observation/${who}-hillside`)] }),
    observation('labelled', { meta: { security: [part2] } }),
    observation('labelled-hiv', {
      meta: { security: [part2, { system: actCode, code: 'HIV' }] },
      performer: [lakeside],
    }),
    observation('hiv', { meta: { security: [{ system: actCode, code: 'HIV' }] } }),
    observation('noted', { performer: [lakeside], note: [{ text: 'of the program', ...inline }] }),
    observation('noted-only', { note: [{ text: 'of a program', ...inline }] }),
    {
      resourceType: 'DiagnosticReport',
      id: `${who}-report`,
      ...base,
      performer: [lakeside],
      result: [ref(`Observation/${who}-hillside`), ref(`Observation/${who}-lakeside`)],
    },
    {
      resourceType: 'Appointment',
      id: `${who}-appointment`,
      status: 'booked',
      participant: [subject, lakeside, hillside].map((actor) => ({ actor, status: 'accepted' })),
    },
    {
      resourceType: 'Task',
      id: `${who}-task`,
      status: 'requested',
      intent: 'order',
      for: subject,
      owner: lakeside,
      partOf: [ref(`Task/${who}-first-task`)],
    },
    {
      resourceType: 'Task',
      id: `${who}-first-task`,
      status: 'requested',
      intent: 'order',
      for: subject,
      owner: hillside,
    },
    {
      resourceType: 'Group',
      id: `${who}-group`,
      type: 'person',
      actual: true,
      managingEntity: hillside,
      member: [{ entity: subject }],
    },
  ];
};
const actor = (code: string, reference: string) => ({
  role: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType', code }] },
  reference: { reference },
});
const written = (whose: string, id: string, provision: object, more: object = {}) => ({
  resourceType: 'Consent',
  id: `${whose}-${id}`,
  status: 'active',
  scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }] },
  category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
  patient: ref(`Patient/${whose}`),
  dateTime: '2024-01-01',
  policy: [{ uri: 'https://policies.example/form-one' }],
  policyRule: { coding: [part2] },
  sourceReference: ref('DocumentReference/signed'),
  organization: [ref('Organization/mercy-hospital')],
  provision,
  ...more,
});
const permit = (...actors: readonly object[]) => ({
  type: 'permit',
  actor: actors,
  purpose: [{ system: actReason, code: 'TREAT' }],
  securityLabel: [part2],
  period: { end: '2099-12-31' },
});
const harbor = actor('IRCP', 'Organization/harbor-clinic');
const consents = [
  written('ida', 'permits-lakeside', permit(harbor, actor('CST', 'Organization/lakeside-recovery'))),
  written('ira', 'permits-hillside', permit(harbor, actor('CST', 'Organization/hillside'))),
  written('ivy', 'permits', permit(harbor)),
  written(
    'ivy',
    'denies-summit',
    { type: 'deny', actor: [actor('IRCP', 'Organization/summit-clinic')] },
    {
      policy: [{ uri: 'https://policies.example/denial' }],
    },
  ),
  written('ike', 'withdrawn', permit(harbor), { policy: [{ uri: 'https://policies.example/withdrawn' }] }),
];
const agreement = (id: string, programs: readonly string[], recipients: readonly string[]) => ({
  id,
  kind: 'qso' as const,
  programs: [...programs],
  recipients: [...recipients],
  purposes: ['TREAT'],
  types: [],
  until: '2099-12-31',
});

const asking = ['dr-grey', 'sam-nwosu', 'harbor', 'summit', 'biller', 'front-desk', 'meridian', 'steward', 'ada'];
const records = people.flatMap(recordsOf);
const keys = [
  ...records.map(({ resourceType, id }) => `${resourceType}/${id}`),
  ...consents.map(({ id }) => `Consent/${id}`),
  'Observation/nobody-has',
];

let place: Place;
beforeAll(async () => {
  place = await startGateway({
    resources: [...records, ...consents, { resourceType: 'Organization', id: 'hillside', name: 'Hillside' }],
    services: {
      grants: Object.fromEntries(['authzen', 'explain', 'patient-consent-consult'].map((n) => [n, ['steward']])),
    },
    authzen: (issuer) => ({
      subjects: { user: { issuer, kind: 'person' }, client: { issuer, kind: 'client' } },
      maximumEvaluations: 200,
    }),
    changes: {
      answers: { negativeGridMs: 0 },
      labels: {
        inline: 'element',
        programs: [
          ['Organization/lakeside-recovery', 'Location/lakeside-house', 'http://hl7.org/fhir/sid/us-npi|9990000002'],
          ['Organization/hillside', 'urn:b|hill'],
        ],
      },
      part2: {
        forms: { withdrawn: ['https://policies.example/withdrawn'] },
        agreements: [
          agreement('lab', ['Location/lakeside-house'], ['Organization/harbor-clinic']),
          agreement('both', ['Organization/lakeside-recovery', 'urn:b|hill'], ['Organization/summit-clinic']),
        ],
      },
      limits: {
        app: { requestsPerMinute: 1_000_000, negativesPerMinute: 1_000_000 },
        system: { requestsPerMinute: 1_000_000, negativesPerMinute: 1_000_000 },
      },
    },
  });
}, 60_000);
afterAll(() => place.close());

const factsOf = (id: string) => {
  const { kind, scope, claims } = requesters.find((one) => one.id === id) as (typeof requesters)[number];
  const said = claims('http://x') as Record<string, unknown>;
  const b2b = (said.extensions as Record<string, Record<string, unknown>> | undefined)?.['hl7-b2b'];
  const purposes = b2b
    ? (b2b.purpose_of_use as string[]).map((one) => one.split('#')[1] as string)
    : said.purpose_of_use;
  const organization = b2b ? (b2b.organization_id as string).replace('http://x/', '') : said.organization;
  const roles = kind === 'system' ? ['system-client'] : (said.roles as string[]);
  return {
    kind,
    scope,
    purposes: purposes as string[],
    organization,
    roles,
    fhirUser: said.fhirUser,
    patient: said.patient,
  };
};
const stated = (facts: object) => Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));

async function readBy(as: string): Promise<ReadonlyMap<string, string>> {
  const given = new Map<string, string>();
  for (const key of keys) {
    const { status, text } = await place.ask(`${place.fhirUrl}/${key}`, { as });
    expect([key, [200, 403, 404].includes(status)]).toEqual([key, true]);
    if (status === 200) given.set(key, text);
  }
  return given;
}

async function decidedFor(as: string) {
  const { kind, scope, purposes, organization, roles, fhirUser, patient } = factsOf(as);
  const facts = {
    purpose_of_use: purposes,
    organization,
    fhirUser,
    patient,
    scope,
    ...(kind === 'person' ? { roles } : {}),
  };
  const subject = { type: kind === 'person' ? 'user' : 'client', id: as, properties: stated(facts) };
  const evaluations = keys.map((key) => ({ resource: { type: key.split('/')[0], id: key.split('/')[1] } }));
  const { status, text } = await place.ask('/access/v1/evaluations', {
    as: 'steward',
    body: { subject, action: { name: 'read' }, evaluations },
  });
  expect(status).toBe(200);
  const said = JSON.parse(text).evaluations as {
    decision: boolean;
    context?: { obligations?: { labels: { code: string }[] }[] };
  }[];
  return new Map(said.map((one, index) => [keys[index] as string, one]));
}

async function explainedFor(as: string) {
  const { kind, scope, purposes, organization, roles, fhirUser, patient } = factsOf(as);
  const requester = stated({
    clientKind: kind === 'person' ? 'app' : 'system',
    client: kind === 'person' ? 'demo-app' : as,
    scope,
    purposes,
    organization,
    roles,
    user: fhirUser,
    patient,
  });
  const { status, text } = await place.ask('/patients/ida/explain', {
    as: 'steward',
    body: { requester, resources: keys },
  });
  expect(status).toBe(200);
  const said = JSON.parse(text).resources as { resource: string; verdict: string; accompanied?: string[] }[];
  return new Map(said.map((one) => [one.resource, one]));
}

describe('what FHIR gives, and what is told of it', () => {
  it.each(asking)('are one: %s', async (as) => {
    const given = await readBy(as);
    const [decided, explained] = [await decidedFor(as), await explainedFor(as)];
    const told = (key: string) => [key, decided.get(key)?.decision, explained.get(key)?.verdict === 'released'];
    expect(keys.map(told)).toEqual(keys.map((key) => [key, given.has(key), given.has(key)]));
    // What has to go with Part 2 data is said of exactly what goes with it.
    const marked = [...given].filter(([, text]) => text.includes('RedisclosureProhibitionMark')).map(([key]) => key);
    const labelled = keys.filter((key) => JSON.stringify(decided.get(key)).includes('RedisclosureProhibitionMark'));
    expect(labelled).toEqual(marked);
    expect(keys.filter((key) => (explained.get(key)?.accompanied ?? []).length > 0)).toEqual(marked);
  });

  it.each([
    ['harbor', { ida: 'CONSENT_PERMIT', ira: 'NO_CONSENT', ivy: 'CONSENT_PERMIT', ike: 'NO_CONSENT' }],
    ['summit', { ida: 'NO_CONSENT', ira: 'NO_CONSENT', ivy: 'CONSENT_DENY', ike: 'NO_CONSENT' }],
  ])('agree where the Consents alone are asked: %s', async (as, expected) => {
    const given = await readBy(as);
    const said: Record<string, unknown> = {};
    for (const who of people) {
      const { decision, obligations } = await consulted(as, who);
      said[who] = decision;
      if (decision !== 'CONSENT_PERMIT') continue;
      const isOpen = (codes: readonly string[]): boolean => !obligations.some((one) => redacts(one, codes));
      // Whatever is left of records of both programs, FHIR gives.
      const opened = ['both', 'in-both', 'derived', 'hillside', 'labelled'].filter(() => isOpen(['42CFRPart2', 'R']));
      expect(opened.filter((id) => !given.has(`Observation/${who}-${id}`))).toEqual([]);
      expect(opened).toHaveLength(5);
      expect(isOpen(['HIV', 'R']) && !given.has(`Observation/${who}-hiv`)).toBe(false);
    }
    expect(said).toEqual(expected);
  });
});

type Obligation = {
  readonly parameters: {
    readonly codes?: readonly { code: string }[];
    readonly exceptAnyOfCodes?: readonly { code: string }[];
  };
};

async function consulted(as: string, who: string) {
  const context = {
    actor: [{ value: factsOf(as).organization }],
    patientId: [{ value: `Patient/${who}` }],
    purposeOfUse: ['TREAT'],
  };
  const body = { hook: 'patient-consent-consult', hookInstance: 'one', context };
  const { text } = await place.ask('/cds-services/patient-consent-consult', { as: 'steward', body });
  return JSON.parse(text).cards[0].extension as { decision: string; obligations: readonly Obligation[] };
}

function redacts({ parameters: { codes, exceptAnyOfCodes = [] } }: Obligation, borne: readonly string[]): boolean {
  const bears = (some: readonly { code: string }[]): boolean => some.some(({ code }) => borne.includes(code));
  return (codes === undefined || bears(codes)) && !bears(exceptAnyOfCodes);
}
