import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { base, identified, issuerUrl } from './identified.ts';

const roles = {
  clinician: 'clinician',
  'urn:x|nurse': 'clinician',
  'app|front-desk': 'front-desk',
  steward: 'steward',
};

/** UDAP B2B Authorization Extension Object (HL7 UDAP Security), as an authorization server copies it into the token. */
const b2b = {
  extensions: {
    'hl7-b2b': {
      version: '1',
      subject_name: 'Tom Brady',
      subject_id: 'urn:oid:2.16.840.1.113883.4.6#1234567890',
      subject_role: 'http://nucc.org/provider-taxonomy#207SG0201X',
      organization_name: 'Example Clinic',
      organization_id: 'https://clinic.example/fhir/Organization/1',
      purpose_of_use: ['urn:oid:2.16.840.1.113883.5.8#TREAT'],
    },
  },
};

/** IHE IUA, JWT Access Token with the XUA-like extension. */
const iua = {
  extensions: {
    ihe_iua: {
      subject_name: 'Dr. John Smith',
      subject_organization: 'Central Hospital',
      subject_organization_id: 'urn:oid:1.2.3.4.5',
      subject_role: [{ system: 'urn:oid:2.16.840.1.113883.6.96', code: '46255001' }],
      purpose_of_use: [
        { system: 'urn:oid:1.0.14265.1', code: '1' },
        { system: 'urn:oid:2.16.840.1.113883.5.8', code: 'TREAT' },
      ],
      home_community_id: 'urn:oid:1.2.3.4.5.6',
      national_provider_identifier: '1234567890',
      person_id: '543797436^^^&1.2.840.113619.6.197&ISO',
    },
  },
};

/** Keycloak's access token, as it issues it. */
const keycloak = {
  typ: 'Bearer',
  azp: 'app',
  acr: '1',
  realm_access: { roles: ['offline_access', 'clinician', 'default-roles-x'] },
  resource_access: { app: { roles: ['front-desk'] }, account: { roles: ['manage-account', 'steward'] } },
  groups: ['/staff', '/staff/mercy'],
  name: 'Avery Grey',
  preferred_username: 'grey',
};

describe('plain claims', () => {
  it('say who asks', () => {
    const requester = identified(
      {
        name: 'Avery Grey',
        roles: ['clinician'],
        purpose_of_use: ['TREAT'],
        organization: 'Organization/mercy',
        organization_name: 'Mercy',
        fhirUser: 'Practitioner/dr-grey',
        patient: 'ada',
        npi: '1234567890',
        acr: 'urn:aal2',
        amr: ['pwd', 7, 'otp'],
        auth_time: 1_700_000_000,
        scope: 'user/*.rs',
      },
      { roles },
    );
    expect(requester).toMatchObject({
      issuer: issuerUrl,
      subject: 'someone',
      clientId: 'client',
      tokenId: 'urn:ietf:params:oauth:jti:id-1',
      clientKind: 'app',
      name: 'Avery Grey',
      roles: ['clinician'],
      roleCodes: [{ code: 'clinician' }],
      purposes: [{ code: 'TREAT', assigned: false }],
      organizations: ['Organization/mercy'],
      organizationName: 'Mercy',
      fhirUser: 'Practitioner/dr-grey',
      patient: 'ada',
      identities: [
        'Practitioner/dr-grey',
        'http://hl7.org/fhir/sid/us-npi|1234567890',
        `${issuerUrl}|someone`,
        `${issuerUrl}|client`,
      ],
      acr: 'urn:aal2',
      amr: ['pwd', 'otp'],
      authenticatedAt: 1_700_000_000_000,
    });
  });

  it('that are not there give nothing', () => {
    const requester = identified({});
    expect(requester).toMatchObject({ roles: [], purposes: [], organizations: [], scopes: [] });
    for (const name of ['fhirUser', 'patient', 'name', 'organizationName', 'acr', 'authenticatedAt', 'pcf'])
      expect(requester).not.toHaveProperty(name);
  });

  it('of other presets are not read', () => {
    for (const claims of [b2b, iua, keycloak])
      expect(identified(claims, { roles: { ...roles, '46255001': 'steward' } })).toMatchObject({
        roles: [],
        purposes: [],
        organizations: [],
        identities: [`${issuerUrl}|someone`, `${issuerUrl}|client`],
      });
  });
});

