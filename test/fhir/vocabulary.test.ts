import { describe, expect, it } from '@jest/globals';
import generated from '../../src/fhir/generated/vocabulary.json' with { type: 'json' };
import {
  isKnownPurpose,
  isSensitivity,
  labelKind,
  purposeCovers,
  sensitivityCovers,
} from '../../src/fhir/vocabulary.ts';

const trees = [
  ['purpose', generated.purpose as Record<string, string[]>, purposeCovers],
  ['sensitivity', generated.sensitivity as Record<string, string[]>, sensitivityCovers],
] as const;

describe('a purpose covers', () => {
  it.each([
    ['TREAT', 'TREAT'],
    ['TREAT', 'ETREAT'],
    ['TREAT', 'BTG'],
    ['ETREAT', 'BTG'],
    ['HPAYMT', 'ELIGDTRM'],
    ['HOPERAT', 'HLEGAL'],
    ['HOPERAT', 'LABELING'],
    ['HRESCH', 'CLINTRCHPC'],
    ['PATRQT', 'FAMRQT'],
    ['PUBHLTH', 'THREAT'],
    ['PurposeOfUse', 'HMARKT'],
  ])('%s: %s', (rule, asked) => {
    expect(purposeCovers(rule, asked)).toBe(true);
  });

  it.each([
    ['BTG', 'TREAT'],
    ['ETREAT', 'ERTRE'],
    ['HPAYMT', 'TREAT'],
    ['HLEGAL', 'HOPERAT'],
    ['HOPERAT', 'HRESCH'],
    ['HRESCH', 'CLINTRL'],
    ['TREAT', 'CLINTRCH'],
    ['treat', 'TREAT'],
    ['', 'TREAT'],
  ])('%s: not %s', (rule, asked) => {
    expect(purposeCovers(rule, asked)).toBe(false);
  });
});

describe('a sensitivity covers', () => {
  it.each([
    ['SPI', 'SUD'],
    ['SPI', 'OPIOIDUD'],
    ['SUD', 'ETHUD'],
    ['SPI', 'PSYTHPN'],
    ['BH', 'COGN'],
    ['HIV', 'HIV'],
  ])('%s: %s', (ancestor, code) => {
    expect(sensitivityCovers(ancestor, code)).toBe(true);
  });

  it.each([
    ['ETH', 'SUD'],
    ['SUD', 'ETH'],
    ['ETH', 'OPIOIDUD'],
    ['PSY', 'PSYTHPN'],
    ['MH', 'PSY'],
    ['BH', 'SUD'],
    ['SEX', 'STD'],
    ['SDV', 'VIO'],
    ['ETHUD', 'SUD'],
    ['SPI', 'HIV'],
  ])('%s: not %s', (ancestor, code) => {
    expect(sensitivityCovers(ancestor, code)).toBe(false);
  });
});

describe.each(trees)('the tree of %s', (_, tree, covers) => {
  const codes = Object.keys(tree);

  it('is a partial order', () => {
    for (const one of codes) {
      expect(covers(one, one)).toBe(true);
      for (const two of codes) {
        if (one !== two && covers(one, two) && covers(two, one)) throw new Error(`${one} and ${two}`);
        if (!covers(one, two)) continue;
        for (const three of codes)
          if (covers(two, three) && !covers(one, three)) throw new Error(`${one} ${two} ${three}`);
      }
    }
  });

  it('has its parents in itself, roots aside', () => {
    const roots = new Set(['_ActPrivacyPolicy', '_ActHealthInformationManagementReason']);
    const strangers = Object.values(tree)
      .flat()
      .filter((parent) => !codes.includes(parent) && !roots.has(parent));
    expect(strangers).toEqual([]);
  });
});

describe('codes that can be used', () => {
  it('are not the abstract ones', () => {
    expect(isSensitivity('_InformationSensitivityPolicy')).toBe(false);
    expect(isSensitivity('HIV')).toBe(true);
    expect(isKnownPurpose('TREAT')).toBe(true);
    expect(isKnownPurpose('PurposeOfUse')).toBe(true);
    expect(isKnownPurpose('treat')).toBe(false);
  });

  it('of every family are labels of that family', () => {
    const hl7 = 'http://terminology.hl7.org/CodeSystem';
    const kinds = (system: string, codes: readonly string[]): string[] => [
      ...new Set(codes.map((code) => labelKind(`${hl7}/${system}`, code).kind)),
    ];
    const usable = (tree: object): string[] => Object.keys(tree).filter((code) => !code.startsWith('_'));
    expect(kinds('v3-ActCode', usable(generated.sensitivity))).toEqual(['topic']);
    expect(kinds('v3-ActReason', usable(generated.purpose))).toEqual(['purpose']);
    expect(kinds('v3-ActReason', generated.otherReasons)).toEqual(['caveat']);
    expect(kinds('v3-ObservationValue', generated.integrity)).toEqual(['integrity']);
    expect(kinds('v3-ActCode', generated.caveats)).toEqual(['caveat']);
    expect(
      kinds(
        'v3-ActUSPrivacyLaw',
        generated.laws.filter((code) => code !== '42CFRPart2'),
      ),
    ).toEqual(['caveat']);
    expect(labelKind(`${hl7}/v3-ActUSPrivacyLaw`, '42CFRPart2')).toEqual({ kind: 'topic', code: '42CFRPart2' });
  });
});
