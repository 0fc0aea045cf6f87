import { expect, test } from '@jest/globals';
import { parseConsent } from '../../src/consent/parse.ts';
import type { ParsedConsent, Provision } from '../../src/consent/parsed.ts';
import { timeReader } from '../../src/fhir/dates.ts';
import type { ResourceKey } from '../../src/fhir/ids.ts';
import { act, consent, participation, plainCase, purpose, type Wish } from '../reference/plain.ts';
import { decide } from '../reference/production.ts';
import type { R4Consent, R4Provision } from '../reference/r4.ts';

/** What is huge, deep or odd comes to an end, and to the right one. Times are no claims here: jest's limit ends what does not end. */

function outcomes(wish: Wish): readonly string[] {
  return decide(plainCase(wish)).map(({ outcome }) => outcome);
}

const options = {
  fhirVersion: 'R4',
  time: timeReader('UTC'),
  localBases: [],
  harmlessExtensions: [],
  part2PolicyUris: [],
} as const;
function read(json: unknown): ParsedConsent {
  const parsed = parseConsent(json, options);
  if (!parsed.readable) throw new Error('a Consent cannot be read');
  return parsed;
}

const recipient = (reference: string) => ({
  role: { coding: [participation('IRCP')] },
  reference: { reference },
});
const many = <T>(count: number, one: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => one(index));
const shuffle = <T>(items: readonly T[]): T[] =>
  many(7, (part) => items.filter((_, index) => index % 7 === part)).flat();
const day = (index: number): string => new Date(Date.UTC(1990, 0, 1 + index)).toISOString().slice(0, 10);
const loinc = (code: string) => ({ system: 'http://loinc.org', code });

const permit = consent({ type: 'permit' }, { id: 'all' });
const hundred = many(100, (index) => ({ facts: { key: `Observation/${index}` as ResourceKey } }));

test('of 10,000 Consents of one family the newest speaks, whatever the order', () => {
  const versions = (last: R4Provision): R4Consent[] =>
    many(10_000, (index) =>
      consent(index === 9_999 ? last : { type: index % 2 === 0 ? 'permit' : 'deny' }, {
        id: `c${index}`,
        dateTime: day(index),
      }),
    );
  expect(outcomes({ consents: shuffle(versions({ type: 'permit' })) })).toEqual(['release']);
  expect(outcomes({ consents: shuffle(versions({ type: 'deny' })) })).toEqual(['withhold']);
});

test('one deny among 10,000 permits of as many families is heard for each of a hundred resources', () => {
  const family = (index: number, provision: R4Provision) =>
    consent(provision, { id: `c${index}`, policy: [{ uri: `https://example.org/${index}` }] });
  const permits = many(10_000, (index) => family(index, { type: 'permit' }));
  expect(new Set(outcomes({ resources: hundred, consents: permits }))).toEqual(new Set(['release']));
  permits[6_789] = family(6_789, { type: 'deny', actor: [recipient('Practitioner/bob')] });
  expect(new Set(outcomes({ resources: hundred, consents: permits }))).toEqual(new Set(['withhold']));
});

test.each(['most-recent', 'most-specific'] as const)('10,000 Consents are weighed by %s', (conflictStrategy) => {
  const one = (index: number, type: string): R4Consent =>
    consent(
      { type, ...(index === 5_000 ? { code: [{ coding: [loinc('1-8')] }] } : {}) },
      { id: `c${index}`, dateTime: day(index === 5_000 ? 12_000 : index), policy: [{ uri: `urn:${index}` }] },
    );
  const facts = { codings: [loinc('1-8')], primaryCodings: [loinc('1-8')] };
  const wish: Wish = { settings: { conflictStrategy }, resources: [{ facts }] };
  for (const [type, other, outcome] of [
    ['permit', 'deny', 'release'],
    ['deny', 'permit', 'withhold'],
  ] as const)
    expect(
      outcomes({ ...wish, consents: many(10_000, (index) => one(index, index === 5_000 ? type : other)) }),
    ).toEqual([outcome]);
});

/** Provisions one inside the other; the innermost is given. */
function nested(depth: number, type: (level: number) => string, innermost: R4Provision): R4Provision {
  let provision = innermost;
  for (let level = depth - 1; level >= 0; level--) provision = { type: type(level), provision: [provision] };
  return provision;
}

function depthOf(provisions: readonly Provision[]): number {
  let depth = 0;
  for (let level = provisions; level.length > 0; level = level.flatMap(({ children }) => children)) depth += 1;
  return depth;
}

