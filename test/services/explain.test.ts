import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { peopleBundles, resourcesOf } from '../../examples/demo/load.ts';
import { type DemoRequester, requesters } from '../../examples/demo/requesters.ts';
import { detailsOf, type Place, patientsOf, startGateway } from './place.ts';

/** Texts that stand in contents and in no Consent: none may leave in an explanation. */
const marked = {
  resourceType: 'Observation',
  id: 'ada-marked',
  status: 'final',
  code: { text: 'MARKED-TEXT', coding: [{ system: 'http://loinc.org', code: '4548-4', display: 'MARKED-DISPLAY' }] },
  subject: { reference: 'Patient/ada', display: 'MARKED-NAME' },
  performer: [{ reference: 'Practitioner/dr-grey', display: 'MARKED-PERFORMER' }],
  effectiveDateTime: '1987-06-05',
  valueString: 'MARKED-VALUE',
  note: [{ text: 'MARKED-NOTE' }],
  text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">MARKED-NARRATIVE</div>' },
};

let place: Place;
beforeAll(async () => {
  place = await startGateway({ services: { grants: { explain: ['front-desk'] } }, resources: [marked] });
});
afterAll(() => place.close());

interface Told {
  readonly resource: string;
  readonly verdict: string;
  readonly reasons: readonly { readonly code: string; readonly step: number; readonly consent?: string }[];
  readonly sentences: readonly string[];
}

async function explained(
  patient: string,
  requester: object,
  { as = 'front-desk', resources }: { readonly as?: string; readonly resources?: readonly string[] } = {},
): Promise<ReadonlyMap<string, Told>> {
  const body = { requester, ...(resources === undefined ? {} : { resources }) };
  const { status, text } = await place.ask(`/patients/${patient}/explain`, { as, body });
  expect(status).toBe(200);
  const { resources: told } = JSON.parse(text) as { resources: readonly Told[] };
  return new Map(told.map((one) => [one.resource, one]));
}

/** As his token describes him, in the gateway's own words. */
function describedAs({ id, kind, title, scope, claims }: DemoRequester, at: Place = place): object {
  const { fhirUser, organization, roles, purpose_of_use, patient, extensions } = claims(
    at.config.listener.publicBaseUrl,
  ) as {
    readonly fhirUser?: string;
    readonly organization?: string;
    readonly roles?: readonly string[];
    readonly purpose_of_use?: readonly string[];
    readonly patient?: string;
    readonly extensions?: {
      readonly 'hl7-b2b': { readonly organization_id: string; readonly purpose_of_use: readonly string[] };
    };
  };
  const b2b = extensions?.['hl7-b2b'];
  return {
    title,
    client: id,
    clientKind: kind === 'system' ? 'system' : 'app',
    scope,
    roles: roles ?? ['system-client'],
    purposes: purpose_of_use ?? b2b?.purpose_of_use.map((code) => code.split('#')[1]),
    organization: organization ?? b2b?.organization_id,
    ...(fhirUser === undefined ? {} : { user: fhirUser }),
    ...(patient === undefined ? {} : { patient }),
  };
}

const keys = resourcesOf(peopleBundles()).map(({ resourceType, id }) => `${resourceType}/${id}`);
const patients = ['ada', 'ben', 'cy', 'dee', 'eve', 'fay'];
const verdicts: Readonly<Record<number, readonly string[]>> = {
  200: ['released'],
  404: ['withheld', 'absent'],
  403: ['refused'],
};

