import { describe, expect, test } from '@jest/globals';
import { namedByToken, readResiduals } from '../../src/consent/residual.ts';
import { options } from './written.ts';

/** What a token says of the Consent it was issued under (IHE PCF, `ihe_pcf`). */

const read = (pcf: unknown) => readResiduals(pcf, options('R4'));

describe('whom a token is about', () => {
  test.each([
    ['an id', 'ada', 'Patient/ada'],
    ['a relative reference', 'Patient/ada', 'Patient/ada'],
    ['a URL of this server', 'https://fhir.example/Patient/ada', 'Patient/ada'],
    ['a URL of another server', 'https://elsewhere.example/Patient/ada', undefined],
    ['another resource', 'Practitioner/ada', undefined],
    ['a number', 7, undefined],
    ['nobody', undefined, undefined],
  ])('%s', (_what, stated, patient) => {
    expect(read({ patient_id: stated }).patient).toBe(patient);
  });
});

describe('which Consents it was issued under', () => {
  test.each([
    ['an id', 'c1', 'Consent/c1'],
    ['a relative reference', 'Consent/c1', 'Consent/c1'],
    ['a URL of this server', 'https://fhir.example/Consent/c1', 'Consent/c1'],
    [
      'a Consent of another server',
      'https://elsewhere.example/r4/Consent/c1',
      'https://elsewhere.example/r4/Consent/c1',
    ],
    [
      'a Consent of another server, without TLS',
      'http://elsewhere.example/Consent/c1',
      'http://elsewhere.example/Consent/c1',
    ],
    ['another resource of this server', 'https://fhir.example/Patient/c1', undefined],
    ['another resource of another server', 'https://elsewhere.example/Patient/c1', undefined],
    ['words before the address', 'see https://elsewhere.example/Consent/c1', undefined],
    ['words after the address', 'https://elsewhere.example/Consent/c1 or another', undefined],
    ['a version of one', 'https://elsewhere.example/Consent/c1/_history/2', undefined],
    ['what is no text', 7, undefined],
  ])('%s', (_what, stated, document) => {
    expect(read({ doc_id: [stated] }).documents).toEqual([document]);
  });

  test('none, one, or several in their order', () => {
    expect(read({}).documents).toEqual([]);
    expect(read(undefined)).toEqual({ patient: undefined, documents: [], rules: [] });
    expect(read({ doc_id: 'c1' }).documents).toEqual(['Consent/c1']);
    expect(read({ doc_id: ['c2', 'c1'] }).documents).toEqual(['Consent/c2', 'Consent/c1']);
  });
});

describe('its residual rules', () => {
  test('forbid, unless they say permit', () => {
    const effects = ['permit', 'forbid', 'deny', 'PERMIT', undefined].map((type) => ({ type }));
    expect(read({ residual: effects }).rules.map(({ effect }) => effect)).toEqual([
      ...['permit', 'deny', 'deny', 'deny', 'deny'],
    ]);
  });

  test('what is no rule forbids everything', () => {
    expect(read({ residual: ['all'] }).rules).toEqual([{ effect: 'deny', elements: { notUnderstood: false } }]);
  });

  test('their type is no member that nobody knows; another member is', () => {
    const [known, strange] = read({ residual: [{ type: 'permit' }, { type: 'permit', moon: 'full' }] }).rules;
    expect(known?.elements).toEqual({ notUnderstood: false });
    expect(strange?.elements).toEqual({ notUnderstood: true });
  });

  test('are about labels, times and data, together and each alone', () => {
    const securityLabel = [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'HIV' }];
    const labels = { confidentiality: [], topics: ['HIV'], purposes: [], unknown: false };
    const dataPeriod = { start: '2026-01-02' };
    const since = { start: Date.UTC(2026, 0, 2), end: Number.POSITIVE_INFINITY };
    const data = [{ meaning: 'instance', reference: 'Observation/o1' }];
    const named = {
      codes: [{ meaning: 'instance', key: 'Observation/o1', names: ['Observation/o1'] }],
      unknown: false,
    };
    const elementsOf = (rule: object) => read({ residual: [{ type: 'forbid', ...rule }] }).rules[0]?.elements;
    expect(elementsOf({ securityLabel })).toEqual({ notUnderstood: false, labels });
    expect(elementsOf({ dataPeriod })).toEqual({ notUnderstood: false, dataPeriod: since });
    expect(elementsOf({ securityLabel, dataPeriod, data })).toEqual({
      ...{ notUnderstood: false, labels, dataPeriod: since },
      data: named,
    });
  });

  test('name data by reference, as text or as a Reference; without any they are about all data', () => {
    const data = [
      { meaning: 'related', reference: 'Encounter/e1' },
      { meaning: 'related', reference: { reference: 'Encounter/e2' } },
      { meaning: 'instance', reference: 'Observation/o1' },
      { meaning: 'related', reference: 'https://elsewhere.example/Encounter/e3' },
    ];
    const rules = read({ residual: [{ type: 'forbid', data }] });
    expect(rules.rules[0]?.elements.data?.codes.map(({ meaning, key }) => [meaning, key])).toEqual([
      ['related', 'Encounter/e1'],
      ['related', 'Encounter/e2'],
      ['instance', 'Observation/o1'],
      ['related', undefined],
    ]);
    expect(namedByToken(rules)).toStrictEqual(['Encounter/e1', 'Encounter/e2']);
    const all = read({ residual: [{ type: 'forbid', data: [] }] });
    expect(all.rules[0]?.elements).not.toHaveProperty('data');
    expect(namedByToken(all)).toEqual([]);
  });
});
