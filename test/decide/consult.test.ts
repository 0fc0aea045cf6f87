import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type Consultation,
  type Consulting,
  consult,
  consultInParts,
  type Redaction,
} from '../../src/decide/consult.ts';
import { Rules } from '../../src/decide/decide.ts';
import type { Candidate } from '../../src/decide/question.ts';
import type { PatientKey } from '../../src/fhir/ids.ts';
import { systems, topicsOf } from '../../src/fhir/vocabulary.ts';
import type { Case } from '../reference/evaluate.ts';
import { cases } from '../reference/generate.ts';
import { consent } from '../reference/plain.ts';
import { parsed, policyOf } from '../reference/production.ts';

const numRuns = 3_000;

/** What of each generated case is a question to one patient's Consents. */
function consulted(world: Case) {
  const { unrestricted: _, self: __, relatedPerson: ___, emergency: ____, ...rest } = world.context;
  const context = { ...rest, unrestricted: false };
  const settings = { ...world.settings, implicitPolicy: 'deny' as const };
  return world.patients.map((record) => {
    const patient = record.key as PatientKey;
    const consents = parsed(record.consents, settings.part2PolicyUris);
    const rules = new Rules(
      context,
      policyOf({ kindsNotReceived: [], forbidden: [], cleared: [] }),
      settings,
      undefined,
    );
    rules.establish(patient, { consents, standing: { kind: 'none', patientIsMinor: false } });
    const isHers = ({ facts }: Candidate) =>
      facts.patients.length === 1 &&
      facts.patients[0] === patient &&
      !facts.patientUnknown &&
      facts.participants === undefined;
    // That a Consent is hidden for what it names, and that data is labelled for other purposes, no Consent says.
    const isOrdinary = ({ facts, labels }: Candidate) => facts.type !== 'Consent' && labels.caveats.length === 0;
    const hers = world.candidates
      .filter((one) => isHers(one) && isOrdinary(one))
      .map((one) => ({ ...one, asTarget: false }));
    const types = undefined;
    const { identities, organizations } = context.requester;
    const names = { identities, organizations, elsewhere: [], roles: [] };
    return {
      said: consult({ patient, consents, context, names, collectives: new Map(), settings, types }),
      hers,
      rules,
    };
  });
}

/** As somebody who holds the data carries an obligation out. */
function isRedacted({ facts, labels }: Candidate, { codes, except = [] }: Redaction): boolean {
  const level = labels.stated ?? (labels.topics.length > 0 ? 'R' : 'N');
  const bears = ({ system, code }: { readonly system: string; readonly code: string }): boolean => {
    if (system === 'http://hl7.org/fhir/resource-types') return facts.type === code;
    if (system === systems.confidentiality) return level === code;
    if (system === systems.actCode || system === systems.gatewayLabel) {
      if (topicsOf([code]).some((topic) => labels.topics.includes(topic))) return true;
    }
    return facts.codings.some((coding) => coding.system === system && coding.code === code);
  };
  return (codes === undefined || codes.some(bears)) && !except.some(bears);
}

const isLeft = (candidate: Candidate, { redactions }: Consultation): boolean =>
  !redactions.some((redaction) => isRedacted(candidate, redaction));

test('what a permit leaves after its obligations, the rules release by Consent', () => {
  const seen = { permits: 0, left: 0, redacted: 0 };
  fc.assert(
    fc.property(cases, (world) => {
      for (const { said, hers, rules } of consulted(world)) {
        if (said.answer !== 'permit') continue;
        seen.permits++;
        for (const candidate of hers) {
          if (!isLeft(candidate, said)) {
            seen.redacted++;
            continue;
          }
          seen.left++;
          const { outcome, reasons } = rules.decide(candidate);
          expect([outcome, reasons.every(({ consent }) => consent !== undefined)]).toEqual(['release', true]);
        }
      }
    }),
    { numRuns },
  );
  // The property has something to say.
  expect(Math.min(seen.permits / 50, seen.left / 50, seen.redacted / 50)).toBeGreaterThan(1);
});

test('where no Consent is said to speak, none denies or limits anything', () => {
  let seen = 0;
  fc.assert(
    fc.property(cases, (world) => {
      for (const { said, hers, rules } of consulted(world)) {
        if (said.answer !== 'none') continue;
        for (const candidate of hers) {
          seen++;
          const codes = rules.decide(candidate).reasons.map(({ code }) => code);
          expect(codes.filter((code) => code === 'consent-deny' || code === 'consent-uncovered')).toEqual([]);
        }
      }
    }),
    { numRuns },
  );
  expect(seen).toBeGreaterThan(50);
});

const [world] = fc.sample(cases, { numRuns: 1, seed: 1 });
if (world === undefined) throw new Error('no case');
const { emergency: _, ...rest } = world.context;

function askedOf(consents: Parameters<typeof parsed>[0], more: Partial<Consulting> = {}): Consulting {
  const context = { ...rest, unrestricted: false };
  return {
    patient: 'Patient/p1' as PatientKey,
    consents: parsed(consents, []),
    context,
    names: { ...context.requester, elsewhere: [], roles: [] },
    collectives: new Map(),
    settings: { ...(world as Case).settings, organizations: [] },
    types: undefined,
    ...more,
  };
}

const own = (id: number, provision: object = { type: 'permit' }) =>
  consent(provision, { id: `c${id}`, organization: [{ reference: `Organization/o${id}` }] });
const listOf = <One>(count: number, one: (index: number) => One): readonly One[] =>
  Array.from({ length: count }, (_one, index) => one(index));
/** One Consent of so many provisions, each of another code. */
const long = (count: number) =>
  own(0, {
    type: 'permit',
    provision: listOf(count, (index) => ({
      type: 'deny',
      code: [{ coding: [{ system: 'urn:x', code: `${index}` }] }],
    })),
  });

test('thousands of Consents are answered in a moment, by no permit', () => {
  const asked = (count: number) => {
    const question = askedOf(listOf(count, own));
    const before = performance.now();
    return { said: consult(question), ms: performance.now() - before };
  };
  expect(asked(10).said.answer).toBe('permit');
  const { said, ms } = asked(10_000);
  expect(said.answer).toBe('deny');
  expect(ms).toBeLessThan(5_000);
});

test('thousands of provisions of one Consent are answered part by part, and beyond what takes a moment by no permit', () => {
  const partsOf = (count: number): number => {
    let parts = 1;
    for (const going = consultInParts(askedOf([long(count)])); going.next().done !== true; ) parts++;
    return parts;
  };
  expect([partsOf(1), partsOf(1_000)]).toEqual([1, 3]);
  expect(consult(askedOf([long(1_000)])).answer).toBe('permit');
  const tooMany = askedOf([long(10_000)]);
  expect(consult(tooMany).answer).toBe('deny');
  expect(consultInParts(tooMany).next().done).toBe(true);
});
