import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Case, evaluate } from './evaluate.ts';
import { cases } from './generate.ts';
import { decide } from './production.ts';

const seed = Number(process.env.REFERENCE_SEED ?? Date.now() % 2 ** 31);
const numRuns = Number(process.env.REFERENCE_CASES ?? 10_000);

/** How often each outcome, step and reason must occur among 10,000 cases, so that agreement means something. */
const least: Readonly<Record<string, number>> = {
  'no-qualifying-permit': 500,
  'qualifying-permit': 8,
  'within-program': 4,
  'registered-agreement': 5,
  'no-permit-for-topic': 500,
  'policy-clears': 1,
  'consent-deny': 500,
  'consent-permit': 200,
  'consent-uncovered': 40,
  'consent-unreadable': 20,
  'no-applicable-consent': 200,
  'implicit-policy': 100,
  emergency: 200,
  'not-about-a-patient': 100,
  'patient-unknown': 50,
  'policy-kind': 20,
  'policy-forbid': 60,
  self: 200,
  representative: 200,
  unrestricted: 30,
  'withheld-from-patient': 20,
  'withheld-from-representative': 50,
};

test(`the gateway and the reference decide every random case alike (REFERENCE_SEED=${seed})`, () => {
  const reasons = new Map<string, number>();
  let released = 0;
  let withheld = 0;
  const outcome = fc.check(
    fc.property(cases, (world) => {
      const decisions = decide(world);
      for (const decision of decisions) {
        if (decision.outcome === 'release') released += 1;
        else withheld += 1;
        for (const { code } of decision.reasons) reasons.set(code, (reasons.get(code) ?? 0) + 1);
      }
      return evaluate(world).every((verdict, index) => verdict.outcome === decisions[index]?.outcome);
    }),
    { seed, numRuns },
  );
  if (outcome.failed) throw new Error(story(outcome.counterexample?.[0], outcome.errorInstance));
  const share = (count: number): number => count / (released + withheld);
  expect(share(released)).toBeGreaterThan(0.1);
  expect(share(withheld)).toBeGreaterThan(0.1);
  for (const [code, count] of Object.entries(least))
    expect([code, Math.min(reasons.get(code) ?? 0, (count * numRuns) / 10_000)]).toEqual([
      code,
      (count * numRuns) / 10_000,
    ]);
}, 600_000);

/** A difference, shrunken, so that a person can say who is right. */
function story(world: Case | undefined, error: unknown): string {
  const lines = [`REFERENCE_SEED=${seed}`];
  if (world === undefined) return `${lines[0]}\n${String(error)}`;
  const text = (value: unknown): string =>
    JSON.stringify(value, (_key, inner: unknown) => (inner instanceof Map ? Object.fromEntries(inner) : inner));
  const { requester, purposes, emergency } = world.context;
  lines.push(
    `requester ${text([requester.identities, requester.organizations, requester.roles])} for ${text(purposes)} ${text(emergency ?? null)}`,
  );
  for (const { key, standing, consents } of world.patients)
    lines.push(`${key} ${text(standing)}`, ...consents.map((consent) => `  ${text(consent)}`));
  lines.push(`settings ${text(world.settings)}`, `policy ${text(world.policy)}`);
  const verdicts = evaluate(world);
  const decisions = decide(world);
  for (const [index, { facts, labels, asTarget, named }] of world.candidates.entries()) {
    lines.push(`resource ${text({ facts, labels, asTarget, named })}`);
    lines.push(`  reference ${text(verdicts[index])}`, `  gateway   ${text(decisions[index])}`);
  }
  return lines.join('\n');
}
