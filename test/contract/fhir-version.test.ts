import { afterAll, afterEach, beforeAll, describe, expect, it, jest as jestTimers } from '@jest/globals';
import { serve } from '../../src/serve.ts';
import { createVersionWatch } from '../../src/upstream/fhir-version.ts';
import { answering, ask, type Bench, type Call, merged, startBench } from '../failure/bench.ts';

/** The data server says of which version of FHIR it is (FHIR R4 CapabilityStatement.fhirVersion). */

const saying = (fhirVersion: unknown) => (call: Call) =>
  call.type === 'metadata'
    ? answering(JSON.stringify({ resourceType: 'CapabilityStatement', fhirVersion }))
    : undefined;

let bench: Bench;
let name = 0;
beforeAll(async () => {
  bench = await startBench();
});
afterAll(() => bench.close());
afterEach(() => {
  bench.relay.fault = () => undefined;
});
const changed = () => {
  const outboxFile = `${bench.folder}/outbox-version-${name++}.db`;
  return merged(bench.config, { listener: { port: 0 }, admin: { port: 0 }, audit: { outboxFile } });
};

describe('before a FHIR server', () => {
  it.each(['5.0.0', '4.3.0', '3.0.2', '6.0.0-ballot3', '40.1', ''])(
    'of %s, the gateway does not start',
    async (version) => {
      bench.relay.fault = saying(version);
      await expect(serve(changed())).rejects.toThrow(/not a FHIR R4 server/);
    },
  );

  it.each(['4.0.1', '4.0.0', '4.0'])('of %s, it does', async (version) => {
    bench.relay.fault = saying(version);
    const gateway = await serve(changed());
    expect((await ask(`${gateway.url}/Observation/ada-a1c`, bench.tokens.get('summit'))).status).toBe(200);
    await gateway.close();
  });

  it('that does not say, or gives no statement, it does: the doctor tells', async () => {
    for (const fault of [
      saying(undefined),
      saying(5),
      (call: Call) => (call.type === 'metadata' ? answering('{}', { status: 401 }) : undefined),
    ]) {
      bench.relay.fault = fault;
      const gateway = await serve(changed());
      expect((await ask(`${gateway.url}/Observation/ada-a1c`, bench.tokens.get('summit'))).status).toBe(200);
      await gateway.close();
    }
  });
});

describe('a server that was away', () => {
  it('is asked until it says, and nothing of it is read once it has said another version', async () => {
    jestTimers.useFakeTimers();
    try {
      const answers: (string | Error | undefined)[] = [new Error('away'), undefined, '5.0.0', '4.0.1'];
      const said: string[] = [];
      const watch = createVersionWatch({
        version: 'R4',
        ask: async () => {
          const answer = answers.shift();
          if (answer instanceof Error) throw answer;
          return answer;
        },
        onOther: (version) => said.push(version),
      });
      await watch.start();
      for (let turn = 0; turn < 5; turn++) {
        expect([watch.other, said.length]).toEqual(turn < 2 ? [undefined, 0] : ['5.0.0', 1]);
        if (turn < 2) watch.check();
        else expect(() => watch.check()).toThrow();
        await jestTimers.advanceTimersByTimeAsync(10_000);
      }
      expect(answers).toEqual(['4.0.1']); // it has said what it is
      watch.stop();
    } finally {
      jestTimers.useRealTimers();
    }
  });
});
