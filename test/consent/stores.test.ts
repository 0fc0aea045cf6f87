import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  answering,
  ask,
  type Bench,
  errorCode,
  hang,
  reset,
  serveProcess,
  startBench,
  startRelay,
  until,
} from '../failure/bench.ts';
import { consent, everybody, mrn, organization, patient, type Registry, startRegistry, storeOfR5 } from './registry.ts';

/** The registry, and before its data a gateway that asks both; Ada's Consent for Summit is in the registry alone. */
describe('Consents in another store', () => {
  let registry: Registry;
  let bench: Bench;
  const asked = async (path = 'Observation/ada-a1c', as = 'summit') => (await bench.ask(path, { as })).status;

  beforeAll(async () => {
    registry = await startRegistry();
    bench = await startBench({
      changes: {
        consent: {
          stores: [
            {
              name: 'registry',
              baseUrl: registry.server.url,
              otherBaseUrls: ['https://registry.example/fhir'],
              fhirVersion: 'R4',
              paging: 'offset',
              patients: { by: 'identifier', systems: [mrn] },
              changes: 'none',
            },
          ],
        },
      },
    });
    bench.relay.origin.repo.delete('Consent', 'ada-consent-exchange');
  });
  beforeEach(() => {
    for (const type of registry.server.repo.types)
      for (const { id } of [...registry.server.repo.all(type)]) registry.server.repo.delete(type, id);
    for (const one of everybody) registry.put(one);
  });
  afterAll(async () => {
    await bench.close();
    await registry.close();
  });

  it('without any, Summit reads nothing of Ada', async () => {
    expect(await asked()).toBe(404);
  });

  it('a permit there counts, by the identifiers of patient, recipient and organization', async () => {
    registry.put(consent({ whose: 'Patient/77', recipient: 'Organization/s' }));
    expect(await asked()).toBe(200);
    expect(await asked('Observation/ada-drug-screen')).toBe(404);
  });

  it('revoked there, it counts no more', async () => {
    registry.put(consent({ whose: 'Patient/77', recipient: 'Organization/s', status: 'inactive' }));
    expect(await asked()).toBe(404);
  });

  it('a recipient by the name that the registry has outside is the same', async () => {
    registry.put(consent({ whose: 'Patient/77', recipient: 'https://registry.example/fhir/Organization/s' }));
    expect(await asked()).toBe(200);
  });

  it('a relative reference there is not the resource of that id here', async () => {
    // Here Organization/summit-clinic is Summit; there it is some other organization.
    registry.put(organization('summit-clinic', 'harbor-clinic'));
    registry.put(consent({ whose: 'Patient/77', recipient: 'Organization/summit-clinic' }));
    expect(await asked()).toBe(404);
    expect(await asked('Observation/ada-a1c', 'harbor')).toBe(200);
  });

  it('a reference to the data server by its own name is one to its resource', async () => {
    registry.put(
      consent({ whose: 'Patient/77', recipient: `${bench.config.upstream.baseUrl}/Organization/summit-clinic` }),
    );
    expect(await asked()).toBe(200);
  });

  it('a recipient of whom the registry tells no identifier may be anybody in a deny, and nobody in a permit', async () => {
    registry.put(consent({ whose: 'Patient/77', recipient: 'Organization/x' }));
    expect(await asked()).toBe(404);
    registry.put(consent({ id: 'c2', whose: 'Patient/77', recipient: 'Organization/s' }));
    expect(await asked()).toBe(200);
    registry.put(consent({ id: 'c3', whose: 'Patient/77', type: 'deny', recipient: 'Organization/x' }));
    expect(await asked()).toBe(404);
    registry.put(consent({ id: 'c3', whose: 'Patient/77', type: 'deny', recipient: 'Organization/gone' }));
    expect(await asked()).toBe(404);
  });

  it('a deny there beats a permit here', async () => {
    bench.relay.origin.repo.put(
      JSON.stringify({
        ...consent({
          id: 'here',
          whose: 'Patient/ada',
          recipient: 'Organization/summit-clinic',
          of: 'Organization/mercy-hospital',
        }),
      }),
    );
    expect(await asked()).toBe(200);
    registry.put(consent({ whose: 'Patient/77', type: 'deny', recipient: 'Organization/s' }));
    expect(await asked()).toBe(404);
    bench.relay.origin.repo.delete('Consent', 'here');
  });

  it('the record names the store of the Consent that let the data go', async () => {
    registry.put(consent({ whose: 'Patient/77', recipient: 'Organization/s' }));
    expect(await asked()).toBe(200);
    const events = async (): Promise<string> => {
      const answer = await fetch(`${bench.audit.url}/AuditEvent?_count=1000`);
      return answer.text();
    };
    let text = await events();
    for (let tries = 0; tries < 100 && !text.includes(`${registry.server.url}/Consent/c1/_history/`); tries++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      text = await events();
    }
    expect(text).toContain(`"reference":"${registry.server.url}/Consent/c1/_history/`);
  });

  describe('who a patient is there', () => {
    it('nobody, when no identifier of a configured system is in common', async () => {
      registry.put(patient('77', ['MRN-OTHER']));
      registry.put(consent({ whose: 'Patient/77', recipient: 'Organization/s' }));
      expect(await asked()).toBe(404);
      registry.put({ resourceType: 'Patient', id: '77', identifier: [{ system: 'urn:other', value: 'MRN-ADA' }] });
      expect(await asked()).toBe(404);
    });

    it('not somebody by an identifier that is no longer hers', async () => {
      registry.put({ resourceType: 'Patient', id: '77', identifier: [{ use: 'old', system: mrn, value: 'MRN-ADA' }] });
      registry.put(consent({ whose: 'Patient/77', recipient: 'Organization/s' }));
      expect(await asked()).toBe(404);
    });

    it('ambiguous, when two are called so: what either permits does not count, what either denies does', async () => {
      registry.put(consent({ whose: 'Patient/77', recipient: 'Organization/s' }));
      registry.put(patient('78', ['MRN-ADA']));
      expect(await asked()).toBe(404);
      expect(await asked('Observation/ada-a1c', 'dr-grey')).toBe(404); // the implicit policy does not either
      expect(await asked('Observation/ada-a1c', 'ada')).toBe(200); // her own access is untouched
    });

    it('one, when the two are linked', async () => {
      registry.put(patient('78', ['MRN-ADA'], ['Patient/77']));
      registry.put(consent({ whose: 'Patient/78', recipient: 'Organization/s' }));
      expect(await asked()).toBe(200);
      expect(await asked('Observation/ada-a1c', 'dr-grey')).toBe(200);
    });

    it('whom a link leads to, though without an identifier', async () => {
      registry.put(patient('77', ['MRN-ADA'], ['Patient/79']));
      registry.put(patient('79', []));
      registry.put(consent({ whose: 'Patient/79', recipient: 'Organization/s' }));
      expect(await asked()).toBe(200);
    });

    it('ambiguous, when another patient here is called so too', async () => {
      registry.put(consent({ whose: 'Patient/77', recipient: 'Organization/s' }));
      bench.relay.origin.repo.put(JSON.stringify(patient('ada-twin', ['MRN-ADA'])));
      expect(await asked()).toBe(404);
      bench.relay.origin.repo.put(JSON.stringify(patient('ada-twin', ['MRN-ADA'], ['Patient/ada'])));
      expect(await asked()).toBe(200);
      bench.relay.origin.repo.delete('Patient', 'ada-twin');
    });

    it('no more than so many records of hers are believed in', async () => {
      for (let index = 0; index < 40; index++)
        registry.put(patient(`r${index}`, ['MRN-ADA'], [`Patient/r${(index + 1) % 40}`, 'Patient/77']));
      registry.put(consent({ whose: 'Patient/77', recipient: 'Organization/s' }));
      expect(await asked()).toBe(404);
    });
  });

  it('a person with a comma, a bar and a backslash in her number is found', async () => {
    const odd = 'A,B|C\\D$E';
    const ada = JSON.parse(bench.relay.origin.repo.current('Patient', 'ada')?.text as string);
    const { meta: _meta, ...plain } = ada;
    bench.relay.origin.repo.put(JSON.stringify({ ...plain, identifier: [{ system: mrn, value: odd }] }));
    registry.put(patient('77', [odd]));
    registry.put(consent({ whose: 'Patient/77', recipient: 'Organization/s' }));
    expect(await asked()).toBe(200);
    bench.relay.origin.repo.put(JSON.stringify(plain));
  });
});

