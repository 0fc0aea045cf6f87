import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { StoredConsent } from '../reference/either.ts';
import type { Case, PatientRecord } from '../reference/evaluate.ts';
import { cases } from '../reference/generate.ts';
import { consent, programsNamed } from '../reference/plain.ts';
import { decide } from '../reference/production.ts';
import type { R4Consent, R4Provision } from '../reference/r4.ts';

const numRuns = 1_000;

/** For each resource whether it is released; the same case, its Consents changed. */
function released(
  world: Case,
  change: (consents: readonly StoredConsent[]) => readonly StoredConsent[] = (same) => same,
) {
  const patients = world.patients.map((patient): PatientRecord => ({ ...patient, consents: change(patient.consents) }));
  return decide({ ...world, patients }).map(({ outcome }) => outcome === 'release');
}

/** Counts how often the first released something, so that a property over releases has something to say. */
function neverMore(check: (world: Case) => { before: readonly boolean[]; after: readonly boolean[] }): void {
  let seen = 0;
  fc.assert(
    fc.property(cases, (world) => {
      const { before, after } = check(world);
      seen += before.filter((one) => one).length;
      expect(after.filter((one, index) => one && !before[index])).toEqual([]);
    }),
    { numRuns },
  );
  expect(seen).toBeGreaterThan(numRuns / 20);
}

const fresh = (provision: R4Provision): R4Consent =>
  consent(provision, {
    id: 'new',
    dateTime: '2026-06-01',
    organization: [{ reference: 'Organization/hosp' }],
    policy: [{ uri: 'https://example.org/of-its-own' }],
  });

test('the order of Consents never matters', () => {
  fc.assert(
    fc.property(cases, (world) => {
      expect(released(world, (consents) => consents.toReversed())).toEqual(released(world));
    }),
    { numRuns },
  );
});

test('the same case is decided alike, whatever else is asked before', () => {
  fc.assert(
    fc.property(cases, (world) => {
      const alone = world.candidates.map((candidate) => released({ ...world, candidates: [candidate] })[0]);
      expect(released(world)).toEqual(alone);
    }),
    { numRuns },
  );
});

test('under deny-overrides another Consent that denies releases nothing more', () => {
  neverMore((given) => {
    const world: Case = { ...given, settings: { ...given.settings, conflictStrategy: 'deny-overrides' } };
    return {
      before: released(world),
      after: released(world, (consents) => [...consents, fresh({ type: 'deny' })]),
    };
  });
});

test('a Consent that denies everybody everything leaves staff nothing of hers', () => {
  let refused = 0;
  fc.assert(
    fc.property(cases, (given) => {
      fc.pre(given.context.self === undefined && given.context.relatedPerson === undefined);
      fc.pre(given.context.emergency?.overridesDenies !== true);
      const world: Case = {
        ...given,
        context: { ...given.context, unrestricted: false },
        settings: { ...given.settings, conflictStrategy: 'deny-overrides' },
      };
      const after = released(world, (consents) => [...consents, fresh({ type: 'deny' })]);
      for (const [index, { facts }] of world.candidates.entries()) {
        if (facts.patients.length === 0) continue;
        refused += 1;
        expect(after[index]).toBe(false);
      }
    }),
    { numRuns },
  );
  expect(refused).toBeGreaterThan(numRuns / 2);
});

test('revoking every Consent releases no more than having none', () => {
  neverMore((world) => ({
    before: released(world, () => []),
    after: released(world, (consents) => consents.map((one) => ({ ...one, status: 'inactive' }))),
  }));
});