test('provisions nested 1,000 deep are read to a depth, and what is deeper denies', () => {
  const deep = (type: (level: number) => string, innermost: R4Provision) =>
    consent(nested(1_000, type, innermost), { id: 'deep' });
  const parsed = read(deep(() => 'permit', { type: 'permit' }));
  expect(depthOf(parsed.nested)).toBe(65);
  expect(parsed.findings).toContain('Consent.provision.depth');
  expect(outcomes({ consents: [deep(() => 'permit', { type: 'permit' }), permit] })).toEqual(['withhold']);
  expect(outcomes({ consents: [deep(() => 'permit', { type: 'deny' }), permit] })).toEqual(['withhold']);
  expect(outcomes({ consents: [deep(() => 'deny', { type: 'permit' })] })).toEqual(['withhold']);
  const alternating = (level: number) => (level % 2 === 0 ? 'permit' : 'deny');
  expect(outcomes({ consents: [deep(alternating, { type: 'permit' })] })).toEqual(['withhold']);
});

test('provisions nested as deep as they are read are read to the last', () => {
  const at = (depth: number, innermost: R4Provision) => consent(nested(depth, () => 'permit', innermost));
  expect(outcomes({ consents: [at(64, { type: 'permit' })] })).toEqual(['release']);
  expect(outcomes({ consents: [at(64, { type: 'deny' })] })).toEqual(['withhold']);
  expect(outcomes({ consents: [at(65, { type: 'permit' })] })).toEqual(['withhold']);
});

test('of 1,000 provisions side by side, each with its exception, every one is tried', () => {
  const denied = (index: number): R4Provision => ({
    type: 'deny',
    code: [{ coding: [loinc(`${index}-1`)] }],
    provision: [{ type: 'permit', actor: [recipient(`Practitioner/p${index}`)] }],
  });
  const wide = consent({ type: 'permit', provision: many(1_000, denied) });
  const coded = (at: string) => ({ facts: { codings: [loinc(at)], primaryCodings: [loinc(at)] } });
  const resources = many(1_000, (index) => coded(`${index}-1`));
  expect(new Set(outcomes({ consents: [wide], resources }))).toEqual(new Set(['withhold']));
  expect(outcomes({ consents: [wide], resources: [coded('1000-1')] })).toEqual(['release']);
  const p777 = { consents: [wide], resources, identities: ['Practitioner/p777'] };
  expect(outcomes(p777).flatMap((outcome, index) => (outcome === 'release' ? [index] : []))).toEqual([777]);
});

test('counseling notes are looked for in every one of 1,000 provisions of a written consent', () => {
  const provisions = many(
    1_000,
    (index): R4Provision => ({ type: 'permit', code: [{ coding: [loinc(`${index}-1`)] }] }),
  );
  const one = consent({
    type: 'permit',
    purpose: [purpose('TREAT')],
    securityLabel: [act('HIV')],
    provision: provisions,
  });
  const resources = many(200, (index) => ({
    facts: { primaryCodings: [loinc(`${index}-1`)] },
    labels: { topics: ['SUDCN'] },
  }));
  expect(new Set(outcomes({ consents: [one], resources }))).toEqual(new Set(['withhold']));
});

test('a Consent of a megabyte, thousands of actors and codes, is heard to its last word', () => {
  const actors = many(10_000, (index) => recipient(`Practitioner/p${index}`));
  const code = many(5_000, (index) => ({ coding: [loinc(`${index}-1`)] }));
  const large = consent({ type: 'permit', actor: [...actors, recipient('Practitioner/bob')], code });
  expect(JSON.stringify(large).length).toBeGreaterThan(1_000_000);
  const coded = (at: string) => ({ facts: { codings: [loinc(at)], primaryCodings: [loinc(at)] } });
  const resources = [coded('4999-1'), coded('5000-1')];
  expect(outcomes({ consents: [large], resources })).toEqual(['release', 'withhold']);
  expect(outcomes({ consents: [large], resources, identities: ['Practitioner/eve'] })).toEqual([
    'withhold',
    'withhold',
  ]);
  const denies: R4Consent = { ...large, id: 'denies', provision: { ...large.provision, type: 'deny' } };
  expect(outcomes({ consents: [denies, permit], resources })).toEqual(['withhold', 'release']);
});

/** An extension inside an extension, so many times. */
function extensions(depth: number): R4Provision['extension'] {
  let inner: { url: string; extension?: unknown } = { url: 'https://example.org/strange' };
  for (let level = 0; level < depth; level++) inner = { url: 'https://example.org/strange', extension: [inner] };
  return [inner] as R4Provision['extension'];
}

test('elements nested beyond all sense are read without an end to the reader, and supersede nothing', () => {
  const extension = extensions(50_000) as NonNullable<R4Provision['extension']>;
  const odd = (type: string, id: string, dateTime: string) => consent({ type, extension }, { id, dateTime });
  expect(read(odd('permit', 'c1', '2026-01-01')).readable).toBe(true);
  const older = odd('deny', 'c1', '2026-01-01');
  const newer = odd('permit', 'c2', '2026-02-01');
  expect(outcomes({ consents: [older, permit] })).toEqual(['withhold']);
  expect(outcomes({ consents: [older, newer, permit] })).toEqual(['withhold']);
});
