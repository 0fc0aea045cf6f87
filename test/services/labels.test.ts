import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { requesters } from '../../examples/demo/requesters.ts';
import { labelDowngradeCommand } from '../../src/commands/label-downgrade.ts';
import { timeReader } from '../../src/fhir/dates.ts';
import { createLabelling } from '../../src/house.ts';
import { scanServer } from '../../src/steward/scan.ts';
import { createUpstream } from '../../src/upstream/upstream.ts';
import { keepForValidation } from '../audit/disclosures.ts';
import { type Call, errorCode } from '../failure/bench.ts';
import { type Place, startGateway } from './place.ts';

const actCode = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';
const confidentiality = 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality';
const hiv = { system: actCode, code: 'HIV' };
const restricted = { system: confidentiality, code: 'R' };
const reason = 'The laboratory mixed up two patients';
const people = ['sam-nwosu', 'front-desk', 'biller'];

let place: Place;
let folder: string;
let credential: string;
const plenty = { requestsPerMinute: 1_000_000, negativesPerMinute: 1_000_000 };

beforeAll(async () => {
  const counselor = requesters.find(({ id }) => id === 'sam-nwosu') as (typeof requesters)[number];
  (requesters as (typeof counselor)[]).push({ ...counselor, id: 'sam-nwosu-again' });
  folder = mkdtempSync(join(tmpdir(), 'labels-'));
  credential = join(folder, 'steward-credential');
  writeFileSync(credential, 'Bearer steward-of-labels');
  place = await startGateway({
    services: {
      grants: {
        'label-review': ['counselor'],
        'label-downgrade': ['counselor', 'front-desk', 'billing', 'system-client'],
      },
    },
    changes: {
      limits: { app: plenty, system: plenty },
      answers: { negativeGridMs: 0 },
      labels: { writeAuthorizationFile: credential },
    },
  });
});
afterAll(async () => {
  await place.close();
  rmSync(folder, { recursive: true });
});

function put(id: string, security: readonly object[], code = 'I10', more: object = {}): void {
  const resource = {
    resourceType: 'Condition',
    id,
    meta: { security },
    code: { coding: [{ system: 'http://hl7.org/fhir/sid/icd-10-cm', code }] },
    subject: { reference: 'Patient/ada' },
    onsetAge: { value: 1 },
    ...more,
  };
  place.relay.origin.repo.put(JSON.stringify(resource).replace('"value":1', '"value":1.00'));
}
const textOf = (id: string): string => place.relay.origin.repo.current('Condition', id)?.text ?? '';
const codesOf = (id: string): string[] =>
  ((JSON.parse(textOf(id)) as { meta: { security?: { code: string }[] } }).meta.security ?? []).map(({ code }) => code);

/** `consent-gateway label --write`, on all Conditions. */
async function label(): Promise<void> {
  const upstream = createUpstream(place.config.upstream, { now: () => 0, authorization: () => undefined });
  const labelling = createLabelling(place.config);
  try {
    await scanServer(
      { startedAt: '2100-01-01T00:00:00.000Z', terms: '', done: [], cursors: {}, tallies: {} },
      { types: ['Condition'], write: true, perSecond: 10_000 },
      {
        upstream,
        labelling,
        every: labelling,
        readSettings: { localBases: [place.relay.url], time: timeReader('UTC') },
        errand: { authorization: undefined, signal: undefined },
        now: () => 0,
        sleep: () => Promise.resolve(),
        onPage: () => undefined,
        onReview: () => undefined,
      },
    );
  } finally {
    await upstream.close();
  }
}

const lower = (as: string, id: string, label: object = hiv) =>
  place.ask('/labels/downgrades', { as, body: { resource: `Condition/${id}`, label, reason } });
const confirm = (as: string, ticket: string) =>
  place.ask('/labels/downgrades/confirm', { as, body: { proposal: ticket } });
const ticketOf = ({ text }: { readonly text: string }): string => (JSON.parse(text) as { proposal: string }).proposal;

