import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Rules } from '../../src/decide/decide.ts';
import type { Decision } from '../../src/decide/decision.ts';
import { ask, type Bench, startBench, until } from '../failure/bench.ts';

let bench: Bench;
const ready = async (): Promise<number> => (await ask(`${bench.gateway.adminUrl}/ready`, undefined)).status;
const metrics = async (): Promise<string> => (await ask(`${bench.gateway.adminUrl}/metrics`, undefined)).body;

beforeAll(async () => {
  bench = await startBench();
});
afterAll(() => bench.close());

describe('the self-probe', () => {
  it('asks nobody and leaves no record: it is about nothing that is stored', async () => {
    expect(await ready()).toBe(200);
    expect(await metrics()).toContain('gateway_enforcement_proven 1');
    expect(bench.relay.calls).toEqual([]);
    expect(await metrics()).toContain('gateway_recorded_disclosures 0');
  });

  it('turns readiness off when the rules release what they must withhold, and on again when they do not', async () => {
    const decide = Rules.prototype.decide;
    Rules.prototype.decide = (): Decision => ({
      outcome: 'release',
      reasons: [{ code: 'unrestricted', step: 1 }],
      obligations: [],
    });
    try {
      await until('it is not ready any more', async () => (await ready()) === 503, 20_000);
      expect(await metrics()).toContain('gateway_enforcement_proven 0');
    } finally {
      Rules.prototype.decide = decide;
    }
    await until('it is ready again', async () => (await ready()) === 200, 20_000);
  });
});
