import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Candidate } from '../../src/decide/question.ts';
import { isR5 } from '../reference/either.ts';
import type { Case } from '../reference/evaluate.ts';
import { cases } from '../reference/generate.ts';
import { decide } from '../reference/production.ts';
import type { R4Concept, R4Consent } from '../reference/r4.ts';
import { Random } from '../twin/random.ts';

const numRuns = Number(process.env.ORDER_CASES ?? 1_000);

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const left = [...items];
  return items.map(() => left.splice(random.below(left.length), 1)[0] as T);
}

/** Every list in it, however deep, in another order: siblings, actors, purposes, labels, classes, codes, codings, data ... */
function stirred<T>(value: T, random: Random): T {
  if (Array.isArray(value)) return shuffled(value, random).map((one) => stirred(one, random)) as T;
  if (value instanceof Map) return new Map(shuffled([...value], random)) as T;
  if (value instanceof Set) return new Set(shuffled([...value], random)) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    shuffled(Object.entries(value), random).map(([name, one]) => [name, stirred(one, random)]),
  ) as T;
}

/** Concepts with a second coding, of another meaning or of none. */
function ambiguous(consent: R4Consent, random: Random): R4Consent {
  const v3 = (name: string) => `http://terminology.hl7.org/CodeSystem/v3-${name}`;
  const also = (concept: R4Concept | undefined, system: string, codes: readonly string[]): R4Concept | undefined =>
    concept === undefined || random.chance(0.7)
      ? concept
      : { ...concept, coding: shuffled([...(concept.coding ?? []), { system, code: random.pick(codes) }], random) };
  const { scope, policyRule, provision } = consent;
  const actor = provision?.actor?.map((one) => ({
    ...one,
    role: also(one.role, v3('ParticipationType'), ['IRCP', 'CST', 'AUT', 'XYZ']) ?? {},
  }));
  return {
    ...consent,
    ...(scope && {
      scope: also(scope, 'http://terminology.hl7.org/CodeSystem/consentscope', [
        ...['patient-privacy', 'research', 'treatment', 'odd'],
      ]) as R4Concept,
    }),
    ...(policyRule && {
      policyRule: also(policyRule, v3('ActCode'), ['OPTIN', 'OPTOUT', 'EMRGONLY', '42CFRPart2', 'NOPP']) as R4Concept,
    }),
    ...(provision && { provision: { ...provision, ...(actor && { actor }) } }),
  };
}

function stirredCandidate({ facts, labels, named, ...rest }: Candidate, random: Random): Candidate {
  return {
    ...rest,
    sources: shuffled(rest.sources, random),
    facts: { ...stirred(facts, random), key: facts.key },
    labels: { ...labels, topics: shuffled(labels.topics, random), caveats: shuffled(labels.caveats, random) },
    named: new Map(
      shuffled([...named], random).map(([key, { references }]) => [key, { references: shuffled(references, random) }]),
    ),
  };
}

/** Outcomes, and what they rest on: which Consent is named first for a withheld resource may differ. */
function outcomes(world: Case): readonly string[] {
  return decide(world).map(({ outcome }) => outcome);
}

function stirredCase(world: Case, random: Random): Case {
  const { context } = world;
  return {
    patients: shuffled(world.patients, random).map((patient) => ({
      ...patient,
      consents: stirred(patient.consents, random),
    })),
    context: {
      ...context,
      purposes: shuffled(context.purposes, random),
      requester: stirred(context.requester, random),
    },
    candidates: world.candidates.map((candidate) => stirredCandidate(candidate, random)),
    settings: stirred(world.settings, random),
    policy: stirred(world.policy, random),
    directory: stirred(world.directory, random),
    elsewhere: shuffled(world.elsewhere, random),
    heldRoles: shuffled(world.heldRoles, random),
  };
}

test('no list in Consents, request, resource or settings is read by its order', () => {
  fc.assert(
    fc.property(cases, fc.integer(), (world, seed) => {
      expect(outcomes(stirredCase(world, new Random(seed)))).toEqual(outcomes(world));
    }),
    { numRuns },
  );
});

test('of several codings of a scope, a directive or a role none counts for standing first', () => {
  fc.assert(
    fc.property(cases, fc.integer(), (given, seed) => {
      const random = new Random(seed);
      const world = {
        ...given,
        patients: given.patients.map((patient) => ({
          ...patient,
          consents: patient.consents.map((consent) => (isR5(consent) ? consent : ambiguous(consent, random))),
        })),
      };
      expect(outcomes(stirredCase(world, random))).toEqual(outcomes(world));
    }),
    { numRuns },
  );
});
