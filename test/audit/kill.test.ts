import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { temporaryDirectory } from './disclosures.ts';
import { killRepeatedly } from './kill.ts';

const minutes = 60_000;
/** More in `npm run prove`. */
const kills = Number(process.env.KILLS ?? 50);

describe('kill -9 between any two steps of the disclosure protocol', () => {
  let directory: ReturnType<typeof temporaryDirectory>;
  beforeEach(() => {
    directory = temporaryDirectory();
  });
  afterEach(() => directory.remove());

  it(
    `leaves no answer without its record, in ${kills} kills`,
    async () => {
      const report = await killRepeatedly({ count: kills, seed: 20_260_301, directory: directory.path });
      expect(report.lost).toEqual([]);
      expect(Object.keys(report.steps)).toHaveLength(7);
      expect(report.whole).toBeGreaterThan(100);
      expect(report.answered).toBeGreaterThan(report.whole); // some got a part
      expect(report.unknown).toBeGreaterThan(0);
      expect(report.broken).toBeUndefined(); // what is kept is one chain through every kill
      expect(report.kept).toBe(report.recorded);
    },
    (kills / 10) * minutes,
  );

  it(
    'is noticed when a gateway answers first',
    async () => {
      const report = await killRepeatedly({ count: 7, seed: 1, directory: directory.path, order: 'answer-first' });
      expect(report.lost).not.toEqual([]);
    },
    minutes,
  );
});
