import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { recipientCodes } from '../../src/config/labels.ts';
import { handlings } from '../../src/decide/handling.ts';
import vocabulary from '../../src/fhir/generated/vocabulary.json' with { type: 'json' };

const page = readFileSync(new URL('../../docs/labels.md', import.meta.url), 'utf8');
const section = page.slice(page.indexOf('## What handling labels do'), page.indexOf('## Resources whose patient'));

describe('handling labels', () => {
  it('are codes that HL7 has', () => {
    const known = [...vocabulary.caveats, ...vocabulary.laws];
    expect(Object.keys(handlings).filter((code) => !known.includes(code))).toEqual([]);
  });

  it('can be given to recipients exactly where only they can keep them', () => {
    const theirs = Object.entries(handlings).flatMap(([code, handling]) => (handling === 'recipient' ? [code] : []));
    expect([...recipientCodes].sort()).toEqual(theirs.sort());
  });

  it('stand each in one row of docs/labels.md', () => {
    const rows = section.split('\n').filter((line) => line.startsWith('| '));
    for (const [code, handling] of Object.entries(handlings)) {
      const stands = rows.filter((row) => row.includes(`\`${code}\``));
      expect([code, stands.length]).toEqual([code, 1]);
      const others = rows
        .filter((row) => row !== stands[0])
        .flatMap((row) => [...row.matchAll(/`(\w+)`/g)].map(([, one]) => one));
      const alike = Object.entries(handlings)
        .filter(([, one]) => one === handling)
        .map(([one]) => one);
      if (handling !== 'met') expect(others.filter((one) => alike.includes(one ?? ''))).toEqual([]);
    }
  });

  it('leave no refrain or obligation of HL7 without an answer', () => {
    const families =
      /^(NO(?!PP|CONSENT)|CPLY|ENCRYPT|DEID$|ANONY$|PSEUD$|REDACT$|MASK$|DELAU$|MINEC$|HUAPRV$|AOD$|AUDIT$|AUDTR$|ORCON$)/;
    const open = vocabulary.caveats.filter((code) => families.test(code) && !Object.hasOwn(handlings, code));
    expect(open).toEqual(['NORDSLCD']); // a retired misspelling, read as NORDSCLCD
  });
});
