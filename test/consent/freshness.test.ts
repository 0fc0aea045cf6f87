import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Consents } from '../../src/consent/consents.ts';
import type { ConsentSource } from '../../src/consent/source.ts';
import type { PatientKey } from '../../src/fhir/ids.ts';
import { type Call, hang, pause, type Relay, reset, startRelay, until } from '../failure/bench.ts';
import { consent } from './registry.ts';
import { boundMs, type SourceBench, sourceBench } from './source-bench.ts';

const ada = 'Patient/ada' as PatientKey;
const ben = 'Patient/ben' as PatientKey;
const dee = 'Patient/dee' as PatientKey;
const errand = { authorization: undefined, signal: undefined };

let relay: Relay;
let opened: Consents[] = [];

function bench(consentKeys: Record<string, unknown> = {}): SourceBench {
  const made = sourceBench(relay.url, { consent: consentKeys });
  opened.push(made.consents);
  return made;
}

const put = (status: string, id = 'c1', whose = 'Patient/ada'): void =>
  void relay.origin.repo.put(JSON.stringify(consent({ id, whose, recipient: 'Organization/summit-clinic', status })));
const statusOf = async (source: ConsentSource, id = 'c1', patient = ada): Promise<string | undefined> => {
  const found = await source.of([patient], errand);
  return found.get(patient)?.consents.find(({ ref }) => ref.startsWith(`Consent/${id}/`))?.status;
};
const isConsent = ({ type }: Call): boolean => type === 'Consent';
/** Readings of patients' Consents, and questions what changed. */
const readings = (): number => relay.calls.filter((call) => isConsent(call) && call.parameters.has('patient')).length;
const questions = (): number => relay.calls.filter((call) => isConsent(call) && !call.parameters.has('patient')).length;

beforeAll(async () => {
  relay = await startRelay();
});
beforeEach(() => {
  for (const { id } of [...relay.origin.repo.all('Consent')])
    if (/^c\d/.test(id)) relay.origin.repo.delete('Consent', id);
  put('active');
  relay.fault = () => undefined;
  relay.calls.length = 0;
});
afterEach(async () => {
  for (const one of opened) await one.close();
  opened = [];
});
afterAll(() => relay.close());

