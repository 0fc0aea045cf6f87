import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type EmbeddedServer, startEmbeddedServer } from '../../examples/demo/embedded-server.ts';
import type { Requester } from '../../src/authenticate/requester.ts';
import { consentConfig } from '../../src/config/consent.ts';
import { upstreamConfig } from '../../src/config/upstream.ts';
import { createMemberships, type RequesterNames } from '../../src/consent/memberships.ts';
import { timeReader } from '../../src/fhir/dates.ts';
import { createUpstream, type Upstream } from '../../src/upstream/upstream.ts';

const npi = 'http://hl7.org/fhir/sid/us-npi';
const resources = [
  {
    resourceType: 'Practitioner',
    id: 'grey',
    identifier: [
      { system: npi, value: '1' },
      { use: 'old', system: npi, value: '2' },
    ],
  },
  { resourceType: 'PractitionerRole', id: 'surgeon', active: true, practitioner: { reference: 'Practitioner/grey' } },
  {
    resourceType: 'PractitionerRole',
    id: 'elsewhere',
    practitioner: { reference: 'Practitioner/grey' },
    organization: { reference: 'Organization/other' },
  },
  { resourceType: 'PractitionerRole', id: 'former', active: false, practitioner: { reference: 'Practitioner/grey' } },
  { resourceType: 'Organization', id: 'ward', partOf: { reference: 'Organization/hospital' } },
  {
    resourceType: 'Organization',
    id: 'hospital',
    identifier: [{ system: npi, value: '9' }],
    partOf: { reference: 'Organization/network' },
  },
  { resourceType: 'Organization', id: 'network', partOf: { reference: 'Organization/ward' } },
  { resourceType: 'Organization', id: 'other' },
  {
    resourceType: 'CareTeam',
    id: 'team',
    status: 'active',
    participant: [{ member: { reference: 'Practitioner/grey' } }],
  },
  {
    resourceType: 'CareTeam',
    id: 'dissolved',
    status: 'inactive',
    participant: [{ member: { reference: 'Practitioner/grey' } }],
  },
  { resourceType: 'CareTeam', id: 'of-ward', participant: [{ member: { reference: 'Organization/hospital' } }] },
  {
    resourceType: 'Group',
    id: 'left',
    type: 'practitioner',
    actual: true,
    member: [{ entity: { reference: 'Practitioner/grey' }, period: { end: '2020-01-01' } }],
  },
  {
    resourceType: 'Group',
    id: 'members',
    type: 'practitioner',
    actual: true,
    member: [{ entity: { reference: 'Practitioner/grey' } }],
  },
];

const requester = (fhirUser: string | undefined, organizations: readonly string[]): Requester => ({
  issuer: 'https://issuer.example',
  subject: 'someone',
  clientId: 'client',
  tokenId: '1',
  tokenHash: '1',
  expiresAt: 0,
  clientKind: 'app',
  scopes: [],
  ...(fhirUser === undefined ? {} : { fhirUser }),
  identities: [...(fhirUser === undefined ? [] : [fhirUser]), 'https://issuer.example|someone'],
  organizations,
  roles: [],
  roleCodes: [],
  purposes: [],
  amr: [],
});

