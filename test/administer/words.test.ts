import { describe, expect, test } from '@jest/globals';
import { calendarOf } from '../../src/administer/calendar.ts';
import { keysToName, type Lexicon, sentencesOf } from '../../src/administer/words.ts';
import { parseConsent } from '../../src/consent/parse.ts';
import type { ParsedConsent } from '../../src/consent/parsed.ts';
import { timeReader } from '../../src/fhir/dates.ts';
import { act, consent, participation, purpose, writtenConsent } from '../reference/plain.ts';
import type { R4Actor, R4Consent } from '../reference/r4.ts';

const lexicon: Lexicon = {
  calendar: calendarOf('UTC'),
  names: new Map([
    ['Practitioner/bob', 'Dr. Bob'],
    ['Organization/clinic', 'The Clinic'],
  ]),
};
const actor = (reference: string, part = 'IRCP'): R4Actor => ({
  role: { coding: [participation(part)] },
  reference: { reference },
});
const level = (code: string) => ({ system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code });

function read(json: R4Consent | object, fhirVersion: 'R4' | 'R5' = 'R4'): ParsedConsent {
  const parsed = parseConsent(json, {
    fhirVersion,
    time: timeReader('UTC'),
    localBases: [],
    harmlessExtensions: [],
    part2PolicyUris: [],
  });
  if (!parsed.readable) throw new Error('not readable');
  return parsed;
}

/** As they are laid out. */
const words = (json: R4Consent | object, version: 'R4' | 'R5' = 'R4'): string =>
  sentencesOf(read(json, version), lexicon)
    .map(({ depth, text }) => `${'  '.repeat(depth)}${text}`)
    .join('\n');

describe('a Consent in words', () => {
  test('who, what, by whom it is held, for what and when', () => {
    const one = writtenConsent({
      period: { start: '2026-01-01', end: '2026-12-31' },
      actor: [actor('Practitioner/bob'), actor('Organization/clinic'), actor('Organization/program', 'CST')],
      securityLabel: [act('42CFRPart2'), act('HIV')],
    });
    expect(words(one)).toBe(
      'Allows Dr. Bob (Practitioner/bob) or The Clinic (Organization/clinic) to receive records about treatment in a substance use program (42 CFR Part 2) or HIV, held by Organization/program, for treatment, from 2026-01-01 until 2026-12-31.',
    );
  });

  test('exceptions below what they are exceptions to, each readable alone', () => {
    const one = consent({
      type: 'permit',
      purpose: [purpose('TREAT')],
      provision: [
        {
          type: 'deny',
          actor: [actor('Practitioner/bob')],
          provision: [{ type: 'permit', data: [{ meaning: 'instance', reference: { reference: 'Observation/7' } }] }],
        },
        { type: 'deny', securityLabel: [level('R'), act('PSY')] },
      ],
    });
    expect(words(one)).toBe(
      [
        'Allows anyone to receive records (but no psychotherapy or substance use counseling notes), for treatment.',
        '  Does not allow Dr. Bob (Practitioner/bob) to receive any records, for treatment.',
        '    Allows Dr. Bob (Practitioner/bob) to receive records (but no psychotherapy or substance use counseling notes) namely Observation/7, for treatment.',
        '  Does not allow anyone to receive records about psychiatry or of restricted confidentiality (R) or more, for treatment.',
      ].join('\n'),
    );
  });

  test('kinds, codes, times, authors and what belongs together', () => {
    const loinc = { coding: [{ system: 'http://loinc.org', code: '4548-4' }] };
    expect(
      words(
        consent({
          type: 'permit',
          actor: [actor('Practitioner/bob', 'AUT')],
          class: [{ system: 'http://hl7.org/fhir/resource-types', code: 'Observation' }],
          code: [loinc],
          dataPeriod: { start: '2022', end: '2022' },
          data: [{ meaning: 'related', reference: { reference: 'Encounter/3' } }],
        }),
      ),
    ).toBe(
      'Allows anyone to receive records (but no psychotherapy or substance use counseling notes) that are test results and measurements, that bear the code LOINC 4548-4, namely Encounter/3 and what belongs to it, written by Dr. Bob (Practitioner/bob), dated from 2022-01-01 until 2022-12-31.',
    );
  });

  test('a base without provisions, and none at all', () => {
    expect(words(consent(undefined, { policyRule: { coding: [act('OPTOUT')] } }))).toBe(
      'Does not allow anyone to receive any records.',
    );
    expect(words(consent(undefined))).toBe('');
  });

  test('what was not understood is said, with what comes of it', () => {
    const odd = { system: 'https://example.org/purposes', code: 'FUN' };
    expect(words(consent({ type: 'permit', purpose: [odd] }))).toBe(
      'Allows anyone to receive records (but no psychotherapy or substance use counseling notes), for no purpose that was understood. Not understood: a purpose; nothing is shared on the strength of that.',
    );
    expect(words(consent({ type: 'deny', purpose: [odd, purpose('HRESCH')] }))).toBe(
      'Does not allow anyone to receive any records, for research. Not understood: a purpose; it is taken to hold.',
    );
    const extended = { extension: [{ url: 'https://example.org/unless-it-rains' }] };
    expect(words(consent({ type: 'permit', ...extended }))).toMatch(/not understood, so it allows nothing\.$/);
    expect(words(consent({ type: 'deny', ...extended }))).toMatch(
      /not understood, so it is taken to hold wherever it may\.$/,
    );
  });

  test('a role that nobody knows names nobody in a permit, and somebody in a deny', () => {
    const someone: R4Actor = {
      role: { coding: [participation('FRND')] },
      reference: { reference: 'Practitioner/bob' },
    };
    expect(words(consent({ type: 'permit', actor: [someone] }))).toMatch(/^Allows nobody whom the gateway can tell /);
    expect(words(consent({ type: 'deny', actor: [someone] }))).toMatch(/^Does not allow Dr\. Bob /);
  });

  test('R5: effects alternate, roles stand for whoever has them', () => {
    const one = {
      resourceType: 'Consent',
      id: 'c',
      status: 'active',
      category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
      subject: { reference: 'Patient/p' },
      decision: 'deny',
      provision: [
        {
          actor: [{ role: { coding: [{ system: 'https://example.org/roles', code: 'nurse' }] } }],
          purpose: [purpose('TREAT')],
        },
      ],
    };
    expect(words(one, 'R5')).toBe(
      [
        'Does not allow anyone to receive any records.',
        '  Allows anyone in the role https://example.org/roles nurse to receive records (but no psychotherapy or substance use counseling notes), for treatment.',
      ].join('\n'),
    );
  });

  test('a thousand nested provisions are cut off, and it says so', () => {
    const many = Array.from({ length: 1_000 }, () => ({ type: 'deny', actor: [actor('Practitioner/bob')] }));
    const lines = words(consent({ type: 'permit', provision: many })).split('\n');
    expect(lines).toHaveLength(201);
    expect(lines.at(-1)).toBe('There is more in this consent than is put into words here.');
  });

  test('names are looked up for the directory alone, never for what is about a patient, or relatives', () => {
    const one = consent({
      type: 'permit',
      actor: [actor('RelatedPerson/son'), actor('Patient/p2'), actor('Organization/clinic'), actor('Group/team')],
    });
    expect(keysToName([read(one)])).toEqual(['Organization/clinic']);
  });
});
