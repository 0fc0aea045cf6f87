import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { consentConfig } from '../../src/config/consent.ts';
import { upstreamConfig } from '../../src/config/upstream.ts';
import { type CollectiveParts, createCollectives } from '../../src/consent/collectives.ts';
import { type ParseOptions, parseConsent } from '../../src/consent/parse.ts';
import type { ParsedConsent } from '../../src/consent/parsed.ts';
import { timeReader } from '../../src/fhir/dates.ts';
import type { PatientKey } from '../../src/fhir/ids.ts';
import { createUpstream, type Upstream } from '../../src/upstream/upstream.ts';

const time = timeReader('UTC');
const options: ParseOptions = {
  fhirVersion: 'R4',
  time,
  localBases: [],
  harmlessExtensions: [],
  part2PolicyUris: [],
};

function consentNaming(...references: string[]): ParsedConsent {
  const parsed = parseConsent(
    {
      resourceType: 'Consent',
      id: 'c',
      status: 'active',
      patient: { reference: 'Patient/p' },
      scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }] },
      provision: {
        type: 'permit',
        provision: [
          {
            type: 'deny',
            actor: references.map((reference) => ({
              role: {
                coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType', code: 'IRCP' }],
              },
              reference: { reference },
            })),
          },
        ],
      },
    },
    options,
  );
  if (!parsed.readable) throw new Error('not readable');
  return parsed;
}

const patient = 'Patient/p' as PatientKey;
const errand = { authorization: undefined, signal: undefined };

/** A FHIR server that notes what it is asked and has the Group `here`. */
class Store {
  readonly asked: string[] = [];
  answer: 'found' | 'refused' | 'broken' = 'found';
  readonly #server: Server;
  upstream: Upstream | undefined;

  constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => void chunks.push(chunk));
      request.on('end', () => {
        const [type = ''] = (request.url ?? '').slice(1).split(/[/?]/);
        const query = `${request.url ?? ''}${Buffer.concat(chunks).toString()}`;
        this.asked.push(type);
        if (this.answer !== 'found') return void response.writeHead(this.answer === 'refused' ? 400 : 503).end();
        const here = { resourceType: 'Group', id: 'here', actual: true, type: 'practitioner', member: [] };
        const entry = type === 'Group' && /\bhere\b/.test(decodeURIComponent(query)) ? [{ resource: here }] : [];
        response.writeHead(200, { 'content-type': 'application/fhir+json' });
        response.end(JSON.stringify({ resourceType: 'Bundle', type: 'searchset', entry }));
      });
    });
  }

  async open(now: () => number): Promise<CollectiveParts> {
    await new Promise<void>((resolve) => void this.#server.listen(0, '127.0.0.1', resolve));
    const baseUrl = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    this.upstream = createUpstream(upstreamConfig.parse({ baseUrl }), { now, authorization: () => undefined });
    return { upstream: this.upstream, now, localBases: [], time };
  }

  async close(): Promise<void> {
    await this.upstream?.close();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

describe('groups, care teams and roles that Consents name', () => {
  let store = new Store();
  let now = Date.parse('2026-11-26T12:00:00Z');
  const open = async (changes: object = {}) =>
    createCollectives(consentConfig.parse(changes), await store.open(() => now));
  const named = (...references: string[]) =>
    new Map([[patient, references.length === 0 ? [] : [consentNaming(...references)]]]);
  const one = ['CareTeam', 'Group', 'PractitionerRole'];

  afterEach(async () => {
    await store.close();
    store = new Store();
  });

  it('are looked up alike whether Consents name any, many or none', async () => {
    const collectives = await open({ maximumAgeMs: 0 });
    for (const consents of [named(), named('Group/here'), named('Group/here', 'CareTeam/a', 'CareTeam/b')]) {
      store.asked.length = 0;
      await collectives.of(consents, errand);
      expect(store.asked.toSorted()).toEqual(one);
    }
    store.asked.length = 0;
    await collectives.ofNobody(errand);
    expect(store.asked.toSorted()).toEqual(one);
  });

  it('are found or missing', async () => {
    const collectives = await open();
    const found = await collectives.of(named('Group/here', 'Group/gone', 'CareTeam/gone'), errand);
    expect([...found]).toEqual([['Group/here', { kind: 'listed', members: [] }]]);
  });

  it('are asked for again when the bound has passed, when a Consent names another, and not before', async () => {
    const collectives = await open({ maximumAgeMs: 30_000 });
    const asks = async (...references: string[]): Promise<number> => {
      const before = store.asked.length;
      await collectives.of(named(...references), errand);
      return store.asked.length - before;
    };
    expect(await asks('Group/here')).toBe(3);
    expect(await asks('Group/here')).toBe(0);
    expect(await asks('Group/here', 'Group/gone')).toBe(3);
    now += 30_000;
    expect(await asks('Group/here')).toBe(3);
    now -= 60_000; // the clock was set back
    expect(await asks('Group/here')).toBe(3);
  });

  it('of a server that knows no such type are missing; of one that is away nothing is decided, and nothing kept', async () => {
    const collectives = await open();
    store.answer = 'refused';
    expect((await collectives.of(named('Group/here'), errand)).size).toBe(0);
    now += 30_000;
    store.answer = 'broken';
    await expect(collectives.of(named('Group/here'), errand)).rejects.toMatchObject({ code: 'consent-unavailable' });
    await expect(collectives.ofNobody(errand)).rejects.toMatchObject({ code: 'consent-unavailable' });
    store.answer = 'found';
    expect((await collectives.of(named('Group/here'), errand)).size).toBe(1);
  });

  it('are bounded: of thousands named the first are looked up, the others are not known', async () => {
    const collectives = await open();
    const many = Array.from({ length: 5_000 }, (_, index) => `Group/g${index}`);
    await collectives.of(named(...many), errand);
    expect(store.asked.length).toBeLessThanOrEqual(6);
  });

  it('are not read where memberships are not', async () => {
    const collectives = await open({ memberships: false });
    expect((await collectives.of(named('Group/here'), errand)).size).toBe(0);
    expect(store.asked).toEqual([]);
  });
});