describe('patients of a store that has none of its own', () => {
  it.each(['id', 'reference'] as const)('are found by %s', async (by) => {
    const registry = await startRegistry([organization('m', 'mercy-hospital'), organization('s', 'summit-clinic')]);
    const bench = await startBench({
      changes: {
        consent: {
          stores: [
            {
              name: 'registry',
              baseUrl: registry.server.url,
              otherBaseUrls: [],
              fhirVersion: 'R4',
              paging: 'offset',
              patients: { by },
              changes: 'none',
            },
          ],
        },
      },
    });
    bench.relay.origin.repo.delete('Consent', 'ada-consent-exchange');
    const asked = async () => (await bench.ask('Observation/ada-a1c', { as: 'summit' })).status;
    const [relative, absolute] = ['Patient/ada', `${bench.config.upstream.baseUrl}/Patient/ada`];
    registry.put(consent({ whose: by === 'id' ? absolute : relative, recipient: 'Organization/s' }));
    expect(await asked()).toBe(404); // a patient of that id elsewhere is somebody else
    registry.put(consent({ whose: by === 'id' ? relative : absolute, recipient: 'Organization/s' }));
    expect(await asked()).toBe(200);
    registry.put(
      consent({ whose: by === 'id' ? relative : absolute, recipient: 'Organization/s', status: 'inactive' }),
    );
    expect(await asked()).toBe(404);
    await bench.close();
    await registry.close();
  });
});

