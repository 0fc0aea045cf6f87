/**
 * What a durable record costs: the gateway against the same with a record that keeps nothing, interleaved on loopback, at
 * 1, 16 and 64 connections. `node bench/durable.ts [ROUNDS] [--save FILE]`
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { benchData, benchPatient } from './data.ts';
import { cpuMicroseconds, load, median } from './load.ts';
import { basePath, type Server, startGateway, startIssuer, startProgram } from './servers.ts';

const { values, positionals } = parseArgs({ allowPositionals: true, options: { save: { type: 'string' } } });
const rounds = Number(positionals[0] ?? 9);
const sliceMs = 1_500;
/** What is written after the last answer is work of the slice too. */
const afterworkMs = 400;
const connectionCounts = [1, 16, 64];
const data = benchData([50]);
const id = data.find(({ resourceType }) => resourceType === 'Observation')?.id;
const cases = { read: `Observation/${id}`, '50 entries': `Observation?patient=${benchPatient(50)}&_count=50` };

const variants = {
  'keeps nothing': { program: 'unrecorded.ts' },
  'durable record': { audit: { archive: { kind: 'none' } } },
  'durable record and archive': {},
} as const;
type Variant = keyof typeof variants;

interface Measured {
  readonly perSecond: number;
  /** CPU of the whole process for one answer, in microseconds. */
  readonly cpu: number;
}

const folder = mkdtempSync(join(tmpdir(), 'durable-bench-'));
const running: { stop(): Promise<void> | void }[] = [];
const measured = new Map<string, Measured[]>();

try {
  const dataFile = join(folder, 'data.json');
  writeFileSync(dataFile, JSON.stringify(data));
  const stub = await startProgram('stub-upstream.ts', [dataFile]);
  running.push(stub);
  const issuer = await startIssuer();
  running.push(issuer);
  const gateways = new Map<Variant, { readonly server: Server; readonly authorization: string }>();
  for (const [name, options] of Object.entries(variants) as [Variant, object][]) {
    const own = join(folder, name.replaceAll(' ', '-'));
    mkdirSync(own);
    const server = await startGateway({
      upstream: stub.origin,
      folder: own,
      issuer,
      profileFolder: undefined,
      ...options,
    });
    running.push(server);
    gateways.set(name, { server, authorization: `Bearer ${await issuer.tokenFor(server.origin + basePath)}` });
  }
  for (let round = -1; round < rounds; round++) {
    for (const [name, path] of Object.entries(cases)) {
      for (const connections of connectionCounts) {
        const order = [...gateways];
        order.push(...order.splice(0, (round + 1) % order.length)); // everybody follows everybody once in a while
        for (const [variant, { server, authorization }] of order) {
          const one = await slice(server, path, connections, authorization);
          if (round < 0) continue; // warming up
          const key = `${name} ${connections} ${variant}`;
          measured.set(key, [...(measured.get(key) ?? []), one]);
        }
      }
    }
    process.stderr.write(`round ${round + 1} of ${rounds}\n`);
  }
  const text = report();
  process.stdout.write(text);
  if (values.save !== undefined) writeFileSync(values.save, text);
} finally {
  for (const one of running.reverse()) await one.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function slice(server: Server, path: string, connections: number, authorization: string): Promise<Measured> {
  const before = cpuMicroseconds(server.pid);
  const target = {
    origin: server.origin,
    method: 'GET',
    path: `${basePath}/${path}`,
    headers: { authorization },
  } as const;
  const { requests, seconds } = await load(target, connections, { requests: 1e6, milliseconds: sliceMs }, () => true);
  await pause(afterworkMs);
  return { perSecond: requests / seconds, cpu: (cpuMicroseconds(server.pid) - before) / requests };
}

/** Ratios are of slices of one round, next to each other in time. */
function report(): string {
  const names = Object.keys(variants) as Variant[];
  const rows = Object.keys(cases).flatMap((name) =>
    connectionCounts.flatMap((connections) =>
      names.map((variant) => {
        const own = measured.get(`${name} ${connections} ${variant}`) ?? [];
        const base = measured.get(`${name} ${connections} ${names[0]}`) ?? [];
        const ratios = own.map(({ perSecond }, round) => perSecond / (base[round]?.perSecond ?? Number.NaN));
        const [low, high] = [Math.min(...ratios), Math.max(...ratios)];
        const perSecond = Math.round(median(own.map((one) => one.perSecond)));
        const cpu = Math.round(median(own.map((one) => one.cpu)));
        return `| ${name} | ${connections} | ${variant} | ${perSecond} | ${median(ratios).toFixed(2)} [${low.toFixed(2)}-${high.toFixed(2)}] | ${cpu} |`;
      }),
    ),
  );
  return [
    `Answers of the gateway by what its record keeps; ${rounds} interleaved rounds, medians, [lowest-highest].`,
    '',
    '| answer | connections | record | answers/s | ratio | µs of CPU an answer |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}