describe('an explanation is what happens', () => {
  it.each(requesters.map((one) => [one.id, one] as const))(
    '%s: every resource of the demonstration is said to be released exactly when reading it gives it',
    async (id, requester) => {
      const told = await explained('ada', describedAs(requester), { resources: keys });
      const statuses = new Map<string, number>();
      for (let from = 0; from < keys.length; from += 10) {
        const some = keys.slice(from, from + 10);
        const answers = await Promise.all(some.map((key) => place.ask(`${place.fhirUrl}/${key}`, { as: id })));
        for (const [index, { status }] of answers.entries()) statuses.set(some[index] as string, status);
      }
      const differing = [...statuses].filter(
        ([key, status]) => !verdicts[status]?.includes(told.get(key)?.verdict ?? ''),
      );
      expect(differing).toEqual([]);
      expect([...statuses.values()]).toContain(200);
    },
    60_000,
  );

  it('of a record: every resource of the patient is in it, and each as when it is named', async () => {
    const grey = requesters.find(({ id }) => id === 'dr-grey') as DemoRequester;
    for (const patient of patients) {
      const record = await explained(patient, describedAs(grey));
      const named = await explained(patient, describedAs(grey), { resources: [...record.keys()] });
      expect([...record].map(([key, { verdict }]) => [key, verdict])).toEqual(
        [...named].map(([key, { verdict }]) => [key, verdict]),
      );
      expect(record.has(`Patient/${patient}`)).toBe(true);
    }
  });

  it('changes with the Consents: a revocation is told by the next explanation', async () => {
    const other = await startGateway();
    try {
      const body = {
        requester: describedAs(requesters.find(({ id }) => id === 'harbor') as DemoRequester, other),
        resources: ['Observation/ada-drug-screen'],
      };
      const verdict = async (): Promise<unknown> => {
        const { text } = await other.ask('/patients/ada/explain', { as: 'steward', body });
        return (JSON.parse(text) as { resources: readonly Told[] }).resources.map((one) => one.verdict);
      };
      expect(await verdict()).toEqual(['released']);
      const url = `${other.config.upstream.baseUrl}/Consent/ada-consent-part2`;
      const consent = (await (await fetch(url)).json()) as object;
      await fetch(url, {
        method: 'PUT',
        headers: { 'content-type': 'application/fhir+json' },
        body: JSON.stringify({ ...consent, status: 'inactive' }),
      });
      expect(await verdict()).toEqual(['withheld']);
    } finally {
      await other.close();
    }
  });
});

