import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { AuditEvent } from '@medplum/fhirtypes';
import { type Bench, type BenchOptions, errorCode, pause, reset, startBench, until } from '../failure/bench.ts';
import { startGateway } from '../services/place.ts';

const secondMs = 1_000;

/** Somebody else writes to the outbox: nothing is recorded, so nothing leaves, until he is done. */
function holdRecord(outboxFile: string): () => void {
  const other = new DatabaseSync(outboxFile);
  other.exec('BEGIN IMMEDIATE');
  return () => other.close();
}

/** Summit reads Ada's ordinary data by this Consent and by no other. */
function setConsent({ relay }: Pick<Bench, 'relay'>, status: string): void {
  const text = relay.origin.repo.current('Consent', 'ada-consent-exchange')?.text as string;
  relay.origin.repo.put(text.replace(/"status":"[a-z]+"/, `"status":"${status}"`));
}

/** All that it asks the FHIR server for is there, and it asks for no more: what is left is the record. */
async function untilDecided({ relay }: Pick<Bench, 'relay'>): Promise<void> {
  const asked = (): number => relay.calls.filter(({ parameters }) => !isNews(parameters)).length;
  for (let before = 0; before === 0 || before < asked(); ) {
    before = asked();
    await pause(300);
  }
}

const isNews = (parameters: URLSearchParams): boolean => parameters.has('_since') || parameters.has('_lastUpdated');

/** How the recorded answers ended, as their AuditEvents tell: status, delivery and bytes. */
async function endings(bench: Bench, count: number): Promise<readonly string[]> {
  const found = (): string[] =>
    [...bench.audit.repo.all('AuditEvent')].flatMap(({ text }) => {
      const { entity = [] } = JSON.parse(text as string) as AuditEvent;
      const of = new Map(
        entity.flatMap(({ detail = [] }) => detail.map(({ type, valueString }) => [type, valueString])),
      );
      return of.has('delivery') ? [`${of.get('status')} ${of.get('delivery')} ${of.get('bytes-sent')}`] : [];
    });
  await until('the answers are told of', () => found().length >= count, 20_000);
  return found().toSorted();
}

describe('a Consent revoked after the answer was recorded and before its first byte left', () => {
  let bench: Bench;
  afterEach(() => bench.close());
  const start = async (consent: Record<string, unknown>, more: BenchOptions['changes'] = {}): Promise<void> => {
    bench = await startBench({ changes: { consent, ...more } });
  };
  const ask = () => bench.ask('Observation/ada-a1c', { as: 'summit' });

  it('is heard of from the store: nothing of it leaves, and its record says that nothing was sent', async () => {
    await start({ maximumAgeMs: 60_000, changesEveryMs: 100 });
    const heardOf = async (): Promise<string | undefined> =>
      /change_delay_seconds_count\{store="data"\} (\d+)/.exec(
        await (await fetch(`${bench.gateway.adminUrl}/metrics`)).text(),
      )?.[1];
    await pause(300);
    const letGo = holdRecord(bench.config.audit.outboxFile);
    const answer = ask();
    await untilDecided(bench);
    const before = await heardOf();
    setConsent(bench, 'inactive');
    await until('the change was heard of', async () => (await heardOf()) !== before);
    letGo();
    expect((await answer).status).toBe(404);
    expect(await endings(bench, 2)).toEqual([
      expect.stringMatching(/^200 aborted 0$/),
      expect.stringMatching(/^404 complete [1-9]/),
    ]);
  });

  it.each([
    ['grown older than the bound', 2 * secondMs],
    ['a second old at bound 0', 0],
  ])('is read again where what decided is %s', async (_what, maximumAgeMs) => {
    await start({ maximumAgeMs, dataServer: { changes: 'none' } });
    const letGo = holdRecord(bench.config.audit.outboxFile);
    const answer = ask();
    await untilDecided(bench);
    setConsent(bench, 'inactive');
    await pause(maximumAgeMs + secondMs);
    letGo();
    expect((await answer).status).toBe(404);
    expect(await endings(bench, 2)).toEqual([
      expect.stringMatching(/^200 aborted 0$/),
      expect.stringMatching(/^404 complete [1-9]/),
    ]);
  });

  it('by nobody: what was recorded leaves, however long that took', async () => {
    await start({ maximumAgeMs: 2 * secondMs, dataServer: { changes: 'none' } });
    const letGo = holdRecord(bench.config.audit.outboxFile);
    const answer = ask();
    await untilDecided(bench);
    await pause(2 * secondMs);
    letGo();
    expect((await answer).status).toBe(200);
    expect(await endings(bench, 1)).toEqual([expect.stringMatching(/^200 complete [1-9]/)]);
  });

  it('or not, which nobody can tell as the store is away: nothing leaves, and the record says so', async () => {
    await start({ maximumAgeMs: 2 * secondMs, dataServer: { changes: 'none' } });
    const letGo = holdRecord(bench.config.audit.outboxFile);
    const answer = ask();
    await untilDecided(bench);
    bench.relay.fault = () => reset;
    await pause(2 * secondMs);
    letGo();
    const { status, body } = await answer;
    expect([status, errorCode(body)]).toEqual([503, 'consent-unavailable']);
    expect(await endings(bench, 1)).toEqual(['200 aborted 0']);
  });

  it('fails alike for what is withheld and for what never was', async () => {
    await start({ maximumAgeMs: 0, dataServer: { changes: 'none' } });
    const letGo = holdRecord(bench.config.audit.outboxFile);
    const paths = ['Observation/ada-drug-screen', 'Observation/nobody'];
    const searches = ['Observation?_id=ada-drug-screen', 'Observation?_id=nobody'];
    const all = [...paths, ...searches].map((path) => bench.ask(path, { as: 'summit' }));
    await untilDecided(bench);
    bench.relay.fault = ({ type }) => (type === 'Consent' ? reset : undefined);
    await pause(secondMs);
    letGo();
    expect((await Promise.all(all)).map(({ status, body }) => [status, errorCode(body)])).toEqual(
      all.map(() => [503, 'consent-unavailable']),
    );
  });
});

