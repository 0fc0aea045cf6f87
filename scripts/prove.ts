/**
 * `npm run prove`: what proves more than the tests and takes longer. Runs the same suites with the full counts, then the
 * benchmark, and writes their figures, dated, to docs/proof.md. Exits 1 if anything failed.
 *
 *   npm run prove                 everything
 *   npm run prove -- NAME...      some of it (a name that there is not gets the list); with --save it writes their sections too
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';

interface Proof {
  readonly name: string;
  readonly what: string;
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Lines of its output that are figures. */
  readonly figures: RegExp;
}

const jest = (...args: string[]) => ['npm', 'run', 'jest', '--', '--ci', '--runInBand', ...args];
const summary = /^(Tests:|Time:)|\d+ (kills|requests|cases|mutants|comparisons|answers)\b/;

const proofs: readonly Proof[] = [
  {
    name: 'reference',
    what: 'The decision core agrees with the reference evaluator: 100,000 generated cases',
    command: jest('test/reference'),
    environment: { REFERENCE_CASES: '100000' },
    figures: summary,
  },
  {
    name: 'kills',
    what: 'kill -9 between any two steps of the disclosure protocol, 500 times, and in the middle of requests to services, 60 times; the log of the last writes torn, 560 times: no answer without its record, no broken chain',
    command: jest('test/audit/(kill|torn)', 'test/failure/services-record'),
    environment: { KILLS: '500', TEARS: '500', SERVICE_KILLS: '60' },
    figures: summary,
  },
  {
    name: 'sync-errors',
    what: 'A disk that fails to sync (EIO), at each of its first 40 syncs: nothing leaves from then on, what left before is in the record',
    command: jest('--config', 'jest.prove.config.js', 'test/prove/sync-errors'),
    environment: {},
    figures: summary,
  },
  {
    name: 'record',
    what: 'A record of 1,000,000: its size, verify, and what it is asked; one core',
    command: ['node', 'bench/record.ts', '1000000'],
    environment: {},
    figures: /^\|/,
  },
  {
    name: 'durable',
    what: 'The gateway with its durable record against the same that keeps nothing',
    command: ['node', 'bench/durable.ts', '9'],
    environment: {},
    figures: /^\|/,
  },
  {
    name: 'twins',
    what: 'Answers over worlds that differ in what is hidden: 2,000 generated requests, every leak channel, every mutant',
    command: jest('test/twin'),
    environment: { TWIN_REQUESTS: '2000', TWIN_MUTANTS: 'all' },
    figures: summary,
  },
  {
    name: 'revocations',
    what: 'Two gateway processes that share Redis: 1,000 revocations under load, Redis killed halfway, none beyond the bound',
    command: jest('--config', 'jest.replicas.config.js', 'test/replicas/revocations'),
    environment: { REVOCATIONS: '1000' },
    figures: summary,
  },
  {
    name: 'hapi',
    what: 'Before HAPI FHIR JPA: tour, real clients, exactness, differential search, every AuditEvent validated',
    command: ['npm', 'run', 'jest', '--', '--ci', '--config', 'jest.hapi.config.js'],
    environment: {},
    figures: summary,
  },
  {
    name: 'image',
    what: 'The image, built without an engine, run as nobody on a read-only root: the demonstration as stated',
    command: jest('--config', 'jest.prove.config.js', 'test/prove/image'),
    environment: {},
    figures: summary,
  },
  {
    name: 'versions',
    what: 'An older build (30 commits before, or OLD_VERSION) beside this one, with one Redis: the same answers, next links, news of changed Consents, limits, and the outbox taken over',
    command: jest('--config', 'jest.prove.config.js', 'test/prove/versions'),
    environment: { OLD_VERSION: process.env.OLD_VERSION ?? 'HEAD~30' },
    figures: summary,
  },
  {
    name: 'clean-machine',
    what: 'From a clean machine to a gateway as the chart renders it, before HAPI FHIR JPA with the tokens of a Keycloak: what the doctor says, every answer to every requester',
    command: ['scripts/clean-machine/run.sh'],
    environment: {},
    figures: /^(FAULT|WARNING) |answers to \d+ requesters|as stated\.$/,
  },
  {
    name: 'soak',
    what: 'Half an hour of mixed load on three replicas: one killed every two minutes, Redis twice, the FHIR server slow and failing',
    // Its own process is the audit repository of half an hour, in memory.
    command: [
      ...['node', '--max-old-space-size=12288', '--experimental-vm-modules', '--disable-warning=ExperimentalWarning'],
      ...[
        'node_modules/jest/bin/jest.js',
        '--ci',
        '--runInBand',
        '--config',
        'jest.prove.config.js',
        'test/prove/soak',
      ],
    ],
    environment: { SOAK_SECONDS: process.env.SOAK_SECONDS ?? '1800' },
    figures: summary,
  },
  {
    name: 'bench',
    what: 'The benchmark, whole',
    command: ['npm', 'run', 'bench', '--', '--save', 'docs/benchmark.md'],
    environment: {},
    figures: /^\|/,
  },
  {
    name: 'mutants',
    what: 'Every rule of the decision engine flipped once: the tests notice each that changes anything',
    command: jest('--config', 'jest.prove.config.js', 'test/mutation'),
    environment: { MUTANTS: 'all', MUTANTS_SAVE: '1', MUTANTS_PARALLEL: '2' },
    figures: summary,
  },
  {
    name: 'order',
    what: 'Order changes no decision, and more of the same only closes: 20,000 generated cases for each claim',
    command: jest('test/decide/order', 'test/decide/monotone'),
    environment: { ORDER_CASES: '20000' },
    figures: summary,
  },
  {
    name: 'decisions',
    what: 'What a decision costs by the number of Consents: linear or better',
    command: ['npm', 'run', 'bench:decisions', '--', '--save', 'docs/benchmark-decisions.md'],
    environment: {},
    figures: /^\|/,
  },
];

