import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Gateway, serve } from '../../src/serve.ts';
import { type Answer, answering, ask, type Bench, type Call, merged, startBench } from '../failure/bench.ts';

/** A store of Consents that says what is not so: nothing is released by it that the truth would not release. */

type Json = Record<string, unknown>;
let bench: Bench;
let gateway: Gateway;
/** What Ada allowed to Harbor, in writing. */
let permit: Json;
/** Somebody else's server, which is to hear of nothing. */
const elsewhere = createServer((request, response) => {
  heard.push(request);
  response.end('{}');
});
const heard: IncomingMessage[] = [];

beforeAll(async () => {
  bench = await startBench();
  gateway = await serve(
    merged(bench.config, {
      listener: { port: 0 },
      consent: { maximumAgeMs: 0 },
      upstream: { paging: 'links' },
      audit: { outboxFile: `${bench.folder}/outbox-lying.db` },
    }),
  );
  permit = (await (await fetch(`${bench.relay.url}/Consent/ada-consent-part2`)).json()) as Json;
  await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
}, 60_000);
afterAll(async () => {
  await gateway.close();
  await bench.close();
  elsewhere.close();
});

const screen = 'Observation/ada-drug-screen';
const read = (who: string, path = screen): Promise<Answer> => ask(`${gateway.url}/${path}`, bench.tokens.get(who));

async function whileStoreSays(pages: (call: Call) => Json, look: () => Promise<void>): Promise<void> {
  bench.relay.fault = (call) =>
    call.type === 'Consent'
      ? ({ response }) =>
          void response
            .writeHead(200, { 'content-type': 'application/fhir+json' })
            .end(JSON.stringify({ resourceType: 'Bundle', type: 'searchset', ...pages(call) }))
      : undefined;
  try {
    await look();
  } finally {
    bench.relay.fault = () => undefined;
  }
}
const entries = (...resources: readonly Json[]): Json => ({
  entry: resources.map((resource) => ({ resource, search: { mode: 'match' } })),
});
const next = (url: string): Json => ({ link: [{ relation: 'next', url }] });
const isNextPage = ({ method }: Call): boolean => method === 'GET';

describe('a store of Consents that answers', () => {
  it('with what is so, lets Harbor read', async () => {
    expect((await read('harbor')).status).toBe(200);
    await whileStoreSays(
      () => entries(permit),
      async () => expect((await read('harbor')).status).toBe(200),
    );
  });

  it.each<[string, () => Json]>([
    ['another patient’s permit', () => ({ ...permit, patient: { reference: 'Patient/ben' } })],
    [
      'a permit of a patient on another server',
      () => ({ ...permit, patient: { reference: 'https://other.example/fhir/Patient/ada' } }),
    ],
    ['a permit of nobody', () => ({ ...permit, patient: undefined })],
    ['a permit of her and another id in one', () => ({ ...permit, patient: { reference: 'Patient/ada/../ben' } })],
    ['a revoked version', () => ({ ...permit, status: 'inactive' })],
  ])('with %s, lets nobody read by it', async (_what, consent) => {
    await whileStoreSays(
      () => entries(JSON.parse(JSON.stringify(consent())) as Json),
      async () => {
        const [about, absent] = [await read('harbor'), await read('harbor', 'Observation/nvr-1')];
        expect(about.status).toBe(404);
        expect(about.body).toBe(absent.body);
      },
    );
  });

  it('with a denial beside the permit under the same id, lets nobody read', async () => {
    const denial = { ...permit, provision: { type: 'deny' }, meta: { versionId: '0' } };
    for (const both of [
      [permit, denial],
      [denial, permit],
    ])
      await whileStoreSays(
        () => entries(...both),
        async () => expect((await read('harbor')).status).not.toBe(200),
      );
  });

  it.each([0, 1, 1_000_000, -1, 'many'])('with a total of %s, is read as far as its pages go', async (total) => {
    await whileStoreSays(
      () => ({ ...entries(permit), total }),
      async () => expect((await read('harbor')).status).toBe(200),
    );
  });

  it('with a next link to another host, is asked itself, and nobody else', async () => {
    const there = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/fhir/Consent?page=2`;
    const denial = { ...permit, id: 'on-the-second-page', provision: { type: 'deny' } };
    await whileStoreSays(
      (call) => (isNextPage(call) ? entries(denial) : { ...entries(permit), ...next(there) }),
      async () => expect((await read('harbor')).status).toBe(404),
    );
    expect(heard).toEqual([]);
  });

  it.each([
    'http://127.0.0.1/admin',
    '/admin',
    '../admin',
    '%2e%2e/admin',
    'file:///etc/passwd',
    'javascript:1',
    'http://[',
    '',
  ])('with a next link to %s, releases nothing', async (url) => {
    const before = bench.relay.calls.length;
    await whileStoreSays(
      () => ({ ...entries(permit), ...next(url) }),
      async () => expect((await read('harbor')).status).toBeGreaterThanOrEqual(500),
    );
    expect(
      bench.relay.calls
        .slice(before)
        .map(({ target }) => target)
        .filter((target) => !/^\/fhir(?:[/?]|$)/.test(target)),
    ).toEqual([]);
  });

  it('with pages that lead in a circle, releases nothing', async () => {
    await whileStoreSays(
      () => ({ ...entries(permit), ...next(`${bench.relay.url}/Consent?page=2`) }),
      async () => expect((await read('harbor')).status).toBeGreaterThanOrEqual(500),
    );
  });
});

describe('a FHIR server that says two things of a Group under one id', () => {
  const group = (...members: readonly string[]): Json => ({
    resourceType: 'Group',
    id: 'readers',
    type: 'practitioner',
    actual: true,
    member: members.map((reference) => ({ entity: { reference } })),
  });
  const [lists, doesNot] = [group('Organization/harbor-clinic'), group('Organization/summit-clinic')];
  it.each([
    ['lists Harbor twice', [lists, lists], 200],
    ['lists it nowhere', [doesNot], 404],
    ['lists it, and does not', [lists, doesNot], 503],
    ['does not list it, and does', [doesNot, lists], 503],
  ] as const)('that a permit names and that %s', async (_what, groups, status) => {
    const toGroup = { ...permit, id: 'to-group', provision: toReaders() };
    const answers = new Map<string, readonly Json[]>([
      ['Consent', [toGroup]],
      ['Group', groups],
    ]);
    bench.relay.fault = ({ type }) => {
      const said = answers.get(type);
      return said && answering(JSON.stringify({ resourceType: 'Bundle', type: 'searchset', ...entries(...said) }));
    };
    try {
      expect((await read('harbor')).status).toBe(status);
    } finally {
      bench.relay.fault = () => undefined;
    }
  });
});

/** What Ada allowed, to a Group in the place of Harbor. */
function toReaders(): Json {
  const { provision } = permit as { provision: Json & { actor: readonly Json[] } };
  return { ...provision, actor: [{ ...provision.actor[0], reference: { reference: 'Group/readers' } }] };
}