describe('a label is lowered by two people', () => {
  it('not by a system, nor by whom it is not granted', async () => {
    put('kept', [hiv]);
    expect((await lower('harbor', 'kept')).status).toBe(403);
    expect((await lower('dr-grey', 'kept')).status).toBe(403);
    expect(codesOf('kept')).toEqual(['HIV']);
  });

  it('never but by both, whatever they, the labeller and readers do in whatever order', async () => {
    const person = fc.constantFrom(...people);
    const step = fc.oneof(
      fc.record({ do: fc.constant('ask' as const), as: person, label: fc.constantFrom(hiv, restricted) }),
      fc.record({ do: fc.constant('confirm' as const), as: person, ticket: fc.nat(2) }),
      fc.record({ do: fc.constant('change' as const) }),
      fc.record({ do: fc.constant('label' as const) }),
      fc.record({ do: fc.constant('read' as const), as: fc.constantFrom('sam-nwosu', 'dr-grey', 'ada') }),
    );
    let run = 0;
    let lowered = 0;
    let labelled = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 6, maxLength: 18 }), async (steps) => {
        const id = `run-${run++}`;
        put(id, [hiv, restricted], 'F11.20');
        let version = 0;
        const expected = new Set(['HIV', 'R']);
        const asked: {
          readonly as: string;
          readonly code: string;
          readonly version: number;
          readonly ticket: string;
        }[] = [];
        for (const one of steps) {
          if (one.do === 'change') {
            put(
              id,
              [...expected].map((code) => ({ system: code === 'R' ? confidentiality : actCode, code })),
              'F11.20',
            );
            version++;
          } else if (one.do === 'label') {
            await label();
            if (!expected.has('OPIOIDUD')) {
              // The level is raised with a topic that was not stated.
              expected.add('OPIOIDUD').add('R');
              version++;
              labelled++;
            }
          } else if (one.do === 'read') {
            await place.ask(`${place.fhirUrl}/Condition/${id}`, { token: await place.identity.tokenFor(one.as) });
          } else if (one.do === 'ask') {
            const answer = await lower(one.as, id, one.label);
            expect(answer.status).toBe(expected.has(one.label.code) ? 200 : 409);
            if (answer.status === 200)
              asked.push({ as: one.as, code: one.label.code, version, ticket: ticketOf(answer) });
          } else {
            const wanted = asked[one.ticket];
            const answer = await confirm(one.as, wanted?.ticket ?? 'none');
            const isDue = wanted !== undefined && wanted.as !== one.as && wanted.version === version;
            const refused = wanted === undefined ? 400 : wanted.as === one.as ? 403 : 409;
            expect(answer.status).toBe(isDue ? 200 : refused);
            if (isDue) {
              expected.delete(wanted.code);
              version++;
              lowered++;
            }
          }
          expect(new Set(codesOf(id))).toEqual(expected);
        }
      }),
      { numRuns: 40, seed: 7 },
    );
    expect([lowered > 5, labelled > 5]).toEqual([true, true]);
  }, 120_000);

  it('not by one practitioner with two accounts', async () => {
    put('of-one', [hiv]);
    const answer = await confirm('sam-nwosu-again', ticketOf(await lower('sam-nwosu', 'of-one')));
    expect([answer.status, errorCode(answer.text)]).toEqual([403, 'downgrade-needs-another']);
    expect(codesOf('of-one')).toEqual(['HIV']);
  });

  it('not where the FHIR server takes the write and keeps the label, and that is said', async () => {
    put('clung-to', [hiv]);
    const ticket = ticketOf(await lower('sam-nwosu', 'clung-to'));
    const writes: Call[] = [];
    place.relay.fault = (call) => {
      if (call.method !== 'PUT' || call.type !== 'Condition') return undefined;
      writes.push(call);
      return ({ response }) =>
        void response.writeHead(200, { 'content-type': 'application/fhir+json' }).end(textOf('clung-to'));
    };
    const answer = await confirm('front-desk', ticket);
    place.relay.fault = () => undefined;
    expect([answer.status, errorCode(answer.text)]).toEqual([409, 'downgrade-not-possible']);
    expect(writes.map(({ headers }) => headers['x-meta-snapshot-mode'])).toEqual(['SECURITY_LABEL']);
    expect(codesOf('clung-to')).toEqual(['HIV']);
  });

  it('at the command line by two tokens, and not by one', async () => {
    put('by-command', [hiv]);
    const config = join(folder, 'gateway.json');
    writeFileSync(config, JSON.stringify(place.config));
    let printed = '';
    const run = async (as: string, more: Record<string, string>): Promise<number | undefined> => {
      const token = join(folder, `${as}.token`);
      writeFileSync(token, await place.identity.tokenFor(as));
      printed = '';
      return labelDowngradeCommand.run(
        { values: { config, 'token-file': token, ...more }, positionals: [] },
        { environment: {}, write: (text) => (printed += text) },
      );
    };
    await run('sam-nwosu', { resource: 'Condition/by-command', label: `${actCode}|HIV`, reason });
    const proposal = join(folder, 'proposal');
    writeFileSync(proposal, printed);
    await expect(run('sam-nwosu', { proposal })).rejects.toThrow('another person has to');
    await expect(run('dr-grey', { proposal })).rejects.toThrow('not granted');
    expect(codesOf('by-command')).toEqual(['HIV']);
    expect(await run('front-desk', { proposal })).toBe(0);
    expect(codesOf('by-command')).toEqual([]);
  }, 60_000);
});