/** Proofs that write a page of their own. */
const pages: Readonly<Record<string, readonly string[]>> = {
  bench: ['See [benchmark.md](benchmark.md).'],
  mutants: ['See [mutants.md](mutants.md).'],
  decisions: ['See [benchmark-decisions.md](benchmark-decisions.md).'],
};

const page = new URL('../docs/proof.md', import.meta.url);
const args = process.argv.slice(2);
const isSaved = args.length === 0 || args.includes('--save');
const wanted = args.filter((name) => name !== '--save');
const unknown = wanted.filter((name) => !proofs.some((proof) => proof.name === name));
if (unknown.length > 0) {
  console.error(
    `There is no proof called ${unknown.join(', ')}; there are ${proofs.map(({ name }) => name).join(', ')}.`,
  );
  process.exit(2);
}

interface Outcome {
  readonly proof: Proof;
  readonly passed: boolean;
  readonly seconds: number;
  readonly lines: readonly string[];
}

const events = mkdtempSync(join(tmpdir(), 'audit-events-'));
const outcomes: Outcome[] = [];
for (const proof of proofs.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
  console.log(`\n== ${proof.what}`);
  outcomes.push(await run(proof));
}
rmSync(events, { recursive: true, force: true });
if (isSaved) writeFileSync(page, report(outcomes));
for (const { proof, passed, seconds } of outcomes)
  console.log(`${passed ? 'passed' : 'FAILED'}  ${proof.name}  ${Math.round(seconds)} s`);
process.exit(outcomes.every(({ passed }) => passed) ? 0 : 1);

async function run(proof: Proof): Promise<Outcome> {
  const started = performance.now();
  const [command = '', ...args] = proof.command;
  const child = spawn(command, args, {
    env: { ...process.env, NO_COLOR: '1', AUDIT_EVENTS_DIR: events, ...proof.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      process.stdout.write(chunk);
      said.push(chunk.toString('utf8'));
    });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  const lines = said
    .join('')
    .split('\n')
    .filter((line) => proof.figures.test(line.trim()));
  return { proof, passed: code === 0, seconds: (performance.now() - started) / 1000, lines };
}

/** The page with a section for each proof: those that ran now, and of the others what is there already. */
function report(all: readonly Outcome[]): string {
  const sections = sectionsOf(existsSync(page) ? readFileSync(page, 'utf8') : '');
  for (const outcome of all) sections.set(outcome.proof.what, section(outcome));
  return [
    '# Proof',
    '',
    'Figures of `npm run prove`, which wrote this file. Each section says when, of which commit and where it was made.',
    '',
    ...proofs.flatMap(({ what }) => {
      const text = sections.get(what);
      return text === undefined ? [] : [`## ${what}`, '', text, ''];
    }),
  ].join('\n');
}

function sectionsOf(text: string): Map<string, string> {
  const sections = new Map<string, string>();
  for (const part of text.split(/^## /m).slice(1)) {
    const end = part.indexOf('\n');
    sections.set(part.slice(0, end), part.slice(end).trim());
  }
  return sections;
}

function section({ proof, passed, seconds, lines }: Outcome): string {
  const git = (...args: string[]) => execFileSync('git', args, { encoding: 'utf8' }).trim();
  const isChanged = git('status', '--porcelain', '--', '.', ':!docs') !== ''; // proofs write their pages there
  const commit = `${git('describe', '--always')}${isChanged ? ', changed' : ''}`;
  const machine = `${availableParallelism()} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}`;
  const environment = Object.entries(proof.environment).map(([name, value]) => ` \`${name}=${value}\``);
  return [
    `${new Date().toISOString().slice(0, 10)}, commit ${commit}, ${machine}. ${passed ? 'Passed' : '**Failed**'} in ${Math.round(seconds)} s.`,
    `\`${proof.command.join(' ')}\`${environment.join('')}`,
    '',
    ...(pages[proof.name] ?? ['```text', ...lines, '```']),
  ].join('\n');
}