describe('what the FHIR server says of who asks', () => {
  let server: EmbeddedServer;
  let upstream: Upstream;
  let now = Date.parse('2026-11-25T12:00:00Z');
  let steady = 0;
  const errand = { authorization: undefined, signal: undefined };
  const memberships = (to: Upstream, changes: object = {}) =>
    createMemberships(consentConfig.parse(changes), {
      upstream: to,
      clock: { now: () => now, steady: () => steady },
      localBases: [],
      time: timeReader('UTC'),
    });
  const upstreamAt = (baseUrl: string) =>
    createUpstream(upstreamConfig.parse({ baseUrl, paging: 'offset' }), {
      now: () => now,
      authorization: () => undefined,
    });

  beforeAll(async () => {
    server = await startEmbeddedServer({ resources: resources.map((one) => JSON.stringify(one)) });
    upstream = upstreamAt(server.url);
  });

  afterAll(async () => {
    await upstream.close();
    await server.close();
  });

  const grey: RequesterNames = {
    identities: [
      'CareTeam/of-ward',
      'CareTeam/team',
      'Group/members',
      'Practitioner/grey',
      'PractitionerRole/surgeon',
      `${npi}|1`,
      'https://issuer.example|someone',
    ].sort(),
    organizations: ['Organization/hospital', 'Organization/network', 'Organization/ward', `${npi}|9`].sort(),
    elsewhere: ['Organization/other', 'PractitionerRole/elsewhere'],
    roles: [],
  };

  it('he is who his resource says: current identifiers, roles held here, teams and groups of today, organizations above', async () => {
    expect(await memberships(upstream).of(requester('Practitioner/grey', ['Organization/ward']), errand)).toEqual(grey);
  });

  it('behind a role stands a practitioner', async () => {
    const names = await memberships(upstream).of(requester('PractitionerRole/surgeon', ['Organization/ward']), errand);
    expect(names.identities).toEqual(grey.identities);
    const former = await memberships(upstream).of(requester('PractitionerRole/former', []), errand);
    expect(former.identities).not.toContain('Practitioner/grey');
  });

  it('never downwards: who acts for the network does not act for the hospital', async () => {
    const { organizations } = await memberships(upstream).of(requester(undefined, ['Organization/other']), errand);
    expect(organizations).toEqual(['Organization/other']);
  });

  it('who is not in the store is who his token says', async () => {
    const stranger = requester('https://elsewhere.example/Practitioner/1', ['urn:oid:1.2.3']);
    expect(await memberships(upstream).of(stranger, errand)).toEqual({
      identities: [...stranger.identities].sort(),
      organizations: ['urn:oid:1.2.3'],
      elsewhere: [],
      roles: [],
    });
  });

  it('is read again once the bound has passed, and not at all when that is configured', async () => {
    const bounded = memberships(upstream, { maximumAgeMs: 30_000 });
    const who = requester('Practitioner/late', []);
    expect((await bounded.of(who, errand)).identities).not.toContain(`${npi}|77`);
    const late = { resourceType: 'Practitioner', id: 'late', identifier: [{ system: npi, value: '77' }] };
    const headers = { 'content-type': 'application/fhir+json' };
    await fetch(`${server.url}/Practitioner/late`, { method: 'PUT', headers, body: JSON.stringify(late) });
    expect((await bounded.of(who, errand)).identities).not.toContain(`${npi}|77`);
    now += 30_000;
    expect((await bounded.of(who, errand)).identities).toContain(`${npi}|77`);
    await fetch(`${server.url}/Practitioner/late`, { method: 'DELETE' });
    steady += 30_000; // so much later ...
    now -= 15_000; // ... by a clock that was set back meanwhile
    expect((await bounded.of(who, errand)).identities).not.toContain(`${npi}|77`);
    now += 15_000;
    expect((await memberships(upstream, { memberships: false }).of(who, errand)).identities).toEqual(who.identities);
  });

  it('a search that the server refuses names nobody; a server that is away fails the request', async () => {
    const picky: Server = createServer((_request, response) => void response.writeHead(400).end()).listen(
      0,
      '127.0.0.1',
    );
    await new Promise((resolve) => picky.once('listening', resolve));
    const base = `http://127.0.0.1:${(picky.address() as AddressInfo).port}`;
    const refusing = upstreamAt(base);
    const who = requester('Practitioner/grey', ['Organization/ward']);
    expect((await memberships(refusing).of(who, errand)).organizations).toEqual(['Organization/ward']);
    await new Promise((resolve) => picky.close(resolve));
    picky.closeAllConnections();
    await expect(memberships(refusing).of(who, errand)).rejects.toMatchObject({ code: 'consent-unavailable' });
    await refusing.close();
  });
});
