import { describe, expect, it } from '@jest/globals';
import { base, identified, issuerUrl } from './identified.ts';

const npi = 'http://hl7.org/fhir/sid/us-npi';
const directory = [
  { id: 'Organization/hospital', identifiers: [`${npi}|1000000001`, 'urn:oid:1.2.3'], name: 'Hospital' },
  {
    id: 'Organization/ward',
    identifiers: ['https://x.example/wards|7'],
    partOf: 'Organization/hospital',
    name: 'Ward',
  },
  { id: 'Organization/room', partOf: 'Organization/ward' },
  { id: 'Organization/partner', identifiers: ['https://partner.example/fhir/Organization/1'] },
];
const hospital = ['Organization/hospital', `${npi}|1000000001`, 'urn:oid:1.2.3'];
const ward = ['Organization/ward', 'https://x.example/wards|7'];
const named = (organization: unknown, issuer: object = {}) =>
  identified({ organization }, issuer, directory).organizations;

describe('an organization that a token names', () => {
  it.each([
    ['Organization/hospital'],
    [`${base}/Organization/hospital`],
    [`${npi}|1000000001`],
    ['urn:oid:1.2.3'],
    [{ reference: 'Organization/hospital' }],
    [{ system: npi, value: '1000000001' }],
    [['Organization/hospital', 'Organization/partner']],
    [{ coding: [{ system: npi, code: '1000000001' }] }],
  ])('has all its configured names: %j', (claim) => {
    expect(named(claim)).toEqual(hospital);
    expect(identified({ organization: claim }, {}, directory).organizationName).toBe('Hospital');
  });

  it.each([
    `${issuerUrl}|someone-else`,
    `${issuerUrl}|client`,
    '|dr-grey',
    { system: issuerUrl, value: 'someone-else' },
  ])('is none when the claim names a person or client: %j', (claim) => expect(named(claim)).toEqual([]));

  it('acts for those it is a unit of, never the other way', () => {
    expect(named('Organization/room')).toEqual(['Organization/room', ...ward, ...hospital]);
    expect(named('Organization/ward')).toEqual([...ward, ...hospital]);
    expect(named('Organization/hospital')).toEqual(hospital);
  });

  it('that is a unit of itself ends somewhere', () => {
    const ring = [
      { id: 'Organization/a', partOf: 'Organization/b' },
      { id: 'Organization/b', partOf: 'Organization/a' },
    ];
    expect(identified({ organization: 'Organization/a' }, {}, ring).organizations).toEqual([
      'Organization/a',
      'Organization/b',
    ]);
  });

  it('and nobody knows has the name it gave', () => {
    expect(named('https://elsewhere.example/fhir/Organization/9')).toEqual([
      'https://elsewhere.example/fhir/Organization/9',
    ]);
  });

  it.each([[''], [7], [true], [[]], [{}], [[[]]], [{ value: '1000000001' }], [{ system: npi }], ['o'.repeat(1_001)]])(
    'in no form that is known is none: %j',
    (claim) => {
      expect(named(claim)).toEqual([]);
    },
  );

  it.each([
    'Practitioner/dr-grey',
    'Patient/ada',
    'RelatedPerson/x',
    `${base}/Practitioner/dr-grey`,
    `${base}/Patient/ada`,
  ])('is never a person whom a Consent may name: %s', (claim) => {
    expect(named(claim)).toEqual([]);
    expect(named(claim, { localUsers: false })).toEqual([]);
    expect(named({ reference: claim })).toEqual([]);
  });
});

describe('an issuer that may speak for some organizations only', () => {
  const issuer = { assertableOrganizations: ['Organization/ward', `${npi}|1000000001`] };

  it('may name them by any of their names', () => {
    expect(named('https://x.example/wards|7', issuer)).toEqual([...ward, ...hospital]);
    expect(named('Organization/hospital', issuer)).toEqual(hospital);
  });

  it.each([
    'Organization/partner',
    'Organization/room',
    'urn:oid:9.9',
    'https://elsewhere.example/fhir/Organization/9',
  ])('names none when it names another: %s', (claim) => {
    expect(named(claim, issuer)).toEqual([]);
    expect(identified({ organization: claim }, issuer, directory).organizationName).toBeUndefined();
  });

  it('does not reach a listed one behind one that it may not name', () => {
    expect(named(['Organization/partner', 'Organization/ward'], issuer)).toEqual([]);
  });

  it('names none at all when the list is empty', () => {
    expect(named('Organization/ward', { assertableOrganizations: [] })).toEqual([]);
  });

  it('is still given the organization that the configuration assigns', () => {
    const assigned = { ...issuer, assign: { organization: 'Organization/partner' } };
    expect(identified({}, assigned, directory).organizations).toEqual([
      'Organization/partner',
      'https://partner.example/fhir/Organization/1',
    ]);
    expect(named('urn:oid:9.9', assigned)).toEqual([]);
  });
});

describe("an issuer of another organization's users", () => {
  it.each(['Organization/hospital', 'Organization/hospital/_history/1'])(
    'does not name by a relative reference, which would be its own server: %s',
    (claim) => {
      expect(named(claim, { localUsers: false })).toEqual([]);
      expect(named({ reference: claim }, { localUsers: false })).toEqual([]);
    },
  );

  it('names by URL and identifier', () => {
    expect(named(`${base}/Organization/hospital`, { localUsers: false })).toEqual(hospital);
    expect(named('urn:oid:1.2.3', { localUsers: false })).toEqual(hospital);
  });

  it.each([
    ['of the issuer', { assign: { organization: 'Organization/partner' } }],
    ['of the client', { clients: { client: { organization: 'Organization/partner' } } }],
  ])('is given the organization that the configuration assigns: %s', (_name, issuer) => {
    expect(identified({}, { localUsers: false, ...issuer }, directory).organizations).toEqual([
      'Organization/partner',
      'https://partner.example/fhir/Organization/1',
    ]);
  });
});
