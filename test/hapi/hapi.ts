/**
 * The Java parts of the integration tests: a HAPI FHIR JPA server and HAPI's validator.
 *
 * Both are built by Maven into `target/` when their sources are newer, and run by plain `java`: JDK 17 or newer and
 * Maven are all they need.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { FhirVersion } from '../../examples/demo/embedded/parameters.ts';

const home = import.meta.dirname;
const repository = join(home, '..', '..');
const classpathFile = join(home, 'target', 'classpath.txt');
const profileFolders = ['ihe-balp', 'gateway'].map((folder) => join(repository, 'fhir-profiles', folder));

/** Small and quick to start: short-lived servers with a few thousand resources gain nothing from the second compiler. */
const javaOptions = ['-Xmx1g', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
/** HAPI reads all definitions of R5 before it listens, which takes a busy machine minutes. */
const startTimeoutMs = 300_000;
const stopTimeoutMs = 5_000;

export type Hapi = {
  /** The FHIR base, without a slash at the end. */
  readonly url: string;
  readonly close: () => Promise<void>;
};

export type Validation = {
  readonly valid: number;
  readonly invalid: number;
  /** `<file> <severity> <location> <complaint>`, one per problem. */
  readonly complaints: readonly string[];
  /** How many of the files claim each profile, by its canonical URL. */
  readonly profiles: ReadonlyMap<string, number>;
};

/** Compiles the Java parts unless that has been done since their sources changed. */
async function buildJavaParts(): Promise<void> {
  if (isBuilt()) return;
  const maven = spawn('mvn', ['-q', '-B', '--no-transfer-progress', 'compile'], {
    cwd: home,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { code, output } = await finished(maven);
  if (code !== 0) throw new Error(`mvn compile ended with ${code}:\n${output}`);
}

/**
 * Starts a HAPI FHIR JPA server with an empty store in memory.
 * @param options.port 0 or absent for any free port.
 * @param options.subscriptions whether it calls rest-hooks (FHIR R4 Subscription)
 * @param options.fhirVersion what it speaks; R4 by default
 * @throws {Error} if it is not ready after five minutes, with what it said.
 */
export async function startHapi(
  options: { readonly port?: number; readonly subscriptions?: boolean; readonly fhirVersion?: FhirVersion } = {},
): Promise<Hapi> {
  await buildJavaParts();
  const server = spawn(
    'java',
    javaArguments(
      'parts.HapiServer',
      String(options.port ?? 0),
      ...(options.subscriptions === true ? ['subscriptions'] : []),
      ...(options.fhirVersion === 'R5' ? ['R5'] : []),
    ),
    {
      cwd: home,
      stdio: ['pipe', 'pipe', 'pipe'],
    },
  );
  return { url: await readyAt(server), close: () => stop(server) };
}

/**
 * Validates every JSON file below a directory against FHIR R4 and the profiles that it claims, of IHE BALP and our own.
 * @throws {Error} if the validator itself failed.
 */
export async function validateEvents(directory: string): Promise<Validation> {
  await buildJavaParts();
  const { code, output, errors } = await finished(
    spawn('java', javaArguments('parts.ValidateEvents', directory, ...profileFolders), {
      cwd: home,
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );
  const lines = output.trimEnd().split('\n');
  const counts = /^(\d+) valid, (\d+) invalid$/.exec(lines.pop() ?? '');
  if (counts === null || (code !== 0 && code !== 1)) throw new Error(`the validator ended with ${code}:\n${errors}`);
  const profiles = new Map<string, number>();
  const complaints: string[] = [];
  for (const line of lines) {
    const claimed = /^profile (\S+) (\d+)$/.exec(line);
    if (claimed?.[1] === undefined) complaints.push(line);
    else profiles.set(claimed[1], Number(claimed[2]));
  }
  return { valid: Number(counts[1]), invalid: Number(counts[2]), complaints, profiles };
}

function isBuilt(): boolean {
  if (!existsSync(classpathFile)) return false;
  const jars = readFileSync(classpathFile, 'utf8').trim().split(delimiter);
  const builtAt = statSync(classpathFile).mtimeMs;
  return jars.every((jar) => existsSync(jar)) && sources().every((file) => statSync(file).mtimeMs <= builtAt);
}

function sources(): string[] {
  const below = readdirSync(join(home, 'src'), { recursive: true, withFileTypes: true });
  return [
    join(home, 'pom.xml'),
    ...below.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name)),
  ];
}

function javaArguments(main: string, ...rest: string[]): string[] {
  const classpath = [join(home, 'target', 'classes'), readFileSync(classpathFile, 'utf8').trim()].join(delimiter);
  return [...javaOptions, '-cp', classpath, main, ...rest];
}

async function readyAt(server: ChildProcess): Promise<string> {
  const said: string[] = [];
  server.stderr?.on('data', (chunk: Buffer) => said.push(chunk.toString('utf8')));
  const ready = new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('not ready in time')), startTimeoutMs);
    const settle = (act: () => void) => {
      clearTimeout(timer);
      act();
    };
    if (server.stdout !== null) {
      createInterface(server.stdout).on('line', (line) => {
        const url = /^READY (\S+)$/.exec(line)?.[1];
        if (url !== undefined) settle(() => resolve(url));
      });
    }
    server.once('error', (error) => settle(() => reject(error)));
    server.once('exit', (code) => settle(() => reject(new Error(`ended with ${code}`))));
  });
  try {
    return await ready;
  } catch (cause) {
    await stop(server);
    throw new Error(`HAPI did not start:\n${said.join('')}`, { cause });
  }
}

/** Closing its input ends the server; a server that does not listen is killed. */
async function stop(server: ChildProcess): Promise<void> {
  if (server.pid === undefined || server.exitCode !== null || server.signalCode !== null) return;
  const exited = once(server, 'exit');
  const timer = setTimeout(() => server.kill('SIGKILL'), stopTimeoutMs);
  server.stdin?.end();
  await exited;
  clearTimeout(timer);
}

async function finished(process: ChildProcess): Promise<{ code: number | null; output: string; errors: string }> {
  const output: string[] = [];
  const errors: string[] = [];
  process.stdout?.on('data', (chunk: Buffer) => output.push(chunk.toString('utf8')));
  process.stderr?.on('data', (chunk: Buffer) => errors.push(chunk.toString('utf8')));
  const [code] = (await once(process, 'close')) as [number | null];
  return { code, output: output.join(''), errors: errors.join('') };
}
