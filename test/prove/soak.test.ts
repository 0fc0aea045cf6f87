import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Answer, answering, ask, errorCode, type Fault, pause, reset, until } from '../failure/bench.ts';
import { type Fleet, startFleet } from '../replicas/fleet.ts';

/**
 * Mixed load on three replicas while things break: a replica is killed (kill -9) again and again, Redis twice, and the
 * FHIR server is slow or failing for a while of each minute. SOAK_SECONDS says how long; half an hour is the whole of it.
 */
const seconds = Number(process.env.SOAK_SECONDS ?? 1_800);
const clients = Number(process.env.SOAK_CLIENTS ?? 6);
const killEverySeconds = Math.min(120, seconds / 6);
const requestIdHeader = 'x-request-id';
/** What the chart gives a pod (helm/values.yaml, resources.limits.memory). */
const memoryLimitMiB = 1_024;

const questions: readonly (readonly [who: string, path: string])[] = [
  ...['dr-grey', 'sam-nwosu', 'biller', 'front-desk', 'ada', 'harbor', 'steward'].flatMap((who) =>
    [
      'Patient/ada',
      'Observation?patient=ada&_count=20',
      'Condition?patient=ada',
      'Encounter?patient=cy',
      'Observation/no-such-thing',
      'MedicationRequest?patient=ben&_sort=-_lastUpdated',
      'Provenance?target=Patient/ada',
    ].map((path) => [who, path] as const),
  ),
];
/** Errors that say nothing but that something is away; each has one constant body. */
const allowedErrors = new Set([
  'upstream-unavailable',
  'upstream-timeout',
  'upstream-invalid',
  'consent-unavailable',
  'overloaded',
]);

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet(3, { upstream: { breakerFailures: 1_000 }, audit: { delivery: { maximumPauseMs: 1_000 } } });
});
afterAll(() => fleet.close());

const askAs = (who: string, path: string): Promise<Answer> => ask(`${fleet.url}/${path}`, fleet.bench.tokens.get(who));