test('without Consents no Part 2 data leaves but to the patient, hers, the program, by agreement, in emergencies and to the unrestricted', () => {
  let hidden = 0;
  fc.assert(
    fc.property(cases, (given) => {
      fc.pre(given.context.emergency === undefined);
      fc.pre(given.context.self === undefined && given.context.relatedPerson === undefined);
      const world: Case = {
        ...given,
        context: { ...given.context, unrestricted: false },
        settings: {
          ...given.settings,
          programs: programsNamed(),
          part2: { ...given.settings.part2, agreements: [] },
        },
      };
      const after = released(world, () => []);
      for (const [index, { labels }] of world.candidates.entries()) {
        if (!labels.topics.some((topic) => topic === '42CFRPart2' || topic === 'SUDCN')) continue;
        hidden += 1;
        expect(after[index]).toBe(false);
      }
    }),
    { numRuns },
  );
  expect(hidden).toBeGreaterThan(numRuns / 20);
});

test('a permit less never releases more where nothing is released by default', () => {
  neverMore((given) => {
    const world: Case = {
      ...given,
      settings: { ...given.settings, implicitPolicy: 'deny', conflictStrategy: 'deny-overrides' },
    };
    const permit = fresh({ type: 'permit' });
    return {
      before: released(world, (consents) => [...consents, permit]),
      after: released(world),
    };
  });
});

test('a purpose more never releases more', () => {
  neverMore((given) => {
    const [first = 'TREAT'] = given.context.purposes;
    const world: Case = { ...given, context: { ...given.context, purposes: [first] } };
    const both: Case = { ...given, context: { ...given.context, purposes: [first, 'HPAYMT'] } };
    return { before: released(world), after: released(both) };
  });
});

test('an unknown modifier on every Consent never releases more where nothing is released by default', () => {
  neverMore((given) => {
    const world: Case = {
      ...given,
      settings: { ...given.settings, implicitPolicy: 'deny', conflictStrategy: 'deny-overrides' },
    };
    const modifierExtension = [{ url: 'https://example.org/strange' }];
    return {
      before: released(world),
      after: released(world, (consents) => consents.map((one) => ({ ...one, modifierExtension }))),
    };
  });
});

test('her own access does not depend on her Consents', () => {
  let own = 0;
  fc.assert(
    fc.property(cases, (world) => {
      fc.pre(world.context.self !== undefined);
      own += 1;
      const isHers = (index: number): boolean =>
        world.candidates[index]?.facts.patients.every((key) => key === 'Patient/p1') === true;
      const [before, after] = [released(world), released(world, (consents) => [...consents, fresh({ type: 'deny' })])];
      expect(after.filter((_, index) => isHers(index))).toEqual(before.filter((_, index) => isHers(index)));
    }),
    { numRuns: 100 },
  );
  expect(own).toBeGreaterThan(50);
});

/** The same request for treatment. */
function forTreatment({ context: { emergency, ...context }, ...world }: Case): Case {
  return { ...world, context: { ...context, purposes: ['TREAT'] } };
}

test('an emergency only adds, and only what is about its one patient', () => {
  let added = 0;
  fc.assert(
    fc.property(cases, (world) => {
      const { emergency } = world.context;
      fc.pre(emergency !== undefined);
      const before = released(forTreatment(world));
      for (const [index, after] of released(world).entries()) {
        if (before[index]) expect(after).toBe(true);
        if (before[index] || !after) continue;
        added += 1;
        expect(world.candidates[index]?.facts.patients).toContain(emergency?.patient);
      }
    }),
    { numRuns },
  );
  expect(added).toBeGreaterThan(numRuns / 20);
});

test('no emergency reaches notes by itself', () => {
  let notes = 0;
  fc.assert(
    fc.property(cases, (given) => {
      const { emergency } = given.context;
      fc.pre(emergency !== undefined);
      const context = { ...given.context, unrestricted: false, emergency: { ...emergency, includesNotes: false } };
      const after = released({ ...given, context } as Case, () => []);
      for (const [index, { labels, facts }] of given.candidates.entries()) {
        if (facts.patients.length === 0 || !labels.topics.some((one) => one === 'SUDCN' || one === 'PSYTHPN')) continue;
        notes += 1;
        expect(after[index]).toBe(false);
      }
    }),
    { numRuns },
  );
  expect(notes).toBeGreaterThan(numRuns / 20);
});