describe('the preset hl7-b2b', () => {
  it('reads the B2B extension object', () => {
    const requester = identified(b2b, {
      presets: ['hl7-b2b'],
      roles: { 'http://nucc.org/provider-taxonomy|207SG0201X': 'clinician' },
    });
    expect(requester).toMatchObject({
      name: 'Tom Brady',
      roles: ['clinician'],
      roleCodes: [{ system: 'http://nucc.org/provider-taxonomy', code: '207SG0201X' }],
      purposes: [{ code: 'TREAT', assigned: false }],
      organizations: ['https://clinic.example/fhir/Organization/1'],
      organizationName: 'Example Clinic',
    });
    expect(requester.identities).toContain('http://hl7.org/fhir/sid/us-npi|1234567890');
  });
});

describe('the preset ihe-iua', () => {
  it('reads the IUA extension, and the patient it is about is not who asks', () => {
    const requester = identified(iua, {
      presets: ['ihe-iua'],
      roles: { 'urn:oid:2.16.840.1.113883.6.96|46255001': 'clinician' },
    });
    expect(requester).toMatchObject({
      name: 'Dr. John Smith',
      roles: ['clinician'],
      purposes: [{ code: 'TREAT', assigned: false }],
      organizations: ['urn:oid:1.2.3.4.5'],
      organizationName: 'Central Hospital',
    });
    expect(requester.identities).toEqual([
      'http://hl7.org/fhir/sid/us-npi|1234567890',
      `${issuerUrl}|someone`,
      `${issuerUrl}|client`,
    ]);
    expect(requester).not.toHaveProperty('patient');
  });

  it.each([
    [{ extensions: { ihe_pcf: { doc_id: ['1'] } } }, { doc_id: ['1'] }],
    [{ extensions: { ihe_pcf: null } }, null],
    [{ extensions: { ihe_pcf: 'x' } }, 'x'],
    [{ extensions: { ihe_pcf: [] } }, []],
  ])('residual rules are handed on as they stand, readable or not: %j', (claims, pcf) => {
    expect(identified(claims)).toHaveProperty('pcf', pcf);
  });
});

describe('the preset keycloak', () => {
  it("reads realm roles, groups and each client's roles under the client's name", () => {
    const requester = identified(keycloak, { presets: ['keycloak'], roles: { ...roles, '/staff/mercy': 'billing' } });
    expect(requester.roles).toEqual(['billing', 'clinician', 'front-desk']);
    expect(requester.roleCodes).toContainEqual({ system: 'account', code: 'steward' });
  });

  it('a role of one client is no realm role, and the other way', () => {
    const own = { presets: ['keycloak'], roles: { steward: 'steward', 'app|clinician': 'clinician' } };
    expect(identified(keycloak, own).roles).toEqual([]);
  });

  it('a role of another client never passes for a role of this one', () => {
    const own = { presets: ['keycloak'], roles: { 'app|clinician': 'clinician' } };
    for (const name of ['app|clinician', 'app#clinician', 'clinician'])
      expect(identified({ resource_access: { other: { roles: [name] } } }, own).roles).toEqual([]);
    expect(identified({ resource_access: { app: { roles: ['x|clinician'] } } }, own).roles).toEqual([]);
    expect(identified({ resource_access: { app: { roles: ['clinician'] } } }, own).roles).toEqual(['clinician']);
  });

  it.each([
    { resource_access: 'app' },
    { resource_access: ['app'] },
    { resource_access: { app: ['clinician'] } },
    { resource_access: { app: { roles: 'clinician' } } },
    { resource_access: { app: { roles: [{ code: 'clinician' }, null, 7] } } },
    { resource_access: null },
    { realm_access: ['clinician'] },
    { realm_access: null },
  ])('of another shape gives no role: %j', (claims) => {
    const own = { presets: ['keycloak'], roles: { 'app|clinician': 'clinician', clinician: 'clinician' } };
    expect(identified(claims, own).roles).toEqual([]);
  });

  it('is not read where claim paths are configured in its place', () => {
    const own = { presets: ['keycloak'], claims: { roles: ['/my_roles'] }, roles };
    expect(identified({ ...keycloak, my_roles: ['steward'] }, own).roles).toEqual(['steward']);
  });
});