/** What must be the same each time: all of an answer but ids, times and sealed links. */
function essence({ status, body }: Answer): string {
  const json = body
    .replaceAll(/"id":"[0-9a-f]{8}-[0-9a-f-]{27}"/g, '')
    .replaceAll(/"timestamp":"[^"]*"/g, '')
    .replace(/^(\{"resourceType":"Bundle",.{0,3}"meta":\{"lastUpdated":")[^"]*/, '$1')
    .replaceAll(/_page=[\w-]+/g, '_page');
  return `${status} ${json}`;
}

/** The honest answer, a good while later. */
const slowly: Fault = (call) =>
  void setTimeout(async () => {
    const answer = await fetch(new URL(call.target, fleet.bench.relay.origin.url), {
      method: call.method,
      headers: { 'content-type': call.headers['content-type'] ?? 'application/fhir+json' },
      ...(call.body === '' ? {} : { body: call.body }),
    });
    call.response.writeHead(answer.status, { 'content-type': 'application/fhir+json' }).end(await answer.text());
  }, 400);

/** Slow for ten seconds of each minute, failing for ten others, and honest else. */
function weather(startedAt: number): () => Fault | undefined {
  return () => {
    const second = ((Date.now() - startedAt) / 1_000) % 60;
    if (second >= 20 && second < 30 && Math.random() < 0.3) return slowly;
    if (second >= 40 && second < 50 && Math.random() < 0.3)
      return Math.random() < 0.5 ? reset : answering('{"resourceType":"OperationOutcome"}', { status: 500 });
    return undefined;
  };
}

function residentMiB(pid: number): number {
  const pages = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(pages ?? 0) / 1_024;
}

it(
  'gives no wrong answer, no unrecorded disclosure, no error but constant ones, and keeps its memory',
  async () => {
    const right = new Map<string, string>();
    for (const [who, path] of questions) right.set(`${who} ${path}`, essence(await askAs(who, path)));
    const errorBodies = new Map<string, string>();
    const statuses = new Map<string, number>();
    const wrong: string[] = [];
    const disclosed: string[] = [];
    const count = (what: string): void => void statuses.set(what, (statuses.get(what) ?? 0) + 1);
    const startedAt = Date.now();
    const isOver = (): boolean => Date.now() - startedAt > seconds * 1_000;
    fleet.bench.relay.fault = weather(startedAt);

    const judge = (question: string, answer: Answer): void => {
      const code = errorCode(answer.body);
      const isConstantError = answer.status >= 500 && code !== undefined && allowedErrors.has(code);
      if (isConstantError) {
        const known = errorBodies.get(code) ?? answer.body;
        errorBodies.set(code, known);
        if (known !== answer.body) wrong.push(`${question}: another body for ${code}`);
        count(code);
        return;
      }
      if (essence(answer) !== right.get(question))
        wrong.push(`${question}: ${answer.status} ${answer.body.slice(0, 200)}`);
      count(String(answer.status));
      if (answer.status === 200) disclosed.push(String(answer.headers[requestIdHeader]));
    };
    const client = async (): Promise<void> => {
      while (!isOver()) {
        const [who, path] = questions[Math.floor(Math.random() * questions.length)] ?? ['', ''];
        try {
          judge(`${who} ${path}`, await askAs(who, path));
        } catch {
          count('connection broken by a killed replica');
        }
      }
    };
    const kills = async (): Promise<void> => {
      for (let index = 0; ; index = (index + 1) % 3) {
        for (let waited = 0; waited < killEverySeconds; waited++) {
          if (isOver()) return;
          await pause(1_000);
        }
        await fleet.end(index, 'SIGKILL');
        await fleet.start(index);
        count('(replica killed and started again)');
      }
    };
    const redisKills = async (): Promise<void> => {
      for (const _time of [1, 2]) {
        await pause((seconds * 1_000) / 3);
        await fleet.redis.kill();
        await pause(Math.min(10_000, (seconds * 1_000) / 20));
        await fleet.redis.start();
        count('(Redis killed and started again)');
      }
    };
    const memory: number[] = [];
    const watch = async (): Promise<void> => {
      while (!isOver()) {
        await pause(2_000);
        fleet.bench.relay.calls.length = 0; // this process keeps nothing of half an hour but the record
        for (const replica of fleet.replicas) if (replica !== undefined) memory.push(residentMiB(replica.pid));
      }
    };
    await Promise.all([...Array.from({ length: clients }, client), kills(), redisKills(), watch()]);
    fleet.bench.relay.fault = () => undefined;

    const answers = [...statuses].filter(([name]) => /^\d/.test(name)).reduce((sum, [, number]) => sum + number, 0);
    console.log(`${answers} answers in ${seconds} s: ${JSON.stringify(Object.fromEntries(statuses))}`);
    const [earlier, later] = [memory.slice(0, memory.length / 2), memory.slice(memory.length / 2)].map((half) =>
      Math.round(half.reduce((most, one) => Math.max(most, one), 0)),
    ) as [number, number];
    console.log(
      `${disclosed.length} answers with a disclosure; resident memory of a replica at most ${earlier} MiB in the first half, ${later} MiB in the second`,
    );
    expect(wrong).toEqual([]);
    expect(answers).toBeGreaterThan(seconds);
    const recordedIds = (): ReadonlySet<string> =>
      new Set(
        [...fleet.bench.audit.repo.all('AuditEvent')].flatMap(({ text = '' }) => text.match(/\b[0-9a-f]{24}\b/g) ?? []),
      );
    await until(
      'every disclosure is in the record',
      () => {
        const known = recordedIds();
        return disclosed.every((id) => known.has(id));
      },
      120_000,
    );
    expect(Math.max(earlier, later)).toBeLessThan(memoryLimitMiB);
    expect(later).toBeLessThan(1.25 * earlier);
  },
  (seconds + 600) * 1_000,
);