describe('a store of FHIR R5', () => {
  it('has its Consents read as R5, its actors named by their identifiers', async () => {
    const registry = await startRelay(everybody.map((one) => JSON.stringify(one)));
    const participation = 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType';
    const recipient = (reference: string) => ({
      role: { coding: [{ system: participation, code: 'IRCP' }] },
      reference: { reference },
    });
    const stored = (decision: string, actor: string) => ({
      resourceType: 'Consent',
      id: 'r5',
      meta: { versionId: '1' },
      status: 'active',
      subject: { reference: 'Patient/77' },
      category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
      date: '2026-04-01',
      controller: [{ reference: 'Organization/m' }],
      decision,
      provision: [{ actor: [recipient(actor)] }],
    });
    const answer = (resource: unknown) =>
      answering(JSON.stringify({ resourceType: 'Bundle', type: 'searchset', entry: [{ resource }] }));
    const bench = await startBench({
      changes: {
        consent: {
          stores: [storeOfR5(registry.url)],
        },
      },
    });
    bench.relay.origin.repo.delete('Consent', 'ada-consent-exchange');
    const asked = async (resource: unknown) => {
      registry.fault = ({ type }) => (type === 'Consent' ? answer(resource) : undefined);
      return (await bench.ask('Observation/ada-a1c', { as: 'summit' })).status;
    };
    expect(await asked(stored('deny', 'Organization/s'))).toBe(200); // nobody, but Summit
    expect(await asked(stored('deny', 'Organization/x'))).toBe(404);
    expect(await asked(stored('permit', 'Organization/s'))).toBe(404); // everybody, but Summit
    expect(await asked(stored('permit', 'Organization/x'))).toBe(404); // whoever that is
    expect(await asked(stored('permit', 'Organization/m'))).toBe(200);
    await bench.close();
    await registry.close();
  });
});

