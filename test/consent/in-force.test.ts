import { afterEach, describe, expect, it } from '@jest/globals';
import { type Bench, type BenchOptions, errorCode, pause, startBench, until } from '../failure/bench.ts';

/** Summit reads Ada's ordinary data by this Consent and by no other. */
function setConsent(bench: Bench, status: string): void {
  const text = bench.relay.origin.repo.current('Consent', 'ada-consent-exchange')?.text as string;
  bench.relay.origin.repo.put(text.replace(/"status":"[a-z]+"/, `"status":"${status}"`));
}

const keys = (consent: Record<string, unknown>): BenchOptions => ({ changes: { consent } });

describe('a request under way while a Consent is revoked', () => {
  let bench: Bench;
  afterEach(() => bench.close());

  /** Holds the first look-up of encounters, which comes after the Consents were asked for, until it is let go. */
  const hold = (): { isOut: () => boolean; letGo: () => void } => {
    let release: (() => void) | undefined;
    let isHeld = false;
    bench.relay.fault = (call) => {
      if (isHeld || call.type !== 'Encounter') return undefined;
      isHeld = true;
      const honest = fetch(new URL(call.target, bench.relay.origin.url), {
        method: call.method,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: call.body,
      }).then((answer) => answer.text());
      return ({ response }) => {
        release = () =>
          void honest.then((text) => response.writeHead(200, { 'content-type': 'application/fhir+json' }).end(text));
      };
    };
    return {
      isOut: () =>
        release !== undefined &&
        bench.relay.calls.some(({ type, parameters }) => type === 'Consent' && parameters.has('patient')),
      letGo: () => release?.(),
    };
  };
  const slow = () => bench.ask('Observation/ada-a1c', { as: 'summit' });

  it('looks again before it answers when it took longer than the bound allows', async () => {
    bench = await startBench(keys({ maximumAgeMs: 400, dataServer: { changes: 'none' } }));
    const held = hold();
    const answer = slow();
    await until('it is held, and the Consents are asked for', held.isOut);
    await pause(100); // and read
    setConsent(bench, 'inactive');
    await pause(450);
    held.letGo();
    expect((await answer).status).toBe(404);
  });

  it('looks again when the store told of the change meanwhile, however young what it read is', async () => {
    bench = await startBench(keys({ maximumAgeMs: 60_000, changesEveryMs: 100 }));
    await pause(250);
    const held = hold();
    const answer = slow();
    await until('it is held, and the Consents are asked for', held.isOut);
    await pause(100); // and read
    setConsent(bench, 'inactive');
    await pause(400);
    held.letGo();
    expect((await answer).status).toBe(404);
  });

  it('at bound 0 looks again when it took more than a second', async () => {
    bench = await startBench(keys({ maximumAgeMs: 0 }));
    const held = hold();
    const answer = slow();
    await until('it is held, and the Consents are asked for', held.isOut);
    await pause(100); // and read
    setConsent(bench, 'inactive');
    await pause(1_050);
    held.letGo();
    expect((await answer).status).toBe(404);
  });

  it('and nothing changed answers as ever', async () => {
    bench = await startBench(keys({ maximumAgeMs: 400, dataServer: { changes: 'none' } }));
    const held = hold();
    const answer = slow();
    await until('it is held, and the Consents are asked for', held.isOut);
    await pause(100); // and read
    await pause(450);
    held.letGo();
    expect((await answer).status).toBe(200);
  });

  it('never answers by Consents that change and change: it gives up', async () => {
    bench = await startBench(keys({ maximumAgeMs: 0 }));
    bench.relay.fault = (call) => {
      if (call.type !== 'Encounter') return undefined;
      const honest = fetch(new URL(call.target, bench.relay.origin.url), {
        method: call.method,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: call.body,
      }).then((answer) => answer.text());
      return ({ response }) =>
        void honest.then(async (text) => {
          await pause(1_050);
          response.writeHead(200, { 'content-type': 'application/fhir+json' }).end(text);
        });
    };
    const changing = setInterval(() => setConsent(bench, 'active'), 50);
    const answer = await slow();
    clearInterval(changing);
    expect([answer.status, errorCode(answer.body)]).toEqual([503, 'consent-unavailable']);
  });
});
