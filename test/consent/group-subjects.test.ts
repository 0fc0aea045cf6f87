import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { serve } from '../../src/serve.ts';
import { answering, ask, type Bench, type Call, type Fault, merged, startBench, startRelay } from '../failure/bench.ts';
import { everybody, storeOfR5 } from './registry.ts';

/** A registry of FHIR R5, where a Consent may be about a Group (FHIR R5 Consent.subject); Ada is Patient/77 there. */
let bench: Bench;
let registry: Bench['relay'];

beforeAll(async () => {
  registry = await startRelay([]);
  bench = await startBench({
    changes: {
      consent: {
        stores: [storeOfR5(registry.url)],
      },
    },
  });
  bench.relay.origin.repo.delete('Consent', 'ada-consent-exchange');
});
beforeEach(() => {
  registry.fault = bySubject;
  const { repo } = registry.origin;
  for (const type of repo.types) for (const { id } of [...repo.all(type)]) repo.delete(type, id);
  for (const one of everybody) put(one);
});
afterAll(async () => {
  await bench.close();
  await registry.close();
});

/** The search parameter `subject` of FHIR R5, which the server itself, of R4, does not have. */
function bySubject({ type, parameters }: Call): Fault | undefined {
  const subjects = type === 'Consent' ? parameters.get('subject')?.split(',') : undefined;
  if (subjects === undefined) return undefined;
  const entry = [...registry.origin.repo.all('Consent')]
    .map(({ resource }) => ({ resource: resource as unknown as ReturnType<typeof consent> }))
    .filter(({ resource }) => subjects.includes(resource.subject.reference));
  return answering(JSON.stringify({ resourceType: 'Bundle', type: 'searchset', entry }));
}
const put = (resource: object): void => void registry.origin.repo.put(JSON.stringify(resource));
const asked = async (): Promise<number> => (await bench.ask('Observation/ada-a1c', { as: 'summit' })).status;

/** `deny` but for Summit, or `permit` but for Summit: provisions of R5 are exceptions to the decision. */
const consent = (decision: 'permit' | 'deny', subject: string, id = 'r5') => ({
  resourceType: 'Consent',
  id,
  status: 'active',
  subject: { reference: subject },
  category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
  date: '2026-04-01',
  controller: [{ reference: 'Organization/m' }],
  decision,
  provision: [
    {
      actor: [
        {
          role: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType', code: 'IRCP' }] },
          reference: { reference: 'Organization/s' },
        },
      ],
    },
  ],
});
const group = (members: readonly object[], more: object = {}, id = 'g') => ({
  resourceType: 'Group',
  id,
  type: 'person',
  membership: 'enumerated',
  member: members,
  ...more,
});
const member = (reference: string, more: object = {}) => ({ entity: { reference }, ...more });

describe('a Consent about a Group is a Consent of each of its members', () => {
  it('of nobody else', async () => {
    put(group([member('Patient/78')]));
    put(consent('deny', 'Group/g'));
    expect(await asked()).toBe(404); // no Consent of hers permits
    put(consent('deny', 'Patient/77', 'hers'));
    expect(await asked()).toBe(200);
    put(consent('permit', 'Group/g'));
    expect(await asked()).toBe(200);
  });

  it('what it permits is permitted, what it denies is denied', async () => {
    put(group([member('Patient/78'), member('Patient/77')]));
    put(consent('deny', 'Group/g'));
    expect(await asked()).toBe(200);
    put(consent('deny', 'Patient/77', 'hers'));
    put({ ...consent('permit', 'Group/g'), controller: [{ reference: 'Organization/x' }] });
    expect(await asked()).toBe(404);
  });

  it('no longer, once she has left it', async () => {
    put(group([member('Patient/77')]));
    put(consent('deny', 'Group/g'));
    expect(await asked()).toBe(200);
    put(group([member('Patient/78')]));
    expect(await asked()).toBe(404);
  });

  it.each([
    ['inactive', { inactive: true }],
    ['past', { period: { end: '2020-01-01' } }],
  ])('a member who is %s is none', async (_what, more) => {
    put(group([member('Patient/77', more)]));
    put(consent('deny', 'Group/g'));
    put(consent('deny', 'Patient/77', 'hers'));
    expect(await asked()).toBe(200);
    put({ ...consent('permit', 'Group/g'), controller: [{ reference: 'Organization/x' }] });
    expect(await asked()).toBe(200);
  });

  it.each([
    ['a period that cannot be read', { period: { end: 'soon' } }, {}],
    ['a Group of a kind of people', {}, { membership: 'definitional' }],
    ['a Group that something modifies', {}, { modifierExtension: [{ url: 'urn:x', valueBoolean: true }] }],
  ])('%s: it may deny her, and permits her nothing', async (_what, ofMember, ofGroup) => {
    put(group([member('Patient/77', ofMember)], ofGroup));
    put(consent('deny', 'Group/g'));
    expect(await asked()).toBe(404);
    put(consent('deny', 'Patient/77', 'hers'));
    put({ ...consent('permit', 'Group/g'), controller: [{ reference: 'Organization/x' }] });
    expect(await asked()).toBe(404);
    registry.origin.repo.delete('Consent', 'r5');
    expect(await asked()).toBe(200);
  });

  it('members of a Group in it are its members, also where the two are in each other', async () => {
    put(group([member('Patient/77'), member('Group/outer')], {}, 'inner'));
    put(group([member('Group/inner')], {}, 'outer'));
    put(consent('deny', 'Group/outer'));
    expect(await asked()).toBe(200);
  });

  it('in a Group that is in a Group, and so on without sense, nothing is released', async () => {
    put(group([member('Patient/77')], {}, 'g0'));
    for (let depth = 1; depth < 12; depth++) put(group([member(`Group/g${depth - 1}`)], {}, `g${depth}`));
    put(consent('deny', 'Patient/77', 'hers'));
    expect(await asked()).toBe(503);
  });

  it('in more Groups than can be looked at, nothing is released', async () => {
    for (let index = 0; index < 501; index++) put(group([member('Patient/77')], {}, `g${index}`));
    put(consent('deny', 'Patient/77', 'hers'));
    expect(await asked()).toBe(503);
  });

  it.each([400, 404, 500, 503])(
    'where the store answers %s when it is asked for Groups, nothing is released',
    async (status) => {
      put(consent('deny', 'Patient/77', 'hers'));
      expect(await asked()).toBe(200);
      registry.fault = ({ type }) => (type === 'Group' ? answering('{}', { status }) : undefined);
      expect(await asked()).toBe(503);
    },
  );

  it('as much is asked for a patient who is in no Group as for one who is', async () => {
    const calls = async (): Promise<readonly string[]> => {
      const from = registry.calls.length;
      expect(await asked()).toBe(200);
      return registry.calls.slice(from).flatMap(({ type, parameters }) => {
        const names = [...parameters.keys()].filter((name) => !name.startsWith('_'));
        return type === 'Consent' ? [`Consent?${names}`] : [];
      });
    };
    put(consent('deny', 'Patient/77', 'hers'));
    const none = await calls();
    put(group([member('Patient/77')]));
    expect(await calls()).toEqual(none);
    expect(none).toEqual(['Consent?patient', 'Consent?subject']);
  });

  it('a store that gives it where it is asked for the patient’s, of a Group that does not list her: whose it is cannot be told', async () => {
    put(consent('deny', 'Patient/77', 'hers'));
    const all = { resourceType: 'Bundle', type: 'searchset', entry: [{ resource: consent('deny', 'Group/unknown') }] };
    registry.fault = ({ type }) => (type === 'Consent' ? answering(JSON.stringify(all)) : undefined);
    expect(await asked()).toBe(404);
  });
});