describe('precedence', () => {
  const claims = { ...b2b, purpose_of_use: ['HPAYMT'], organization: 'Organization/mercy', name: 'Plain' };

  it('is the order of the presets, claim by claim', () => {
    const first = identified(claims, { presets: ['plain', 'hl7-b2b'] });
    expect(first.purposes).toEqual([{ code: 'HPAYMT', assigned: false }]);
    expect(first.organizations).toEqual(['Organization/mercy']);
    expect(first.organizationName).toBe('Example Clinic');
    const second = identified(claims, { presets: ['hl7-b2b', 'plain'] });
    expect(second.purposes).toEqual([{ code: 'TREAT', assigned: false }]);
    expect(second.organizations).toEqual(['https://clinic.example/fhir/Organization/1']);
  });

  it('of a claim that is there but not understood is not lost to the next', () => {
    const own = { presets: ['plain', 'hl7-b2b'] };
    expect(identified({ ...b2b, purpose_of_use: 'NOTHING' }, own).purposes).toEqual([]);
    expect(identified({ ...b2b, purpose_of_use: [] }, own).purposes).toEqual([]);
    expect(identified({ ...b2b, organization: 7 }, own).organizations).toEqual([]);
  });

  it("is the client's before the issuer's, and the token's before both", () => {
    const own = {
      assign: { roles: ['billing'], organization: 'Organization/a', purposes: ['HPAYMT'], clientKind: 'system' },
      clients: {
        client: { roles: ['clinician'], organization: 'Organization/b', purposes: ['TREAT'], clientKind: 'app' },
      },
    };
    expect(identified({}, own)).toMatchObject({
      roles: ['clinician'],
      organizations: ['Organization/b'],
      purposes: [{ code: 'TREAT', assigned: true }],
      clientKind: 'app',
    });
    expect(identified({ organization: 'Organization/c', purpose_of_use: 'HRESCH' }, own)).toMatchObject({
      organizations: ['Organization/c'],
      purposes: [{ code: 'HRESCH', assigned: false }],
    });
    expect(identified('{"client_id":"another"}', own)).toMatchObject({
      roles: ['billing'],
      organizations: ['Organization/a'],
      purposes: [{ code: 'HPAYMT', assigned: true }],
      clientKind: 'system',
    });
  });
});