describe('an explanation says why', () => {
  const summit = {
    title: 'Summit',
    roles: ['system-client'],
    organization: 'Organization/summit-clinic',
    purposes: ['TREAT'],
    scope: 'system/*.rs',
    clientKind: 'system',
  };

  it('by which Consent version and provision something is released', async () => {
    const told = await explained('ada', summit, { resources: ['Observation/ada-a1c'] });
    expect(told.get('Observation/ada-a1c')).toMatchObject({
      verdict: 'released',
      reasons: [
        {
          code: 'consent-permit',
          step: 8,
          consent: 'Consent/ada-consent-exchange/_history/1',
          provision: 'provision',
          label: 'rest',
        },
      ],
      sentences: [
        'A consent of the patient permits it. Consent/ada-consent-exchange/_history/1, provision: “Allows Harbor Example Clinic (Organization/harbor-clinic) or Summit Example Clinic (Organization/summit-clinic) to receive records of ordinary confidentiality (N) at most, for treatment, from 2024-01-01 until 2046-12-31.”',
      ],
    });
  });

  it('and what every Consent said to what is withheld', async () => {
    const told = await explained('ada', summit, { resources: ['Observation/ada-drug-screen'] });
    expect(told.get('Observation/ada-drug-screen')?.sentences).toEqual([
      'The law asks for a written consent that covers it, and there is none. It is about treatment in a substance use program (42 CFR Part 2).',
      expect.stringContaining('Consent/ada-consent-part2/_history/1 does not speak of it: it is for other recipients.'),
      expect.stringContaining('Consent/ada-consent-exchange/_history/1 permits its ordinary part and leaves out'),
      expect.stringContaining('Consent/ada-consent-counseling-notes/_history/1 does not speak of it'),
      expect.stringContaining('Consent/ada-consent-scheduling/_history/1 does not speak of it'),
      expect.stringContaining('Consent/ada-consent-foreign/_history/1 does not speak of it'),
    ]);
  });

  it('that the notice of the law goes with a Part 2 record', async () => {
    const harbor = { ...summit, organization: 'Organization/harbor-clinic' };
    const told = await explained('ada', harbor, { resources: ['Observation/ada-drug-screen', 'Observation/ada-a1c'] });
    expect(told.get('Observation/ada-drug-screen')).toMatchObject({ verdict: 'released', accompanied: ['consent'] });
    expect(told.get('Observation/ada-a1c')).not.toHaveProperty('accompanied');
  });

  it('where its labels come from: its own, a table by its version, or what it is inherited from, which she is not told', async () => {
    const resources = [
      'Observation/ada-drug-screen',
      'Condition/ada-oud',
      'Observation/ada-hiv-test',
      'Observation/ada-a1c',
    ];
    const labelsOf = async (as?: string) => {
      const told = await explained('ada', summit, { resources, ...(as === undefined ? {} : { as }) });
      return resources.map((key) => (told.get(key) as { labels?: readonly object[] } | undefined)?.labels);
    };
    const inherited = { label: '42CFRPart2', by: 'inherited' };
    const [screen, oud, hiv, plain] = await labelsOf();
    const byCode = { label: 'OPIOIDUD', by: 'code', rule: expect.stringMatching(/^us-sensitivity@\d{4}-/) };
    expect(screen).toContainEqual({ ...inherited, rule: 'Encounter/ada-enc-lakeside' });
    expect(oud).toContainEqual(byCode);
    expect(hiv).toEqual([{ label: 'HIV', by: 'own', rule: 'meta.security' }]);
    expect(plain).toBeUndefined();
    const [her, hers, ...others] = await labelsOf('ada');
    expect(her).toContainEqual(inherited);
    expect(hers).toContainEqual(byCode);
    expect(others).toEqual([hiv, plain]);
    expect(
      (await explained('ada', { ...summit, scope: 'system/Patient.rs' }, { resources })).get(
        'Observation/ada-hiv-test',
      ),
    ).not.toHaveProperty('labels');
  });

  it('in a text for people, alike ones together', async () => {
    const { text } = await place.ask('/patients/eve/explain', {
      as: 'front-desk',
      body: { requester: summit, format: 'text' },
    });
    expect(text).toMatch(/^What would be released of Patient\/eve\n=+\nAsked by Summit, role system-client/);
    expect(text).toContain('A consent of the patient denies it. Consent/eve-consent/_history/1, provision: “Does not');
  });

  it('an emergency that is not stated as it must be is refused as a whole, and so it says', async () => {
    const told = await explained('ada', { ...summit, purposes: ['ETREAT'] }, { resources: ['Observation/ada-a1c'] });
    expect(told.get('Observation/ada-a1c')).toMatchObject({ verdict: 'refused', code: 'emergency-not-accepted' });
  });

  it('a token for one patient alone does not reach another, whoever uses it', async () => {
    const launched = {
      roles: ['clinician'],
      user: 'Practitioner/dr-grey',
      organization: 'Organization/mercy-hospital',
      purposes: ['TREAT'],
      scope: 'patient/*.rs',
      patient: 'ben',
    };
    const told = await explained('ada', launched, { resources: ['Observation/ada-a1c'] });
    expect(told.get('Observation/ada-a1c')).toMatchObject({
      verdict: 'withheld',
      reasons: [{ code: 'outside-scope' }],
    });
  });

  it('what cannot be told of a requester is named', async () => {
    const nobody = { roles: ['clinician'], purposes: ['TREAT'] };
    const told = await explained('ada', nobody, { resources: ['Patient/ada'] });
    expect(told.get('Patient/ada')?.sentences).toContain(
      'Consent/ada-consent-exchange/_history/1 leaves out its ordinary part, as it cannot be told whether it is for this recipient.',
    );
  });

  it('a scope that does not reach is told from a Consent that denies', async () => {
    const grey = {
      roles: ['clinician'],
      user: 'Practitioner/dr-grey',
      organization: 'Organization/mercy-hospital',
      purposes: ['TREAT'],
      scope: 'user/Patient.r',
    };
    const told = await explained('ada', grey, { resources: ['Observation/ada-a1c', 'Patient/ada'] });
    expect(told.get('Observation/ada-a1c')).toMatchObject({ verdict: 'refused', code: 'scope-insufficient' });
    expect(told.get('Patient/ada')).toMatchObject({ verdict: 'released' });
  });
});