/** A relay before the registry, to break it. */
describe('a consent store that fails', () => {
  let bench: Bench;
  let registry: Bench['relay'];
  const paths = [
    'Observation/ada-a1c',
    'Observation/ada-drug-screen',
    'Observation/nobody',
    'Observation?_id=ada-drug-screen',
    'Observation?_id=nobody',
    'Patient/eve',
    'Patient/nobody',
  ];

  beforeAll(async () => {
    registry = await startRelay(everybody.map((one) => JSON.stringify(one)));
    bench = await startBench({
      changes: {
        upstream: { answerTimeoutMs: 4_000 },
        consent: {
          stores: [
            {
              name: 'registry',
              baseUrl: registry.url,
              otherBaseUrls: [],
              fhirVersion: 'R4',
              paging: 'offset',
              patients: { by: 'identifier', systems: [mrn] },
              changes: 'none',
            },
          ],
        },
      },
    });
  });
  afterEach(() => {
    registry.fault = () => undefined;
  });
  afterAll(async () => {
    await bench.close();
    await registry.close();
  });

  it.each([
    ['refuses', answering('{}', { status: 403 })],
    ['is a 500', answering('<h1>PLANTED</h1>', { status: 500, headers: { 'content-type': 'text/html' } })],
    ['resets', reset],
    ['never answers', hang],
    ['says something else', answering('{"resourceType":"OperationOutcome"}')],
  ])(
    'releases nothing and tells nothing when it %s: what is withheld and what is absent fail alike',
    async (_what, fault) => {
      registry.fault = ({ type }) => (type === 'Consent' ? fault : undefined);
      const answers = await Promise.all(paths.map((path) => bench.ask(path)));
      expect(new Set(answers.map(({ status, body }) => `${status} ${errorCode(body)}`))).toEqual(
        new Set(['503 consent-unavailable']),
      );
      registry.fault = ({ type }) => (type === 'Patient' ? fault : undefined);
      expect(errorCode((await bench.ask('Observation/ada-a1c')).body)).toBe('consent-unavailable');
      registry.fault = () => undefined;
      expect((await bench.ask('Observation/ada-a1c')).status).toBe(200);
    },
  );

  it('is told apart in the metrics, by its name', async () => {
    registry.fault = ({ type }) => (type === 'Consent' ? answering('{}', { status: 503 }) : undefined);
    await bench.ask('Observation/ada-a1c');
    const metrics = async () => (await fetch(`${bench.gateway.adminUrl}/metrics`)).text();
    const broken = await metrics();
    expect(broken).toContain('gateway_consent_store_up{store="registry"} 0');
    expect(broken).toContain('gateway_consent_store_up{store="data"} 1');
    expect(broken).toMatch(
      /gateway_consent_store_failures_total\{store="registry",code="upstream-unavailable"\} [1-9]/,
    );
    registry.fault = () => undefined;
    await bench.ask('Observation/ada-a1c');
    expect(await metrics()).toContain('gateway_consent_store_up{store="registry"} 1');
  });

  it('is told apart in the log, by its name: once when it fails and once when it answers again, whatever is asked meanwhile', async () => {
    const config = {
      ...bench.config,
      listener: { ...bench.config.listener, port: 0 },
      audit: { ...bench.config.audit, outboxFile: join(bench.folder, 'logged.db') },
    };
    const gateway = await serveProcess(config, join(bench.folder, 'logged.json'));
    const get = (path = 'Observation/ada-a1c') => ask(`${gateway.url}/${path}`, bench.tokens.get('dr-grey'));
    const told = () =>
      gateway
        .stderr()
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>)
        .filter(({ store, message }) => store !== undefined && /fails|answers again/.test(String(message)))
        .map(({ level, store, code, message }) => [level, store, code, message]);
    const fails = 'a consent store fails: nothing is released that it decides on';
    const broken = answering('{}', { status: 503 });
    try {
      expect((await get()).status).toBe(200);
      expect(told()).toEqual([]);
      registry.fault = ({ type }) => (type === 'Consent' ? broken : undefined);
      const answers = [await get(), await get(), await get('Observation/nobody')];
      registry.fault = () => undefined;
      expect((await get()).status).toBe(200);
      const again = ['info', 'registry', undefined, 'a consent store answers again'];
      const ofRegistry = [['error', 'registry', 'upstream-unavailable', fails], again];
      await until('both are told', () => told().length === 2);
      expect(told()).toEqual(ofRegistry);
      bench.relay.fault = ({ type }) => (type === 'Consent' ? broken : undefined);
      answers.push(await get());
      bench.relay.fault = () => undefined;
      await until('the other is told', () => told().length === 3);
      expect(told().slice(2)).toEqual([['error', 'data', 'upstream-unavailable', fails]]);
      // Who asks is told neither which, nor that there are several.
      expect(new Set(answers.map((one) => JSON.stringify([one.status, errorCode(one.body)])))).toEqual(
        new Set(['[503,"consent-unavailable"]']),
      );
      for (const { body, headers } of answers) expect(JSON.stringify([body, headers])).not.toMatch(/registry/);
    } finally {
      bench.relay.fault = () => undefined;
      gateway.kill('SIGTERM');
      await gateway.ended;
    }
  });

  it('makes as many calls for what is withheld, what is absent, and for whom it does not know', async () => {
    const calls = async (path: string): Promise<readonly string[]> => {
      registry.calls.length = 0;
      await bench.ask(path);
      return registry.calls.map(({ type, interaction }) => `${type} ${interaction}`).sort();
    };
    const withheld = await calls('Observation/ada-drug-screen');
    expect(withheld.length).toBeGreaterThan(1);
    expect(await calls('Observation/nobody')).toEqual(withheld);
    expect(await calls('Patient/dee')).toEqual(withheld);
  });
});