describe('a role code', () => {
  it.each([
    ['clinician', ['clinician']],
    [
      ['clinician', 'steward'],
      ['clinician', 'steward'],
    ],
    ['urn:x|nurse', ['clinician']],
    ['urn:x#nurse', ['clinician']],
    [{ system: 'urn:x', code: 'nurse' }, ['clinician']],
    [
      {
        coding: [
          { system: 'urn:y', code: 'nurse' },
          { system: 'urn:x', code: 'nurse' },
        ],
      },
      ['clinician'],
    ],
  ])('gives the role that it is mapped to: %j', (claim, expected) => {
    expect(identified({ roles: claim }, { roles }).roles).toEqual(expected);
  });

  it.each([
    ['Clinician'],
    ['clinician '],
    ['nurse'],
    ['urn:y|nurse'],
    ['urn:x|clinician'],
    ['clinician steward'],
    ['clinician,steward'],
    [{ code: 'nurse' }],
    [{ code: ['clinician'] }],
    [{ system: 7, code: 'clinician' }],
    [{ system: '', code: 'clinician' }],
    [{ system: null, code: 'clinician' }],
    [{ display: 'clinician' }],
    [{ coding: { code: 'clinician' } }],
    [7],
    [true],
  ])('that is not listed gives none: %j', (claim) => {
    expect(identified({ roles: claim }, { roles }).roles).toEqual([]);
  });

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf'])(
    'that is the name of something every object has gives no role: %s',
    (name) => {
      const own = { presets: ['plain', 'keycloak'], roles };
      expect(identified({ roles: [name, `${name}|${name}`, { system: name, code: name }] }, own).roles).toEqual([]);
      expect(identified(`{"realm_access":{"${name}":{"roles":["clinician"]}}}`, own).roles).toEqual([]);
      expect(identified(`{"client_id":"${name}"}`, { ...own, clients: { x: { roles: ['steward'] } } }).roles).toEqual(
        [],
      );
    },
  );

  it.each([
    ['{"__proto__":{"roles":["clinician"]}}'],
    ['{"constructor":{"prototype":{"roles":["clinician"]}}}'],
    ['{"realm_access":{"__proto__":{"roles":["clinician"]}}}'],
    ['{"resource_access":{"__proto__":{"app":{"roles":["front-desk"]}}}}'],
    ['{"extensions":{"__proto__":{"hl7-b2b":{"subject_role":"clinician"}}}}'],
  ])('in what a claim inherits is none: %s', (claims) => {
    const requester = identified(claims, { presets: ['plain', 'hl7-b2b', 'keycloak'], roles });
    expect(requester.roles).toEqual([]);
    expect(({} as Record<string, unknown>).roles).toBeUndefined();
  });

  it('is read by a pointer through own members only', () => {
    for (const pointer of ['/constructor/name', '/__proto__/x', '/roles/length', '/roles/0', '/toString'])
      expect(
        identified({ roles: ['clinician'] }, { claims: { roles: [pointer] }, roles: { ...roles, Object: 'steward' } })
          .roles,
      ).toEqual([]);
    const escaped = { claims: { roles: ['/https:~1~1x.example~1roles/~0a'] }, roles };
    expect(identified({ 'https://x.example/roles': { '~a': 'clinician' } }, escaped).roles).toEqual(['clinician']);
    expect(identified({ 'https:~1~1x.example~1roles': { '~0a': 'clinician' } }, escaped).roles).toEqual([]);
  });
});