describe('a service beside FHIR, whose record takes long', () => {
  it('tells what is in force when its answer leaves, not when it was recorded', async () => {
    const place = await startGateway({ services: { grants: { 'in-force': ['front-desk'] } } });
    const letGo = holdRecord(place.config.audit.outboxFile);
    const answer = place.ask('/patients/ada/in-force', { as: 'front-desk' });
    await untilDecided(place);
    setConsent(place, 'inactive');
    await pause(secondMs);
    letGo();
    const { status, text } = await answer;
    expect(status).toBe(200);
    const consents = (JSON.parse(text) as { parameter: { name: string; part?: object[] }[] }).parameter.filter(
      ({ part }) => JSON.stringify(part ?? []).includes('Consent/ada-consent-exchange'),
    );
    expect(JSON.stringify(consents)).toContain('inactive');
    await place.close();
  });
});

describe('requests that are sent ahead on one connection', () => {
  it('are decided when it is their turn: nothing waits in memory for the answer before it', async () => {
    const bench = await startBench({ changes: { consent: { maximumAgeMs: 0 } } });
    const held: (() => void)[] = [];
    bench.relay.fault = (call) => {
      if (!call.target.includes('/Observation/first')) return undefined;
      return () => held.push(() => call.response.writeHead(404, { 'content-type': 'application/fhir+json' }).end('{}'));
    };
    const { hostname, port } = new URL(bench.gateway.url);
    const socket: Socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    let heard = '';
    socket.on('data', (chunk: Buffer) => {
      heard += chunk.toString('latin1');
    });
    const get = (id: string): string =>
      `GET /fhir/Observation/${id} HTTP/1.1\r\nHost: gateway.example\r\nAccept: application/fhir+json\r\nAuthorization: Bearer ${bench.tokens.get('summit')}\r\n\r\n`;
    socket.write(`${get('first')}${get('ada-a1c')}`);
    await until('the first is out', () => held.length > 0);
    await untilDecided(bench);
    setConsent(bench, 'inactive');
    for (const letGo of held) letGo();
    await until('both are answered', () => (heard.match(/HTTP\/1\.1 \d+/g) ?? []).length === 2);
    expect(heard.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 404', 'HTTP/1.1 404']);
    socket.destroy();
    await bench.close();
  });
});
