import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { get } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { GatewayError } from '../../src/errors/errors.ts';
import type { PatientKey } from '../../src/fhir/ids.ts';
import type { Asked, Service, ServiceAnswer } from '../../src/services/service.ts';
import { startKeyServer } from '../authenticate/place.ts';
import { claimsOf, es256, jws, pairFor, publicJwk } from '../authenticate/sign.ts';
import { authority } from '../support/certificates.ts';
import { detailsOf, type Place, patientsOf, referencesOf, startDoor, startGateway } from './place.ts';

const told: ServiceAnswer = {
  status: 200,
  contentType: 'application/json',
  body: '{"told":"é"}',
  disclosed: {
    patients: [
      { patient: 'Patient/ada' as PatientKey, consents: ['Consent/one/_history/3'] },
      { patient: 'Patient/ben' as PatientKey, consents: [] },
    ],
    judged: [],
    released: [],
    withheld: [],
    details: [['asked', 'what']],
  },
};
const asked: Asked[] = [];
const say = (name: string, path: string, more: Partial<Service> = {}): Service => ({
  name,
  method: 'POST',
  path,
  answer: async (one) => {
    asked.push(one);
    return told;
  },
  ...more,
});

describe('the services listener', () => {
  let place: Place;
  beforeAll(async () => {
    place = await startDoor(
      [
        say('say', '/say'),
        say('look', '/of/{patient}/look', { method: 'GET', asksOwn: isOwn }),
        say('plain', '/plain', { refusals: 'text' }),
        say('fails', '/fails', { answer: () => Promise.reject(new TypeError('PLANTED')) }),
        say('picky', '/picky', { answer: () => Promise.reject(new GatewayError('service-body-invalid')) }),
      ],
      {
        services: {
          publicBaseUrl: 'http://services.example/base',
          port: 0,
          grants: { say: ['clinician'] },
          maximumBodyBytes: 4_096,
        },
        documents: [{ path: '/.well-known/thing', contentType: 'application/json', body: '{"open":true}' }],
      },
    );
  });
  afterAll(() => place.close());

  it('hands on who asks, the parameters and the body, and answers what the service says', async () => {
    asked.length = 0;
    const answer = await place.ask('/say?a=1', { as: 'dr-grey', body: { deep: [1.5, 'x'] } });
    expect([answer.status, answer.text, answer.headers.get('content-type')]).toEqual([
      200,
      told.body,
      'application/json',
    ]);
    expect(answer.headers.get('content-length')).toBe(String(Buffer.byteLength(told.body)));
    expect(asked[0]?.context.requester).toMatchObject({ subject: 'dr-grey', roles: ['clinician'] });
    expect([asked[0]?.query, asked[0]?.body]).toEqual([[['a', '1']], { deep: [1.5, 'x'] }]);
    await place.ask('/of/ben/look', { as: 'steward' });
    expect(asked[1]?.parameters).toEqual({ patient: 'ben' });
  });

  it('has an event for each patient the answer is about, with her own Consents and no other’s', async () => {
    const { events } = await place.eventsOf(() => place.ask('/say', { as: 'dr-grey', body: {} }));
    expect(events.map(patientsOf)).toEqual([['Patient/ada'], ['Patient/ben']]);
    expect(events.map((one) => referencesOf(one, 'Consent/'))).toEqual([['Consent/one/_history/3'], []]);
    for (const one of events) {
      expect(one.streams).toEqual(['primary']);
      expect(detailsOf(one)).toEqual(expect.arrayContaining(['service=say', 'asked=what', 'status=200']));
      expect(one.event.agent.find(({ requestor }) => requestor)?.who?.identifier?.value).toBe('dr-grey');
      const query = one.event.entity?.find((entity) => entity.query !== undefined)?.query ?? '';
      expect(Buffer.from(query, 'base64').toString()).toMatch(/^POST http:\/\/services\.example\/base\/say/);
      expect(one.event.subtype).toEqual([expect.objectContaining({ code: 'operation' })]);
    }
  });

  it('is asked by the granted roles alone; without a grant, by those who are cleared for everything', async () => {
    const statuses = async (path: string, body?: object) =>
      Promise.all(
        ['dr-grey', 'biller', 'ada', 'harbor', 'steward'].map(
          async (as) => (await place.ask(path, { as, ...(body && { body }) })).status,
        ),
      );
    expect(await statuses('/say', {})).toEqual([200, 403, 403, 403, 403]);
    expect(await statuses('/plain', {})).toEqual([403, 403, 403, 403, 200]);
  });

  it('lets the patient ask about herself where the service says so, and about nobody else', async () => {
    expect((await place.ask('/of/ada/look', { as: 'ada' })).status).toBe(200);
    expect((await place.ask('/of/ben/look', { as: 'ada' })).status).toBe(403);
    expect((await place.ask('/of/ada/look', { as: 'dr-grey' })).status).toBe(403);
  });

  it('records a refusal with who was refused, and says so without a word of data', async () => {
    const { result, events } = await place.notedOf(() => place.ask('/of/ben/look', { as: 'ada' }));
    expect(JSON.parse(result.text)).toMatchObject({ resourceType: 'OperationOutcome', issue: [{ code: 'forbidden' }] });
    expect(events.map(({ event }) => [event.outcome, event.outcomeDesc])).toEqual([['4', 'service-not-granted']]);
    expect(result.text).not.toContain('ben');
  });

  it.each([
    ['nobody’s path', '/nowhere', {}, 404],
    ['a path below a service', '/say/more', { body: {} }, 404],
    ['another method', '/say', {}, 405],
    ['PUT', '/say', { method: 'PUT', body: {} }, 405],
    ['no token', '/say', { body: {} }, 401],
    ['no token at all for a wrong body', '/say', { body: '{' }, 401],
    ['a document with a query', '/../.well-known/thing?x=1', {}, 404],
  ] as const)('%s', async (_name, path, options, status) => {
    expect((await place.ask(path, options)).status).toBe(status);
  });

  it.each([
    ['no JSON', '{'],
    ['a name twice', '{"a":1,"a":2}'],
    ['a poisonous name', '{"__proto__":{}}'],
    ['two values', '{} {}'],
    ['nothing', ''],
    ['not UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['nested too deeply', `${'['.repeat(33)}${']'.repeat(33)}`],
  ])('refuses a body that is %s by one constant answer', async (_name, body) => {
    const answer = await place.ask('/say', { as: 'dr-grey', body, method: 'POST' });
    const usual = await place.ask('/picky', { as: 'steward', body: {} });
    expect([answer.status, answer.text]).toEqual([400, usual.text]);
  });

  it.each([
    ['another media type', { 'content-type': 'text/plain' }, 415],
    ['another charset', { 'content-type': 'application/json; charset=latin1' }, 415],
    ['a content encoding', { 'content-encoding': 'gzip' }, 415],
    ['its charset', { 'content-type': 'application/json; charset=UTF-8' }, 200],
  ])('reads the media type strictly: %s', async (_name, headers, status) => {
    expect((await place.ask('/say', { as: 'dr-grey', body: {}, headers })).status).toBe(status);
  });

  it('reads no larger body than configured, announced or not', async () => {
    const body = JSON.stringify({ long: 'x'.repeat(5_000) });
    expect((await place.ask('/say', { as: 'dr-grey', body })).status).toBe(413);
    const chunked = await fetch(`${place.servicesUrl}/say`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${await place.identity.tokenFor('dr-grey')}`,
        'content-type': 'application/json',
      },
      body: new Blob([body]).stream(),
      duplex: 'half',
    } as RequestInit);
    expect(chunked.status).toBe(413);
  });

  it.each([
    ['nobody', async () => undefined, 401],
    ['somebody who is granted nothing', () => place.identity.tokenFor('harbor'), 403],
  ])('waits for no body of %s', async (_who, token, status) => {
    const bearer = await token();
    const { hostname, port, pathname } = new URL(`${place.servicesUrl}/say`);
    const socket = connect(Number(port), hostname);
    socket.on('error', () => undefined);
    const heard = new Promise<string>((resolve) => socket.once('data', (bytes) => resolve(bytes.toString())));
    socket.write(
      `POST ${pathname} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n${
        bearer === undefined ? '' : `Authorization: Bearer ${bearer}\r\n`
      }\r\n`,
    );
    expect(await heard).toMatch(new RegExp(`^HTTP/1.1 ${status} `)); // and not that it was too slow
    socket.destroy();
  });

  it('gives a failure away to nobody', async () => {
    const { result, events } = await place.notedOf(() => place.ask('/fails', { as: 'steward', body: {} }));
    expect(result.status).toBe(500);
    expect(result.text).not.toContain('PLANTED');
    expect(events.map(({ event }) => event.outcomeDesc)).toEqual(['internal']);
  });

  it('says no in plain text where the protocol of the service does', async () => {
    const answer = await place.ask('/plain', { as: 'biller', body: {} });
    expect([answer.status, answer.headers.get('content-type'), answer.text]).toEqual([
      403,
      'text/plain; charset=utf-8',
      'This service is not granted to the roles of the caller.',
    ]);
  });

  it('keeps every answer out of caches and frames, and names the request as its sender did', async () => {
    for (const [path, options] of [
      ['/say', { as: 'dr-grey', body: {} }],
      ['/say', { body: {} }],
      ['/nowhere', {}],
    ] as const) {
      const { headers } = await place.ask(path, { ...options, headers: { 'x-request-id': 'mine 17' } });
      expect([headers.get('cache-control'), headers.get('x-content-type-options')]).toEqual([
        'private, no-store',
        'nosniff',
      ]);
      expect(headers.get('x-request-id')).toBe('mine 17');
    }
    expect(
      (await place.ask('/say', { as: 'dr-grey', body: {}, headers: { 'x-request-id': 'x'.repeat(300) } })).status,
    ).toBe(400);
    expect((await place.ask('/say', { as: 'dr-grey', body: {} })).headers.get('x-request-id')).toMatch(
      /^[0-9a-f]{24}$/,
    );
  });

  it('tells an open document to everybody, and records no disclosure of it', async () => {
    const { result, events } = await place.eventsOf(() =>
      place.ask(new URL('/.well-known/thing', place.servicesUrl).href),
    );
    expect([result.status, result.text]).toEqual([200, '{"open":true}']);
    expect(events).toEqual([]);
  });
});

describe('without a record', () => {
  it('nothing leaves', async () => {
    const place = await startDoor([say('say', '/say')], {
      recorder: { record: () => Promise.reject(new GatewayError('record-unavailable')) },
    });
    const answer = await place.ask('/say', { as: 'steward', body: {} });
    expect(answer.status).toBe(503);
    expect(answer.text).not.toContain('told');
    await place.close();
  });
});

describe('Consents that change while a service answers', () => {
  it('have it asked anew, and nothing leaves that rests on what is gone', async () => {
    let answered = 0;
    const changing = (until: number) =>
      say('say', '/say', {
        answer: async () => {
          const now = ++answered;
          return { ...told, body: `{"answer":${now}}`, stillInForce: async () => now >= until };
        },
      });
    const soon = await startDoor([changing(2)]);
    const { status, text } = await soon.ask('/say', { as: 'steward', body: {} });
    expect([status, text]).toEqual([200, '{"answer":2}']);
    await soon.close();
    answered = 0;
    const never = await startDoor([changing(99)]);
    const { result, events } = await never.eventsOf(() => never.ask('/say', { as: 'steward', body: {} }));
    expect([result.status, answered]).toEqual([503, 3]);
    expect(result.text).toContain('consent-unavailable');
    expect(events).toEqual([]);
    await never.close();
  });

  it('have it asked anew when that shows after the record: the record says that nothing was sent, and nothing is done', async () => {
    let looks = 0;
    let done = 0;
    const changing = say('say', '/say', {
      answer: async () => ({
        ...told,
        stillInForce: async () => ++looks !== 2, // before the first record, and after it no more
        carriedOut: async () => void done++,
      }),
    });
    const place = await startDoor([changing]);
    const { result, events } = await place.eventsOf(() => place.ask('/say', { as: 'steward', body: {} }));
    expect([result.status, looks, done]).toEqual([200, 4, 1]);
    const endings = new Map(
      events.map((one) => [one.sequence, detailsOf(one).filter((text) => /^(delivery|bytes)/.test(text))]),
    );
    expect(endings.size).toBe(2);
    expect([...endings.values()][0]).toEqual(['delivery=aborted', 'bytes-sent=0']);
    await place.close();
  });
});

describe('tokens', () => {
  it('that are expired, forged, for somewhere else or of nobody known are refused alike', async () => {
    const [pair, other] = await Promise.all([pairFor('ES256'), pairFor('ES256')]);
    const issuer = await startKeyServer([await publicJwk(pair, { kid: 'ec', alg: 'ES256' })]);
    const place = await startDoor([say('say', '/say')], {
      services: { grants: { say: ['clinician'] } },
      changes: {
        identity: { issuers: [{ issuer: issuer.url, allowInsecureHttp: true, roles: { clinician: 'clinician' } }] },
      },
    });
    const good = claimsOf(issuer.url, place.config.listener.publicBaseUrl);
    const signed = (changes: object, by = pair, header: object = {}) =>
      jws({ alg: 'ES256', kid: 'ec', typ: 'at+jwt', ...header }, { ...good, ...changes }, es256(by));
    const now = Math.floor(Date.now() / 1000);
    const ask = async (token: string) => {
      const { status, text, headers } = await place.ask('/say', { token, body: {} });
      return [status, text, headers.get('www-authenticate')];
    };
    expect((await ask(signed({})))[0]).toBe(200);
    const refused = await Promise.all(
      [
        signed({ iat: now - 900, exp: now - 600 }),
        signed({ aud: 'https://elsewhere.example' }),
        signed({ iss: 'https://elsewhere.example' }),
        signed({}, other),
        signed({}, pair, { typ: 'JWT' }),
        `${jws({ alg: 'none' }, good, () => Buffer.alloc(0))}`,
      ].map(ask),
    );
    expect(new Set(refused.map((one) => JSON.stringify(one))).size).toBe(1);
    expect(refused[0]?.[0]).toBe(401);
    await place.close();
    await issuer.close();
  });
});

describe('the services’ own audience', () => {
  it('leaves tokens for the FHIR API outside', async () => {
    const place = await startDoor([say('say', '/say')], { services: { audiences: ['urn:services'] } });
    expect((await place.ask('/say', { as: 'steward', body: {} })).status).toBe(401);
    await place.close();
  });
});

describe('limits', () => {
  it('are those of FHIR requests: a caller has so many a minute', async () => {
    const place = await startDoor([say('say', '/say')], { changes: { limits: { app: { requestsPerMinute: 2 } } } });
    const statuses = [];
    for (let i = 0; i < 3; i++) statuses.push((await place.ask('/say', { as: 'steward', body: {} })).status);
    expect(statuses).toEqual([200, 200, 429]);
    await place.close();
  });
});

function isOwn({ context, parameters }: Omit<Asked, 'body'>): boolean {
  return context.self === `Patient/${parameters.patient}`;
}

describe('the whole gateway', () => {
  it('opens the listener where it is configured, beside the other two', async () => {
    const place = await startGateway();
    expect(place.servicesUrl).toBe(place.config.services?.publicBaseUrl);
    expect((await place.ask('/nowhere', { as: 'steward' })).status).toBe(404);
    expect((await place.ask(`${place.fhirUrl}/Patient/ada`, { as: 'steward' })).status).toBe(200);
    expect((await place.ask('/Patient/ada', { as: 'steward' })).status).toBe(404);
    await place.close();
  });

  it('speaks TLS where it has a certificate, and tells to use TLS alone', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'services-tls-'));
    const servers = authority('authority of servers');
    const own = servers.issue('127.0.0.1');
    const [certificateFile, keyFile] = [join(folder, 'tls.crt'), join(folder, 'tls.key')];
    writeFileSync(certificateFile, own.cert);
    writeFileSync(keyFile, own.key);
    const place = await startGateway({ services: { tls: { certificateFile, keyFile } } });
    expect(place.servicesUrl).toMatch(/^https:/);
    const headers = await new Promise<IncomingHttpHeaders>((resolve, reject) => {
      const options = { ca: servers.cert, checkServerIdentity: () => undefined };
      get(`${place.servicesUrl}/cds-services`, options, (response) => {
        response.resume().on('end', () => resolve(response.headers));
      }).on('error', reject);
    });
    expect(headers['strict-transport-security']).toMatch(/^max-age=31536000/);
    await expect(fetch(`${place.servicesUrl.replace('https', 'http')}/cds-services`)).rejects.toThrow();
    await place.close();
    rmSync(folder, { recursive: true });
  });

  it('does not start with subjects of an issuer that it does not trust', async () => {
    const authzen = () => ({ subjects: { user: { issuer: 'https://elsewhere.example', kind: 'person' as const } } });
    await expect(startGateway({ authzen })).rejects.toThrow('https://elsewhere.example is no configured issuer');
  });

  it('does not start with a grant for what is no service', async () => {
    await expect(startGateway({ services: { grants: { 'no-such-service': ['steward'] } } })).rejects.toThrow(
      'there is no service no-such-service',
    );
  });
});