describe('a user', () => {
  it.each([
    ['Practitioner/dr-grey', 'Practitioner/dr-grey'],
    ['PractitionerRole/r', 'PractitionerRole/r'],
    ['RelatedPerson/x', 'RelatedPerson/x'],
    ['Person/x', 'Person/x'],
    [`${base}/Patient/ada`, 'Patient/ada'],
    ['https://own.example/fhir/Patient/ada', 'Patient/ada'],
    ['https://elsewhere.example/fhir/Practitioner/1', 'https://elsewhere.example/fhir/Practitioner/1'],
  ])('is who fhirUser names: %s', (stated, expected) => {
    const requester = identified({ fhirUser: stated }, { fhirBases: ['https://own.example/fhir'] });
    expect(requester.fhirUser).toBe(expected);
    expect(requester.identities).toContain(expected);
  });

  it.each([
    'Organization/mercy',
    'Device/d',
    'Observation/o',
    'Patient',
    'Patient/',
    'Patient/../Patient/ada',
    'Patient/ada bob',
    'patient/ada',
    '/Patient/ada',
    'ada',
    '',
    'javascript:alert(1)',
    `${base}/Organization/mercy`,
  ])('is nobody under another name: %j', (stated) => {
    const requester = identified({ fhirUser: stated });
    expect(requester).not.toHaveProperty('fhirUser');
    expect(requester.identities).toEqual([`${issuerUrl}|someone`, `${issuerUrl}|client`]);
  });

  it.each([
    `${base}x/Patient/ada`,
    `${base.toUpperCase()}/Patient/ada`,
    `${base}//Patient/ada`,
    `${base}/./Patient/ada`,
  ])('of an address that only looks like this server is none of its own: %s', (stated) => {
    expect(identified({ fhirUser: stated }).fhirUser).not.toBe('Patient/ada');
    expect(identified({ fhirUser: stated }).identities).not.toContain('Patient/ada');
  });

  it.each(['Practitioner/dr-grey', `${base}/Patient/ada`, 'Patient/ada', 'Patient/ada/_history/1'])(
    'of an issuer without local users is no resource of this server: %s',
    (stated) => {
      const requester = identified({ fhirUser: stated, patient: 'ada' }, { localUsers: false });
      expect(requester).not.toHaveProperty('fhirUser');
      expect(requester).not.toHaveProperty('patient');
      expect(requester.identities).toEqual([`${issuerUrl}|someone`, `${issuerUrl}|client`]);
    },
  );

  it.each([
    ['ada', 'ada'],
    ['Patient/ada', 'ada'],
    [`${base}/Patient/ada`, 'ada'],
    ['Practitioner/ada', undefined],
    ['https://elsewhere.example/fhir/Patient/ada', undefined],
    ['a b', undefined],
    ['', undefined],
    [7, undefined],
    [['ada'], undefined],
    [{ reference: 'Patient/ada' }, undefined],
  ])('has the patient in context that the token names: %j', (stated, expected) => {
    expect(identified({ patient: stated }).patient).toBe(expected);
  });

  it.each(['123456789', '12345678901', '123456789x', 'urn:oid:1.2.3#1234567890', '', 1_234_567_890])(
    'has no provider identifier of another form: %j',
    (npi) => {
      expect(identified({ npi }).identities).toHaveLength(2);
    },
  );

  it('is a person in an app when there is a subject beside the client and more than system scopes', () => {
    const kind = (claims: string) => identified(claims).clientKind;
    expect(kind('{"scope":"user/*.rs"}')).toBe('app');
    expect(kind('{"scope":"user/*.rs system/*.rs"}')).toBe('app');
    expect(kind('{"scope":"system/*.rs"}')).toBe('system');
    expect(kind('{"scope":"user/*.rs","sub":"client"}')).toBe('system');
    expect(identified('{"sub":"client"}').identities).toEqual([`${issuerUrl}|client`]);
  });

  it('without subject or token id of a text has none', () => {
    expect(identified('{"sub":7,"jti":{"a":1},"scope":"user/*.rs"}')).toMatchObject({
      subject: '',
      clientKind: 'system',
    });
    expect(identified('{"jti":{"a":1}}').tokenId).not.toContain('object');
  });
});

it('claims of any shape throw nothing and give no role that no claim names', () => {
  const names = [
    'roles',
    'purpose_of_use',
    'organization',
    'fhirUser',
    'patient',
    'npi',
    'scope',
    'scp',
    'extensions',
    'realm_access',
    'resource_access',
    'groups',
    'amr',
    'acr',
    'azp',
    'name',
    'auth_time',
  ];
  const claims = fc.dictionary(fc.constantFrom(...names), fc.jsonValue({ maxDepth: 4 }), { maxKeys: 6 });
  fc.assert(
    fc.property(claims, (given) => {
      const requester = identified(given, {
        presets: ['plain', 'hl7-b2b', 'ihe-iua', 'keycloak'],
        roles: { 'only this': 'steward' },
      });
      expect(requester.roles).toEqual([]);
      expect(requester.purposes.every(({ assigned }) => !assigned)).toBe(true);
    }),
    { numRuns: 1_000 },
  );
});
