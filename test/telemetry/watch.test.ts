import { describe, expect, it } from '@jest/globals';
import { RequestWatch, type Stage } from '../../src/telemetry/watch.ts';

function watched() {
  let at = 0;
  const told: [Stage, number, number, number][] = [];
  const watch = new RequestWatch(() => at, { onStage: (...stage) => void told.push(stage) });
  return { watch, told, pass: (milliseconds: number) => (at += milliseconds) };
}

describe('the watch of a request', () => {
  it('tells each stage when it is over, and gives back what the work gave', async () => {
    const { watch, told, pass } = watched();
    const got = await watch.timed('upstream', async () => pass(7));
    expect(got).toBe(7);
    expect(told).toEqual([['upstream', 0, 7, 7]]);
  });

  it('tells a stage that failed too, and lets its error pass as it is', async () => {
    const { watch, told, pass } = watched();
    const error = new Error('of the work');
    await expect(
      watch.timed('record', async () => {
        pass(3);
        throw error;
      }),
    ).rejects.toBe(error);
    expect(told).toEqual([['record', 0, 3, 3]]);
  });

  it('sums up what comes in pieces, and tells it once, at the end', () => {
    const { watch, told, pass } = watched();
    watch.busy('decide', () => pass(2));
    pass(10);
    watch.busy('decide', () => pass(3));
    expect(told).toEqual([]);
    watch.end();
    watch.end();
    expect(told).toEqual([['decide', 0, 15, 5]]);
  });
});