describe('a review of labels', () => {
  it('says what is stated, lacking, shown by weak rows alone, and shown by nothing', async () => {
    put('lacking', [], 'F11.20');
    put('weak', [], 'Z72.0');
    put('why', [hiv]);
    put('law', [{ system: actCode, code: '42CFRPart2' }]);
    put('in-law', [{ system: actCode, code: '42CFRPart2' }], 'I10', { partOf: [{ reference: 'Condition/lacking' }] });
    const resources = ['lacking', 'weak', 'why', 'law', 'in-law'].map((id) => `Condition/${id}`);
    const { status, text } = await place.ask('/labels/review', { as: 'sam-nwosu', body: { resources } });
    expect([status, JSON.parse(text)]).toEqual([
      200,
      {
        resources: [
          expect.objectContaining({
            resource: 'Condition/lacking',
            lacking: [
              expect.objectContaining({ code: 'R' }),
              expect.objectContaining({ code: 'OPIOIDUD', by: 'code' }),
            ],
          }),
          expect.objectContaining({
            resource: 'Condition/weak',
            topics: [],
            ambiguous: [expect.objectContaining({ topic: 'SUD' })],
          }),
          expect.objectContaining({ resource: 'Condition/why', topics: ['HIV'], unexplained: ['HIV'] }),
          expect.objectContaining({ resource: 'Condition/law', unexplained: ['42CFRPart2'] }),
          expect.objectContaining({ resource: 'Condition/in-law', unexplained: [] }),
        ],
      },
    ]);
  });
});

it('every event of these is kept for the validator', () => {
  const events = place.events().map(({ event }) => event);
  expect(events.length).toBeGreaterThan(50);
  keepForValidation('labels looked after', events.slice(-40));
});

// The last: the gateway records nothing from then on.
describe('a label whose lowering cannot be recorded', () => {
  it('stays', async () => {
    put('unrecorded', [hiv]);
    const ticket = ticketOf(await lower('sam-nwosu', 'unrecorded'));
    const { postMessage } = Worker.prototype;
    jest.spyOn(Worker.prototype, 'postMessage').mockImplementation(function (this: Worker, message: unknown) {
      if (((message as { disclosures?: unknown[] }).disclosures?.length ?? 0) > 0) return void this.terminate();
      postMessage.call(this, message);
    });
    const answer = await confirm('front-desk', ticket);
    jest.restoreAllMocks();
    expect([answer.status, errorCode(answer.text)]).toEqual([503, 'record-unavailable']);
    expect(codesOf('unrecorded')).toEqual(['HIV']);
  });
});
