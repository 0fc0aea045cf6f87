import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { purposesOf } from '../../src/authenticate/purposes.ts';
import { identified } from './identified.ts';
import { ask, bearer, type KeyServer, type Place, startKeyServer, startPlace } from './place.ts';
import { claimsOf, es256, jws, type Pair, pairFor, publicJwk } from './sign.ts';

const actReason = 'http://terminology.hl7.org/CodeSystem/v3-ActReason';
const tefca = 'urn:oid:2.16.840.1.113883.3.7204.1.5.2.1';
const nhin = 'http://healthit.gov/nhin/purposeofuse';

describe('a purpose of use', () => {
  it.each([
    ['TREAT', ['TREAT']],
    [
      ['TREAT', 'HPAYMT', 'TREAT'],
      ['TREAT', 'HPAYMT'],
    ],
    ['urn:oid:2.16.840.1.113883.5.8#TREAT', ['TREAT']],
    ['urn:oid:2.16.840.1.113883.5.8|TREAT', ['TREAT']],
    [`${actReason}|HRESCH`, ['HRESCH']],
    [`${actReason}#HRESCH`, ['HRESCH']],
    ['http://hl7.org/fhir/v3/ActReason|TREAT', ['TREAT']],
    [{ system: actReason, code: 'TREAT' }, ['TREAT']],
    [
      {
        coding: [
          { system: 'urn:x', code: 'A' },
          { system: actReason, code: 'TREAT' },
        ],
      },
      ['TREAT'],
    ],
    [
      [{ system: actReason, code: 'TREAT' }, 'HPAYMT'],
      ['TREAT', 'HPAYMT'],
    ],
    ['T-TREAT', ['TREAT']],
    [`${tefca}#T-TRTMNT`, ['TREAT']],
    [`${tefca}#T-PYMNT`, ['HPAYMT']],
    [`${tefca}#T-HCO-CC`, ['CAREMGT']],
    [`${tefca}#T-PH-ECR`, ['PUBHLTH']],
    [`${tefca}#T-IAS`, ['PATRQT']],
    [{ system: nhin, code: 'TREATMENT' }, ['TREAT']],
    [{ system: 'urn:oid:2.16.840.1.113883.3.18.7.1', code: 'EMERGENCY' }, ['ETREAT']],
    [{ system: 'http://hl7.org/fhir/security-label', code: 'break-the-glass' }, ['BTG']],
  ])('is understood in every form in use: %j', (claim, expected) => {
    expect(purposesOf(claim)).toEqual(expected);
  });

  it.each([
    ['treat'],
    ['TREAT '],
    ['TREAT,HPAYMT'],
    ['TREAT HPAYMT'],
    ['PurposeOfUse'],
    ['_ActHealthInformationPurposeOfUseReason'],
    [`${actReason}|PurposeOfUse`],
    ['urn:oid:1.2.3#TREAT'],
    ['https://evil.example/v3-ActReason|TREAT'],
    [`${tefca}#TREAT`],
    [`${tefca}#TREATMENT`],
    [`${nhin}|TREAT`],
    [`${nhin}|T-TREAT`],
    [`${nhin}|PSYCHOTHERAPY`],
    [{ system: actReason, display: 'TREAT' }],
    [{ system: '', code: 'TREAT' }],
    [{ text: 'TREAT' }],
    ['__proto__'],
    ['constructor'],
    [{ system: nhin, code: '__proto__' }],
    [{ system: tefca, code: 'constructor' }],
    [''],
    [7],
    [null],
    [true],
  ])('that is not understood is none: %j', (claim) => {
    expect(purposesOf(claim)).toEqual([]);
  });

  it('is a code of the purposes of use, whatever the claim holds', () => {
    const codes = fc.constantFrom('TREAT', 'HPAYMT', 'T-TREAT', 'TREATMENT', 'nothing', '', '__proto__');
    const claim = fc.oneof(
      codes,
      fc.array(fc.oneof(codes, fc.record({ system: fc.constantFrom(actReason, nhin, 'urn:x'), code: codes }))),
      fc.anything(),
    );
    fc.assert(
      fc.property(claim, (given) => {
        for (const code of purposesOf(given)) expect(code).toMatch(/^[A-Z]{2,20}$/);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('a purpose that the configuration assigns', () => {
  const assigned = { assign: { purposes: ['TREAT', 'CAREMGT', 'TREAT'] } };

  it('counts when the token has no purpose claim, and is marked', () => {
    expect(identified({}, assigned).purposes).toEqual([
      { code: 'TREAT', assigned: true },
      { code: 'CAREMGT', assigned: true },
    ]);
  });

  it.each([['HPAYMT'], [['HPAYMT']], ['nonsense'], [[]], [''], [7], [{}], [false]])(
    'does not count beside a purpose claim, understood or not: %j',
    (claim) => {
      const { purposes } = identified({ purpose_of_use: claim }, assigned);
      expect(purposes).toEqual(JSON.stringify(claim).includes('HPAYMT') ? [{ code: 'HPAYMT', assigned: false }] : []);
    },
  );

  it('does not count beside a claim of a later preset', () => {
    const claims = { extensions: { 'hl7-b2b': { purpose_of_use: ['nonsense'] } } };
    expect(identified(claims, { presets: ['plain', 'hl7-b2b'], ...assigned }).purposes).toEqual([]);
  });
});

describe('the record', () => {
  let issuer: KeyServer;
  let place: Place;
  let pair: Pair;

  beforeAll(async () => {
    pair = await pairFor('ES256');
    issuer = await startKeyServer([await publicJwk(pair, { kid: 'k' })]);
    place = await startPlace(async () => ({
      issuers: [
        {
          issuer: issuer.url,
          allowInsecureHttp: true,
          roles: { clinician: 'clinician' },
          assign: { purposes: ['TREAT'] },
        },
      ],
    }));
  });

  afterAll(async () => {
    await place.close();
    await issuer.close();
  });

  const eventsAbout = async (sub: string): Promise<readonly string[]> => {
    const answer = await fetch(`${place.audit.url}/AuditEvent?_count=100`);
    const { entry = [] } = (await answer.json()) as { entry?: readonly { resource: object }[] };
    return entry.map(({ resource }) => JSON.stringify(resource)).filter((text) => text.includes(sub));
  };

  const recorded = async (sub: string, change: object): Promise<string> => {
    const claims = { ...claimsOf(issuer.url, place.base), sub, ...change };
    const token = jws({ alg: 'ES256', typ: 'at+jwt', kid: 'k' }, claims, es256(pair));
    expect((await ask(`${place.base}/Patient/ada`, bearer(token))).status).toBe(200);
    for (let attempt = 0; attempt < 100; attempt++) {
      const events = await eventsAbout(sub);
      if (events.length > 0) return events.join('\n');
      await sleep(100);
    }
    throw new Error('nothing was recorded');
  };

  it('says of an assigned purpose that it was assigned', async () => {
    const text = await recorded('assigned-one', { purpose_of_use: undefined });
    expect(text).toContain('"code":"TREAT"');
    expect(text).toContain('assigned by configuration, not asserted by the token');
  });

  it('says nothing of the kind of a purpose that the token states', async () => {
    const text = await recorded('stated-one', { purpose_of_use: 'TREAT' });
    expect(text).toContain('"code":"TREAT"');
    expect(text).not.toContain('assigned by configuration');
  });
});
