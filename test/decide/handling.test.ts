import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { recipientCodes } from '../../src/config/labels.ts';
import { handlings } from '../../src/decide/handling.ts';
import vocabulary from '../../src/fhir/generated/vocabulary.json' with { type: 'json' };
import { consent, participation, plainCase, type Wish } from '../reference/plain.ts';
import { decide } from '../reference/production.ts';

const page = readFileSync(new URL('../../docs/labels.md', import.meta.url), 'utf8');
const section = page.slice(page.indexOf('## What handling labels do'), page.indexOf('## Resources whose patient'));

describe('handling labels', () => {
  it('are codes that HL7 has', () => {
    const known = [...vocabulary.caveats, ...vocabulary.laws];
    expect([...handlings.keys()].filter((code) => !known.includes(code))).toEqual([]);
  });

  it('can be given to recipients exactly where only they can keep them', () => {
    const theirs = [...handlings].flatMap(([code, handling]) => (handling === 'recipient' ? [code] : []));
    expect([...recipientCodes].sort()).toEqual(theirs.sort());
  });

  it('stand each in one row of docs/labels.md', () => {
    const rows = section.split('\n').filter((line) => line.startsWith('| '));
    for (const [code, handling] of [...handlings]) {
      const stands = rows.filter((row) => row.includes(`\`${code}\``));
      expect([code, stands.length]).toEqual([code, 1]);
      const others = rows
        .filter((row) => row !== stands[0])
        .flatMap((row) => [...row.matchAll(/`(\w+)`/g)].map(([, one]) => one));
      const alike = [...handlings].filter(([, one]) => one === handling).map(([one]) => one);
      if (handling !== 'met') expect(others.filter((one) => alike.includes(one ?? ''))).toEqual([]);
    }
  });

  it('leave no refrain or obligation of HL7 without an answer', () => {
    const families =
      /^(NO(?!PP|CONSENT)|CPLY|ENCRYPT|DEID$|ANONY$|PSEUD$|REDACT$|MASK$|DELAU$|MINEC$|HUAPRV$|AOD$|AUDIT$|AUDTR$|ORCON$)/;
    const open = vocabulary.caveats.filter((code) => families.test(code) && !handlings.has(code));
    expect(open).toEqual(['NORDSLCD']); // a retired misspelling, read as NORDSCLCD
  });
});

/** How a row of docs/labels.md begins, and what becomes of data with its codes: in each situation below, in their order. */
const release = 'release';
const unmet = 'handling-not-met';
const needed = 'consent-needed';
const rows: readonly (readonly [row: string, ...expected: readonly string[]])[] = [
  ['a Consent has to permit it;', needed, needed, release, release, needed, needed, needed],
  ['the same, and the Consent has to name', needed, needed, needed, release, needed, needed, needed],
  ['the same, for payment and operations', release, needed, release, release, release, release, release],
  ['only to whom', unmet, unmet, unmet, unmet, unmet, release, release],
  ['only where answers travel by TLS', release, release, release, release, unmet, release, release],
  ['withheld: the gateway', unmet, unmet, unmet, unmet, unmet, unmet, unmet],
  ['nothing more than always', release, release, release, release, release, release, release],
  ['withheld from the patient where', release, release, release, release, release, release, release],
];

const bob = { role: { coding: [participation('IRCP')] }, reference: { reference: 'Practitioner/bob' } };
const underPolicy = (isEncrypted: boolean, ...handlers: readonly (readonly [string, readonly string[]])[]) =>
  ({ settings: { implicitPolicy: 'all-normal', handling: { handlers: new Map(handlers), isEncrypted } } }) as const;
const situations = (code: string): readonly (readonly [situation: string, wish: Wish])[] => [
  ['by the implicit policy', {}],
  ['by the implicit policy, for payment', { purposes: ['HPAYMT'] }],
  ['by a Consent', { consents: [consent({ type: 'permit' })] }],
  ['by a Consent that names who receives it', { consents: [consent({ type: 'permit', actor: [bob] })] }],
  ['without TLS', underPolicy(false)],
  ['to a person who is listed for the code', underPolicy(true, [code, ['Practitioner/bob']])],
  [
    'to an organization that is listed for the code',
    { organizations: ['Organization/h'], ...underPolicy(true, [code, ['Organization/x', 'Organization/h']]) },
  ],
];

it.each(rows)('codes of the row "%s" do what it says', (beginning, ...expected) => {
  const row = section.split('\n').find((line) => line.startsWith(`| ${beginning}`)) ?? '';
  const codes = [...(row.split(' | ').at(-1) ?? '').matchAll(/`(\w+)`/g)].map(([, code]) => code ?? '');
  expect(codes.length).toBeGreaterThan(0);
  for (const code of codes) {
    const isMet = expected.every((one) => one === release);
    expect([code, handlings.get(code) === 'met']).toEqual([code, isMet]);
    const system = vocabulary.laws.includes(code) ? 'v3-ActUSPrivacyLaw' : 'v3-ActCode';
    const resources = [{ labels: { caveats: [`http://terminology.hl7.org/CodeSystem/${system}|${code}`] } }];
    for (const [index, [situation, wish]] of situations(code).entries()) {
      const [decision] = decide(plainCase({ ...underPolicy(true), resources, ...wish }));
      const [reason] = decision?.reasons ?? [];
      const found = decision?.outcome === 'release' ? release : reason?.code;
      expect([code, situation, found]).toEqual([code, situation, expected[index]]);
      if (found !== release) expect(reason?.label).toBe(code);
    }
  }
});
