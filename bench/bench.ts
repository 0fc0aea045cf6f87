/**
 * `npm run bench`: what this gateway costs beside a plain proxy and beside the obvious design, in one interleaved run on
 * loopback, so that whatever else the machine does hits all alike.
 *
 *   --quick      about 40 seconds instead of four minutes
 *   --case NAME  one case only
 *   --save FILE  writes the tables as Markdown
 *   --profile DIR  leaves a V8 CPU profile of the gateway there
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { benchData, benchPatient, isHidden } from './data.ts';
import { cpuMicroseconds, load, type Target } from './load.ts';
import { type Measurement, report } from './report.ts';
import { basePath, type Server, startGateway, startIssuer, startProgram } from './servers.ts';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    case: { type: 'string' },
    save: { type: 'string' },
    profile: { type: 'string' },
  },
});

const started = performance.now();
const sizes = [50, 200, 1000];
const sliceRequests: Readonly<Record<number, number>> = { 1: 600, 50: 300, 200: 100, 1000: 25 };
const connectionCounts = [1, 16];
const timing = options.quick
  ? { warmUpSlices: 2, share: 0.5, rounds: 3, budgetMs: 40_000 }
  : { warmUpSlices: 6, share: 1, rounds: 11, budgetMs: 240_000 };
/** On a machine that is busy with something else a slice ends early. */
const longestSliceMs = 5_000;
/** The gateway writes how answers ended within 100 ms after the last of them: that is work of the slice too. */
const afterworkMs = 120;

interface Case {
  readonly name: string;
  readonly path: string;
  /** Requests of one slice: enough for the clock ticks in which CPU is counted. */
  readonly requests: number;
  readonly all: readonly string[];
  readonly shown: readonly string[];
}

interface Competitor {
  readonly name: string;
  readonly server: Server;
  readonly headers: Readonly<Record<string, string>>;
  /** Ids that its answer must hold. */
  readonly answers: 'all' | 'shown';
  /** The one case that it knows. */
  readonly only?: string;
}

const data = benchData(sizes);

function cases(): readonly Case[] {
  const searches = sizes.map((size): Case => {
    const subject = `Patient/${benchPatient(size)}`;
    const all = data
      .filter((one) => one.resourceType === 'Observation' && one.subject?.reference === subject)
      .map(({ id }) => id);
    const shown = all.filter((_id, place) => !isHidden(place));
    return {
      name: `${size} entries`,
      path: `Observation?patient=${benchPatient(size)}&_count=${size}`,
      requests: requestsFor(size),
      all,
      shown,
    };
  });
  const id = (searches[0] as Case).shown.slice(0, 1);
  const read: Case = { name: 'read', path: `Observation/${id}`, requests: requestsFor(1), all: id, shown: id };
  return [read, ...searches].filter(({ name }) => options.case === undefined || name === options.case);
}

function requestsFor(size: number): number {
  return Math.ceil((sliceRequests[size] ?? 1) * timing.share);
}

function targetOf(one: Case, { server, headers }: Competitor): Target {
  return { origin: server.origin, method: 'GET', path: `${basePath}/${one.path}`, headers };
}

/** Throughout, an answer counts only when it holds the resources that it must, and no other. */
function isRight(one: Case, { answers }: Competitor, body: Buffer): boolean {
  const resource = JSON.parse(body.toString('utf8')) as {
    resourceType: string;
    id: string;
    entry?: { resource: { id: string } }[];
  };
  const ids =
    resource.resourceType === 'Bundle' ? (resource.entry ?? []).map((entry) => entry.resource.id) : [resource.id];
  return ids.sort().join() === [...one[answers]].sort().join();
}

async function measure(competitors: readonly Competitor[], stub: Server): Promise<readonly Measurement[]> {
  const measurements: Measurement[] = [];
  const all = cases();
  if (all.length === 0) throw new Error(`no case is called ${options.case}`);
  const run = (one: Case, competitor: Competitor, connections: number, slices: number) =>
    load(
      targetOf(one, competitor),
      connections,
      { requests: one.requests * slices, milliseconds: longestSliceMs * slices },
      (body) => isRight(one, competitor, body),
    ).catch((error) => {
      throw new Error(`${competitor.name}, ${one.name}: ${error instanceof Error ? error.message : error}`);
    });
  const taking = ({ name }: Case) => competitors.filter(({ only = name }) => only === name);
  for (const one of all) for (const competitor of taking(one)) await run(one, competitor, 16, timing.warmUpSlices);
  for (let round = 0; round < timing.rounds; round++) {
    if (round > 0 && performance.now() - started > timing.budgetMs * (round / (round + 1))) break; // no time for one more
    for (const one of all) {
      const here = taking(one);
      for (const connections of connectionCounts) {
        // Everybody follows everybody else once in a while.
        for (let turn = 0; turn < here.length; turn++) {
          const competitor = here[(turn + round) % here.length] as Competitor;
          const before = cpuMicroseconds(competitor.server.pid);
          const stubBefore = cpuMicroseconds(stub.pid);
          const { requests, seconds } = await run(one, competitor, connections, 1);
          if (competitor.name === 'gateway') await pause(afterworkMs);
          measurements.push({
            case: one.name,
            competitor: competitor.name,
            connections,
            round,
            requests,
            seconds,
            cpu: competitor.server === stub ? 0 : cpuMicroseconds(competitor.server.pid) - before,
            upstreamCpu: cpuMicroseconds(stub.pid) - stubBefore,
          });
        }
      }
    }
    process.stderr.write(`round ${round + 1} of ${timing.rounds}\n`);
  }
  return measurements;
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'consent-gateway-bench-'));
  const running: { stop(): Promise<void> | void }[] = [];
  const start = async <One extends { stop(): Promise<void> | void }>(starting: Promise<One>): Promise<One> => {
    const one = await starting;
    running.push(one);
    return one;
  };
  try {
    const dataFile = join(folder, 'data.json');
    writeFileSync(dataFile, JSON.stringify(data));
    const stub = await start(startProgram('stub-upstream.ts', [dataFile]));
    const passThrough = await start(startProgram('peer-pass-through.ts', [stub.origin]));
    const obvious = await start(startProgram('peer-obvious.ts', [stub.origin]));
    const floorWith = (...steps: string[]) =>
      start(startProgram('peer-floor.ts', [stub.origin, mkdtempSync(join(folder, 'floor-')), ...steps]));
    const bare = await floorWith();
    const asking = await floorWith('look-ups');
    const floor = await floorWith('look-ups', 'record');
    const issuer = await start(startIssuer());
    const gateway = await start(
      startGateway({ upstream: stub.origin, folder, issuer, profileFolder: options.profile }),
    );
    const authorization = `Bearer ${await issuer.tokenFor(gateway.origin + basePath)}`;
    const measurements = await measure(
      [
        { name: 'direct', server: stub, headers: {}, answers: 'all' },
        { name: 'pass-through', server: passThrough, headers: {}, answers: 'all' },
        { name: 'obvious', server: obvious, headers: {}, answers: 'shown' },
        { name: 'one request', server: bare, headers: {}, answers: 'all', only: 'read' },
        { name: 'three requests', server: asking, headers: {}, answers: 'all', only: 'read' },
        { name: 'floor', server: floor, headers: {}, answers: 'shown' },
        { name: 'gateway', server: gateway, headers: { authorization }, answers: 'shown' },
      ],
      stub,
    );
    const text = report(measurements);
    process.stdout.write(text);
    if (options.save !== undefined) writeFileSync(options.save, text);
  } finally {
    for (const one of running.reverse()) await one.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
