import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Requester, Scope } from '../../src/authenticate/requester.ts';
import { parseScopes } from '../../src/authenticate/scopes.ts';
import { buildContext, grantFor } from '../../src/context/context.ts';
import { GatewayError } from '../../src/errors/errors.ts';
import type { FhirRequest, Interaction } from '../../src/fhir/request.ts';
import { createPolicy } from '../../src/policy/policy.ts';
import { requestWith } from '../authenticate/requests.ts';
import { purposes as allPurposes, asker, shipped } from '../policy/tables.ts';

const policy = createPolicy(shipped, 1_000);
const actReason = 'http://terminology.hl7.org/CodeSystem/v3-ActReason';
const requester = (purposes: readonly string[], change: Partial<Requester> = {}): Requester =>
  asker(['clinician'], purposes, change).requester;
const contextOf = (one: Requester, headers: FhirRequest['headers'] = {}, query: FhirRequest['query'] = []) =>
  buildContext(one, requestWith(headers, query), policy);
const purposesOf = (stated: readonly string[], headers: FhirRequest['headers'] = {}): readonly string[] | string => {
  try {
    return contextOf(requester(stated), headers).purposes;
  } catch (error) {
    return error instanceof GatewayError ? error.code : 'another error';
  }
};
const refused = 'purpose-not-accepted';
const notAccepted = 'emergency-not-accepted';

describe('the purposes of a request', () => {
  it('are those of the token', () => {
    expect(purposesOf(['TREAT', 'HPAYMT'])).toEqual(['TREAT', 'HPAYMT']);
    expect(purposesOf([])).toEqual([]);
  });

  it.each([
    [{ 'x-purpose-of-use': 'TREAT' }],
    [{ 'x-purpose-of-use': ' TREAT ' }],
    [{ 'x-purpose-of-use': `${actReason}|TREAT` }],
    [{ 'x-purpose-of-use': `${actReason}#TREAT` }],
    [{ 'x-purpose-of-use': 'urn:oid:2.16.840.1.113883.5.8#TREAT' }],
    [{ category: `${actReason}#TREAT; scheme="http://hl7.org/fhir/tag/security"; label="treatment"` }],
    [{ category: `http://hl7.org/fhir/v3/ActReason#TREAT; scheme="http://hl7.org/fhir/tag/security"` }],
    [{ 'x-purpose-of-use': 'TREAT', category: `${actReason}#TREAT` }],
  ])('are narrowed by a header: %j', (headers) => {
    expect(purposesOf(['TREAT', 'HPAYMT'], headers)).toEqual(['TREAT']);
  });

  it.each([[{ 'x-purpose-of-use': '' }], [{ 'x-purpose-of-use': ' , ' }], [{ category: '' }], [{ category: ';' }]])(
    'stay as they are under an empty header: %j',
    (headers) => {
      expect(purposesOf(['TREAT', 'HPAYMT'], headers)).toEqual(['TREAT', 'HPAYMT']);
    },
  );

  it.each([
    'HRESCH',
    'TREAT, HRESCH',
    'CLINTRL',
    'PurposeOfUse',
    'treat',
    'nonsense',
    'TREAT HPAYMT',
    'urn:oid:1.2.3#TREAT',
    'https://evil.example|TREAT',
    '|TREAT',
    '#TREAT',
    '*',
    '__proto__',
  ])('are never added to: %j', (value) => {
    expect(purposesOf(['TREAT', 'HPAYMT'], { 'x-purpose-of-use': value })).toBe(refused);
    expect(purposesOf(['TREAT', 'HPAYMT'], { category: `${value}; scheme="x"` })).toBe(refused);
    expect(purposesOf([], { 'x-purpose-of-use': value })).toBe(refused);
  });

  it('are not given to a token without any', () => {
    expect(purposesOf([], { 'x-purpose-of-use': 'TREAT' })).toBe(refused);
  });

  it.each(['ETREAT', 'BTG', 'ERTREAT'])('are no emergency without all that it needs, stated or chosen: %s', (code) => {
    expect(purposesOf([code])).toBe(notAccepted);
    expect(purposesOf(['TREAT', code])).toBe(notAccepted);
    expect(purposesOf(['TREAT'], { 'x-purpose-of-use': code })).toBe(refused);
    expect(purposesOf(['TREAT', code], { 'x-purpose-of-use': code })).toBe(notAccepted);
    expect(
      purposesOf(['TREAT', code], { category: `${actReason}#${code}; scheme="http://hl7.org/fhir/tag/security"` }),
    ).toBe(notAccepted);
    expect(purposesOf(['TREAT', code], { 'x-purpose-of-use': 'TREAT' })).toEqual(['TREAT']);
  });

  it('are a part of those of the token under every header, or the request is refused', () => {
    const some = fc.subarray([...allPurposes], { maxLength: 4 });
    const word = fc.oneof(fc.constantFrom(...allPurposes), fc.constantFrom('x', '', `${actReason}|TREAT`, 'a#b'));
    const header = fc.option(
      fc.array(word, { maxLength: 3 }).map((words) => words.join(',')),
      { nil: undefined },
    );
    fc.assert(
      fc.property(some, header, header, (stated, own, category) => {
        const headers = {
          ...(own !== undefined && { 'x-purpose-of-use': own }),
          ...(category !== undefined && { category }),
        };
        const found = purposesOf(stated, headers);
        if (typeof found === 'string') expect([refused, notAccepted]).toContain(found);
        else for (const code of found) expect(stated).toContain(code);
      }),
      { numRuns: 1_000 },
    );
  });

  it('are marked as assigned when one of those that count was', () => {
    const purposes = [
      { code: 'TREAT', assigned: true },
      { code: 'HPAYMT', assigned: false },
    ];
    const assigned = (headers: FhirRequest['headers']) =>
      contextOf(requester([], { purposes }), headers).purposeAssigned;
    expect(assigned({})).toBe(true);
    expect(assigned({ 'x-purpose-of-use': 'TREAT' })).toBe(true);
    expect(assigned({ 'x-purpose-of-use': 'HPAYMT' })).toBe(false);
  });
});