describe('what is remembered of Consents', () => {
  it('serves within the bound, and no longer, by either clock', async () => {
    const { source, clocks } = bench();
    expect(await statusOf(source)).toBe('active');
    put('inactive');
    expect(await statusOf(source)).toBe('active');
    expect(readings()).toBe(1);
    clocks.steadyMs = boundMs;
    expect(await statusOf(source)).toBe('inactive');
    put('active');
    clocks.wallMs = boundMs;
    expect(await statusOf(source)).toBe('active');
  });

  it('grows no younger when the clock is set back a little', async () => {
    const { source, clocks } = bench();
    expect(await statusOf(source)).toBe('active');
    put('inactive');
    clocks.steadyMs = boundMs + 1; // so much later ...
    clocks.wallMs = -boundMs / 2; // ... but the clock was set back meanwhile
    expect(await statusOf(source)).toBe('inactive');
  });

  it('is not what a reading found that began before a change and ended after it', async () => {
    const { source, consents } = bench();
    consents.start();
    await until('the store was asked where it stands', () => questions() > 1);
    // The search is answered with what it saw; the change is heard of before the answer arrives.
    let letGo: () => void = () => undefined;
    let isHeld = false;
    relay.fault = (call) => {
      if (!isConsent(call) || !call.parameters.has('patient') || isHeld) return undefined;
      isHeld = true;
      const old = fetch(new URL(call.target, relay.origin.url), {
        method: call.method,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: call.body,
      }).then((answer) => answer.text());
      return ({ response }) => {
        letGo = () =>
          void old.then((text) => response.writeHead(200, { 'content-type': 'application/fhir+json' }).end(text));
      };
    };
    const first = source.of([ada], errand);
    await until('the search is out', () => isHeld);
    await pause(50);
    const before = questions();
    put('inactive');
    await until('the change was heard of', () => questions() > before + 2);
    // Whoever comes now does not join the reading that is out.
    expect(await statusOf(source)).toBe('inactive');
    letGo();
    await first;
    expect(await statusOf(source)).toBe('inactive');
  });

  it('is one reading for all who ask at once', async () => {
    const { source } = bench();
    await Promise.all(Array.from({ length: 100 }, () => statusOf(source)));
    expect(readings()).toBe(1);
  });

  it('of somebody who gave up is still read for those who did not, and called off when nobody is left', async () => {
    const { source } = bench();
    relay.fault = (call) => (isConsent(call) ? hang : undefined);
    const [one, other] = [new AbortController(), new AbortController()];
    const first = source.of([ada], { authorization: undefined, signal: one.signal });
    const second = source.of([ada], { authorization: undefined, signal: other.signal });
    await until('the search is out', () => readings() === 1);
    const aborted = relay.aborted;
    one.abort();
    await expect(first).rejects.toMatchObject({ code: 'consent-unavailable' });
    await pause(50);
    expect(relay.aborted).toBe(aborted);
    other.abort();
    await expect(second).rejects.toMatchObject({ code: 'consent-unavailable' });
    await until('the call was called off', () => relay.aborted === aborted + 1);
    relay.fault = () => undefined;
    expect(await statusOf(source)).toBe('active');
  });

  it('is nothing after a failure: an empty answer is not kept, nor what others asked for before', async () => {
    const { source } = bench();
    expect(await statusOf(source)).toBe('active');
    relay.fault = (call) => (isConsent(call) ? reset : undefined);
    await expect(source.of([ben], errand)).rejects.toMatchObject({ code: 'consent-unavailable' });
    await expect(source.of([ada], errand)).rejects.toMatchObject({ code: 'consent-unavailable' });
    await expect(source.ofNobody(errand)).rejects.toMatchObject({ code: 'consent-unavailable' });
    relay.fault = () => undefined;
    expect(await statusOf(source)).toBe('active');
  });

  it('never takes a version for another of the same number', async () => {
    const { source, clocks } = bench();
    expect(await statusOf(source)).toBe('active');
    // A store that was restored, or lies: the version is the same, what it says is not.
    relay.fault = (call) =>
      isConsent(call)
        ? async ({ response }) => {
            const answer = await fetch(new URL(call.target, relay.origin.url), {
              method: call.method,
              headers: { 'content-type': 'application/x-www-form-urlencoded' },
              body: call.body,
            });
            const text = (await answer.text()).replaceAll('"status":"active"', '"status":"inactive"');
            response.writeHead(200, { 'content-type': 'application/fhir+json' }).end(text);
          }
        : undefined;
    clocks.steadyMs = boundMs;
    expect(await statusOf(source)).toBe('inactive');
  });

  it('with bound 0 is nothing: one reading for each request, whatever is found', async () => {
    const { source } = bench({ maximumAgeMs: 0 });
    const calls = async (ask: () => Promise<unknown>): Promise<number> => {
      relay.calls.length = 0;
      await ask();
      return readings();
    };
    expect(await statusOf(source)).toBe('active');
    put('inactive');
    expect(await statusOf(source)).toBe('inactive');
    expect(await calls(() => source.of([ada], errand))).toBe(1);
    expect(await calls(() => source.of([ada], errand))).toBe(1);
    expect(await calls(() => source.of(['Patient/nobody' as PatientKey], errand))).toBe(1);
    expect(await calls(() => source.ofNobody(errand))).toBe(1);
  });
});