describe('an explanation holds no content', () => {
  it.each(['json', 'text'] as const)('as %s, released or withheld', async (format) => {
    const readers = [
      { roles: ['steward'], purposes: ['RECORDMGT'] },
      { roles: ['clinician'], purposes: ['TREAT'] },
      { roles: ['vendor'], purposes: ['HOPERAT'] },
    ];
    for (const requester of readers) {
      const { text } = await place.ask('/patients/ada/explain', { as: 'front-desk', body: { requester, format } });
      expect(text).toContain('Observation/ada-marked');
      expect(text).not.toMatch(/MARKED|1987|Ada\b/); // nor her own name
    }
  });
});

describe('who may ask', () => {
  const body = { requester: { roles: ['clinician'], purposes: ['TREAT'] } };

  it('it is recorded as privileged: who asked, of whom, about whom, what was judged', async () => {
    const { events } = await place.eventsOf(() => place.ask('/patients/ada/explain', { as: 'front-desk', body }));
    const told = events.filter((one) => detailsOf(one).includes('service=explain'));
    expect(told.flatMap(patientsOf)).toContain('Patient/ada');
    expect(told.flatMap(detailsOf)).toEqual(
      expect.arrayContaining(['explained-roles=clinician', 'explained-purposes=TREAT']),
    );
    expect(events.flatMap(({ streams }) => streams)).toContain('part2');
  });

  it.each(['dr-grey', 'harbor', 'cy-guardian', 'steward'])('not %s, who is not granted it', async (as) => {
    const answers = await Promise.all(
      ['ada', 'nobody-has-this-id'].map((patient) => place.ask(`/patients/${patient}/explain`, { as, body })),
    );
    expect(answers.map(({ status }) => status)).toEqual([403, 403]);
    expect(answers[0]?.text).toBe(answers[1]?.text);
  });

  it('the patient asks about her own record, and others’ is to her as if it were not there', async () => {
    const resources = ['Observation/ada-drug-screen', 'Observation/ben-hiv', 'Patient/ben', 'Observation/never-was'];
    const told = await explained('ada', body.requester, { as: 'ada', resources });
    expect([...told.values()].map(({ resource, verdict }) => [resource, verdict])).toEqual(
      [
        ['Observation/ada-drug-screen', 'withheld'],
        ['Patient/ben', 'absent'],
        ['Observation/ben-hiv', 'absent'],
        ['Observation/never-was', 'absent'],
      ].toSorted((a, b) => [...told.keys()].indexOf(a[0] as string) - [...told.keys()].indexOf(b[0] as string)),
    );
    expect((await place.ask('/patients/ben/explain', { as: 'ada', body })).status).toBe(403);
  });

  it('what is kept from the patient for now is kept out of her explanation too', async () => {
    const noPatient = { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'NOPAT' };
    const kept = { ...marked, id: 'ada-kept', meta: { security: [noPatient] } };
    const other = await startGateway({
      resources: [kept],
      changes: {
        decision: {
          withholdFromPatient: true,
          organizations: ['Organization/mercy-hospital', 'Organization/lakeside-recovery'],
        },
      },
    });
    try {
      const { text } = await other.ask('/patients/ada/explain', { as: 'ada', body });
      expect(text).toContain('Observation/ada-a1c');
      expect(text).not.toContain('ada-kept');
      const named = { ...body, resources: ['Observation/ada-kept', 'Observation/never-was'] };
      const { resources } = JSON.parse((await other.ask('/patients/ada/explain', { as: 'ada', body: named })).text) as {
        resources: readonly Told[];
      };
      const [one, two] = resources.map(({ resource: _, ...rest }) => rest);
      expect(one).toEqual(two);
    } finally {
      await other.close();
    }
  });

  it.each([
    ['nobody described', {}],
    ['a purpose nobody knows', { requester: { purposes: ['FUN'] } }],
    ['a key nobody knows', { requester: { role: 'clinician' } }],
    ['a scope that grants nothing', { requester: { scope: 'user/*.write' } }],
    ['what is no reference', { requester: {}, resources: ['Observation'] }],
  ])('%s is refused', async (_what, wrong) => {
    expect((await place.ask('/patients/ada/explain', { as: 'front-desk', body: wrong })).status).toBe(400);
  });
});