describe('nothing but the token says who asks', () => {
  it('neither headers nor query change anything but the purposes', () => {
    const one = requester(['TREAT'], { fhirUser: 'Practitioner/dr-grey' });
    const plain = contextOf(one);
    const headers = {
      'x-request-id': 'steward',
      prefer: 'role=steward',
      dpop: 'x',
      'x-user-role': 'steward',
      'x-forwarded-user': 'Patient/ada',
      'x-fhir-user': 'Patient/ada',
      'x-organization': 'Organization/mercy',
    };
    const query = [
      ['fhirUser', 'Patient/ada'],
      ['purpose', 'HRESCH'],
      ['_purpose', 'BTG'],
      ['patient', 'ada'],
    ] as const;
    expect({ ...contextOf(one, headers, query), at: plain.at }).toEqual(plain);
  });

  it('herself is the Patient that fhirUser names, not the patient in context', () => {
    expect(contextOf(requester([], { fhirUser: 'Patient/ada', patient: 'bob' })).self).toBe('Patient/ada');
    expect(contextOf(requester([], { fhirUser: 'Practitioner/x', patient: 'ada' })).self).toBeUndefined();
    expect(contextOf(requester([], { fhirUser: 'https://elsewhere.example/fhir/Patient/ada' })).self).toBeUndefined();
    expect(contextOf(requester([], { fhirUser: 'RelatedPerson/x' }))).toMatchObject({
      relatedPerson: 'RelatedPerson/x',
    });
    expect(contextOf(requester([], { fhirUser: 'RelatedPerson/x' })).self).toBeUndefined();
  });

  it('is cleared for everything by the role alone', () => {
    expect(contextOf(asker(['steward'], ['RECORDMGT']).requester).unrestricted).toBe(true);
    expect(contextOf(requester(['RECORDMGT'])).unrestricted).toBe(false);
  });
});

