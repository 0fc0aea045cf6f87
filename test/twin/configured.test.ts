import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { configuredChecks } from './checks.ts';
import { generated } from './configured.ts';
import { Random } from './random.ts';
import { randomRequest } from './requests.ts';
import { type Bench, type Difference, report, startBench } from './twins.ts';
import { blindness, sensitive, twinWorlds } from './world.ts';

jest.setTimeout(300_000);

const seed = Number(process.env.TWIN_SEED ?? 20_260_301);
/** Generated requests of each deployment and requester. */
const requests = Number(process.env.TWIN_REQUESTS ?? 360) / 9;

let bench: Bench;
beforeAll(async () => {
  bench = await startBench();
});
afterAll(() => bench.close());

describe('where the gateway is configured otherwise', () => {
  test.each(configuredChecks)('$name', async ({ worlds, run }) => {
    const twins = await bench.start(worlds);
    expect(await run(twins)).toBeUndefined();
    await twins.close();
  });

  test.each(generated)(
    '$name: what is hidden makes no difference to any of the random requests of $asker',
    async ({ asker, like, settings, headers, words = false }) => {
      const random = new Random(seed);
      const worlds = twinWorlds(random, { ...(blindness[like] ?? sensitive), words });
      const twins = await bench.start([worlds.plain, worlds.full, worlds.changed].map((one) => ({ ...one, settings })));
      const found: Difference[] = [];
      for (let n = 0; n < requests; n++) {
        const request = randomRequest(worlds, random);
        found.push(...(await twins.compare(asker, { ...request, headers: { ...request.headers, ...headers } })));
      }
      expect(report(found)).toBe('');
      await twins.close();
    },
  );
});
