import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  idOf,
  isId,
  isPatientKey,
  parseRelativeReference,
  type ResourceKey,
  resourceKey,
  typeOf,
} from '../../src/fhir/ids.ts';

/** FHIR's grammar without `.` and `..`, which are steps of a path (RFC 3986 section 5.2.4). */
const id = fc.stringMatching(/^[A-Za-z0-9\-.]{1,64}$/).filter((text) => text !== '.' && text !== '..');
const type = fc.constantFrom('Patient', 'Observation', 'ExplanationOfBenefit');

describe('an id', () => {
  it.each(['a', 'A-1.b', '0', 'x'.repeat(64), '123e4567-e89b-12d3-a456-426614174000'])('may be %s', (text) => {
    expect(isId(text)).toBe(true);
  });

  it.each(['', 'x'.repeat(65), 'a/b', 'a b', 'a_b', 'a\n', 'ä', 'a%20', 'a?b', 'a#', '\u0000', 'a|1', '٣'])(
    'is not %j',
    (text) => {
      expect(isId(text)).toBe(false);
      expect(() => resourceKey('Patient', text)).toThrow('not a resource key');
      expect(parseRelativeReference(`Patient/${text}`)).toBeUndefined();
    },
  );
});

describe('a relative reference', () => {
  it('gives the key of its resource, with or without version', () => {
    fc.assert(
      fc.property(type, id, id, (one, name, version) => {
        expect(parseRelativeReference(`${one}/${name}`)).toBe(resourceKey(one, name));
        expect(parseRelativeReference(`${one}/${name}/_history/${version}`)).toBe(resourceKey(one, name));
      }),
    );
  });

  it.each([
    'Patient',
    'Patient/',
    '/Patient/1',
    'Patient/1/',
    'Patient/1/_history',
    'Patient/1/_history/2/x',
    'Patient/1/_history/2/',
    'Patient/1/history/2',
    'Patient/1/Observation/2',
    'Patient/1?x=y',
    'Patient?identifier=x',
    'patient/1',
    'P/1',
    'Pa-tient/1',
    'Patient//1',
    './Patient/1',
    '../Patient/1',
    'fhir/Patient/1',
    'http://x/Patient/1',
    'urn:uuid:1',
    '#1',
    '',
  ])('is not %j', (text) => {
    expect(parseRelativeReference(text)).toBeUndefined();
  });

  it('of any other text is none, or is one that writes itself the same', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const key = parseRelativeReference(text);
        expect(key === undefined || text === key || text.startsWith(`${key}/_history/`)).toBe(true);
      }),
    );
  });
});

describe('a key', () => {
  it('comes apart as it was put together', () => {
    fc.assert(
      fc.property(type, id, (one, name) => {
        const key = resourceKey(one, name);
        expect([typeOf(key), idOf(key)]).toEqual([one, name]);
        expect(isPatientKey(key)).toBe(one === 'Patient');
      }),
    );
    expect(isPatientKey('PatientLike/1' as ResourceKey)).toBe(false);
  });

  it.each(['', 'patient', 'Pat/ient', 'Patient1', 'P', `P${'a'.repeat(64)}`])('has no type %j', (one) => {
    expect(() => resourceKey(one, '1')).toThrow(TypeError);
  });
});