describe('a store that says two things under one id, releases nothing until it says one', () => {
  const bundle = (...resources: readonly object[]) =>
    answering(
      JSON.stringify({ resourceType: 'Bundle', type: 'searchset', entry: resources.map((resource) => ({ resource })) }),
    );
  const twice = { permits: consent('deny', 'Patient/77'), denies: consent('permit', 'Patient/77') };

  it.each([
    ['denies where it is asked for hers, and permits for the Group’s', [twice.denies, twice.permits], 503],
    ['permits where it is asked for hers, and denies for the Group’s', [twice.permits, twice.denies], 503],
    ['permits in both', [twice.permits, twice.permits], 200],
    ['denies in both', [twice.denies, twice.denies], 404],
  ] as const)('a Consent that %s', async (_what, [hers, ofGroup], status) => {
    put(group([member('Patient/77')]));
    registry.fault = ({ type, parameters }) =>
      type === 'Consent' ? bundle(parameters.has('subject') ? ofGroup : hers) : undefined;
    expect(await asked()).toBe(status);
  });

  it('a Consent that was changed between the two searches, which counts as it is now', async () => {
    put(group([member('Patient/77')]));
    for (const [first, then, status] of [
      [twice.permits, twice.denies, 404],
      [twice.denies, twice.permits, 200],
    ] as const) {
      let searches = 0;
      registry.fault = ({ type }) => (type === 'Consent' ? bundle(searches++ === 0 ? first : then) : undefined);
      expect(await asked()).toBe(status);
    }
  });

  it.each([
    ['in one answer', () => bundle(group([member('Patient/77')]), group([member('Patient/78')]))],
    ['in the other order', () => bundle(group([member('Patient/78')]), group([member('Patient/77')]))],
  ])('a Group that lists her and does not, %s', async (_what, groups) => {
    put(consent('deny', 'Group/g'));
    registry.fault = (call) => (call.type === 'Group' ? groups() : bySubject(call));
    expect(await asked()).toBe(503);
  });

  it('a Group on pages that are others each time', async () => {
    const paged = { ...storeOfR5(registry.url), paging: 'links' };
    const outboxFile = `${bench.folder}/outbox-paged.db`;
    const changes = { listener: { port: 0 }, consent: { stores: [paged] }, audit: { outboxFile } };
    const gateway = await serve(merged(bench.config, changes));
    const read = () => ask(`${gateway.url}/Observation/ada-a1c`, bench.tokens.get('summit'));
    put(consent('deny', 'Group/g'));
    let others = ['a', 'b', 'c', 'd'];
    registry.fault = (call) => {
      if (call.type !== 'Group') return bySubject(call);
      const isFirst = call.method === 'POST';
      const on = isFirst ? group([member('Patient/77')]) : group([member('Patient/77')], {}, others.shift() ?? 'last');
      const link = isFirst ? [{ relation: 'next', url: `${registry.url}/Group?page=2` }] : [];
      return answering(JSON.stringify({ resourceType: 'Bundle', type: 'searchset', link, entry: [{ resource: on }] }));
    };
    expect((await read()).status).toBe(503);
    others = ['a', 'b', 'b'];
    expect((await read()).status).toBe(200);
    await gateway.close();
  });
});