describe('what scopes grant', () => {
  const grant = (scope: string, interaction: Interaction, type = 'Observation', patient?: string) =>
    grantFor(
      contextOf(requester(['TREAT'], { scopes: parseScopes(scope), ...(patient && { patient }) })),
      interaction,
      type,
    );
  const none = { granted: false };
  const whole = { granted: true, alternatives: [{ query: [] }] };

  it.each([
    ['user/Observation.r', ['read', 'vread', 'history-instance']],
    ['user/Observation.s', ['search-type']],
    ['user/Observation.rs', ['read', 'vread', 'history-instance', 'search-type']],
    ['user/Observation.read', ['read', 'vread', 'history-instance', 'search-type']],
    ['user/*.rs', ['read', 'vread', 'history-instance', 'search-type']],
    ['system/Observation.rs', ['read', 'vread', 'history-instance', 'search-type']],
    ['user/Observation.r user/Observation.s', ['read', 'vread', 'history-instance', 'search-type']],
    ['user/Observation.cud', []],
    ['user/Observation.write', []],
    ['user/Patient.rs', []],
    ['patient/Observation.rs', []],
    ['openid fhirUser launch/patient', []],
    ['', []],
  ])('goes by interaction: %s', (scope, expected) => {
    const interactions: readonly Interaction[] = ['read', 'vread', 'history-instance', 'search-type'];
    expect(interactions.filter((one) => grant(scope, one).granted)).toEqual(expected);
  });

  it('of a patient scope is one patient', () => {
    expect(grant('patient/*.rs', 'read', 'Observation', 'ada')).toEqual({
      granted: true,
      alternatives: [{ patient: 'Patient/ada', query: [] }],
    });
  });

  it('of a patient scope without a patient is nothing, and leaves other scopes as they are', () => {
    expect(grant('patient/*.rs', 'read')).toEqual(none);
    expect(grant('patient/*.rs user/Observation.rs', 'read')).toEqual(whole);
    expect(grant('patient/*.rs user/Patient.rs', 'read')).toEqual(none);
  });

  it('adds up: each scope with its own patient and query', () => {
    expect(
      grant(
        'patient/*.rs user/Observation.rs?category=lab user/Observation.r?code=x',
        'search-type',
        'Observation',
        'ada',
      ),
    ).toEqual({
      granted: true,
      alternatives: [{ patient: 'Patient/ada', query: [] }, { query: [['category', 'lab']] }],
    });
  });

  it('of a narrowed scope is never the whole', () => {
    expect(grant('user/Observation.rs?category=lab', 'read')).toEqual({
      granted: true,
      alternatives: [{ query: [['category', 'lab']] }],
    });
  });

  it('never depends on the order of scopes, and more scopes never grant less', () => {
    const scope = fc.record({
      context: fc.constantFrom<Scope['context']>('patient', 'user', 'system'),
      resourceType: fc.constantFrom('*', 'Observation', 'Patient'),
      read: fc.boolean(),
      search: fc.boolean(),
      query: fc.constantFrom<Scope['query']>([], [['category', 'lab']]),
    });
    const ask = (scopes: readonly Scope[]) => {
      const found = grantFor(contextOf(requester([], { scopes, patient: 'ada' })), 'read', 'Observation');
      return found.granted ? found.alternatives.map((one) => JSON.stringify(one)).sort() : [];
    };
    fc.assert(
      fc.property(fc.array(scope, { maxLength: 5 }), scope, (scopes, another) => {
        const alone = ask(scopes);
        expect(ask([...scopes].reverse())).toEqual(alone);
        for (const one of alone) expect(ask([...scopes, another])).toContain(one);
      }),
      { numRuns: 500 },
    );
  });
});