describe('a list of Consents that changes while it is read', () => {
  it('is read until it rests: a deny that moves from page to page is not missed', async () => {
    const many = (from: number, to: number): void => {
      for (let index = from; index < to; index++) put('active', `c${1_000 + index}`);
    };
    // Hers are listed as they were made: the deny comes first on the second page, until something before it goes.
    const earlier = [...relay.origin.repo.all('Consent')].filter(({ text }) => text?.includes('"Patient/ada"')).length;
    many(0, 200 - earlier);
    relay.origin.repo.put(
      JSON.stringify(
        consent({ id: 'c9999', whose: 'Patient/ada', type: 'deny', recipient: 'Organization/summit-clinic' }),
      ),
    );
    many(300, 310);
    const { source } = bench();
    let isDone = false;
    // Between the first page and the second five Consents of the first go, so that all behind them move up.
    relay.fault = (call) => {
      if (!isConsent(call) || call.parameters.get('_offset') !== '200' || isDone) return undefined;
      isDone = true;
      for (let index = 0; index < 5; index++) relay.origin.repo.delete('Consent', `c${1_000 + index}`);
      return undefined;
    };
    const found = await source.of([ada], errand);
    const refs = found.get(ada)?.consents.map(({ ref }) => ref.split('/')[1]) ?? [];
    expect(refs).toHaveLength(200 - 5 + 1 + 10);
    expect(refs).toContain('c9999');
    expect(refs).not.toContain('c1000');
  });

  it('that never rests is no list: nothing is released', async () => {
    for (let index = 0; index < 250; index++) put('active', `c${1_000 + index}`);
    const { source } = bench();
    let count = 0;
    relay.fault = (call) => {
      if (isConsent(call)) put('active', `c${5_000 + count++}`);
      return undefined;
    };
    await expect(source.of([ada], errand)).rejects.toMatchObject({ code: 'consent-unavailable' });
  });
});

describe('a change that the store tells of', () => {
  // A store in which little happened of late: the lists above would make it tell of more than can be told apart.
  beforeAll(async () => {
    await relay.close();
    relay = await startRelay();
  });

  it.each(['history', 'lastUpdated', 'discover'])('counts long before the bound, found by %s', async (changes) => {
    const { source, consents, metrics } = bench({ dataServer: { changes } });
    consents.start();
    expect(await statusOf(source)).toBe('active');
    await pause(250);
    put('inactive');
    await until('the change counts', async () => (await statusOf(source)) === 'inactive', 10_000);
    expect(await metrics()).toMatch(/gateway_consent_change_delay_seconds_count\{store="data"\} [1-9]/);
  });

  it('makes only those be read again whom it concerns', async () => {
    const { source, consents } = bench();
    consents.start();
    await pause(250);
    await Promise.all([statusOf(source), source.of([dee], errand)]);
    put('inactive');
    await until('the change counts', async () => (await statusOf(source)) === 'inactive', 10_000);
    const searches = relay.calls.filter(({ parameters }) => parameters.has('patient')).length;
    await source.of([dee], errand);
    expect(relay.calls.filter(({ parameters }) => parameters.has('patient')).length).toBe(searches);
  });

  it('is a deletion too, where the history tells of it', async () => {
    const { source, consents } = bench({ dataServer: { changes: 'history' } });
    consents.start();
    expect(await statusOf(source)).toBe('active');
    await pause(250);
    relay.origin.repo.delete('Consent', 'c1');
    await until('the deletion counts', async () => (await statusOf(source)) === undefined, 10_000);
  });

  it('concerns the patient it was about before as well', async () => {
    const { source, consents } = bench();
    consents.start();
    expect(await statusOf(source)).toBe('active');
    await pause(250);
    put('active', 'c1', 'Patient/ben');
    await until('it is hers no more', async () => (await statusOf(source)) === undefined, 10_000);
    expect(await statusOf(source, 'c1', ben)).toBe('active');
  });

  it('is nothing to a store that does not tell: then the bound alone counts', async () => {
    const { source, consents, clocks } = bench();
    relay.fault = (call) =>
      isConsent(call) && !call.parameters.has('patient')
        ? ({ response }) => void response.writeHead(400, { 'content-type': 'application/fhir+json' }).end('{}')
        : undefined;
    consents.start();
    expect(await statusOf(source)).toBe('active');
    put('inactive');
    await pause(350);
    expect(await statusOf(source)).toBe('active');
    clocks.steadyMs = boundMs;
    expect(await statusOf(source)).toBe('inactive');
  });

  it('that is away, so are all: whoever was asked for before fails like everybody', async () => {
    const { source, consents } = bench();
    consents.start();
    expect(await statusOf(source)).toBe('active');
    relay.fault = (call) => (isConsent(call) ? reset : undefined);
    await pause(350);
    await expect(source.of([ada], errand)).rejects.toMatchObject({ code: 'consent-unavailable' });
    relay.fault = () => undefined;
    expect(await statusOf(source)).toBe('active');
  });
});
