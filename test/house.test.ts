import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const root = fileURLToPath(new URL('../src/', import.meta.url));
const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
const roomOf = (file: string): string => (file.includes('/') ? (file.split('/')[0] as string) : file);

/** A request's journey: a room may use what stands before it here, and of what stands behind it types at most. */
const vocabulary = ['errors', 'fhir', 'config', 'telemetry', 'document'];
const stages = [
  'authenticate',
  'policy',
  'context',
  'plan',
  'upstream',
  'label',
  'consent',
  'decide',
  'enforce',
  'discover',
  'audit',
  'steward', // looks after the labels in the store; nothing of a request goes through it
  'administer', // explains and compares what the rooms above decide
  'services', // answers to others: all the rooms above, and nobody needs it
];
/** What puts the rooms together: the story, what is built once, the listeners, the verbs of the command line. */
const builders = [
  'edges.ts',
  'routes.ts',
  'gateway.ts',
  'house.ts',
  'service-house.ts',
  'administration-house.ts',
  'http',
  'self-probe.ts',
  'serve.ts',
  'doctor',
  'commands',
  'main.ts',
];
/** Rooms that decide: no I/O, no clock, no logger, no client. */
const pure = ['context', 'plan', 'document', 'label', 'decide', 'enforce', 'fhir', 'errors'];
/** node:buffer and hashing are functions of their input; reading a shipped table once at load is not the request's I/O. */
const pureBuiltins: Record<string, readonly string[]> = {
  document: ['node:buffer'],
  enforce: ['node:crypto'],
  label: ['node:crypto', 'node:fs', 'node:url', 'node:path', 'node:zlib'],
};

interface Import {
  readonly from: string;
  readonly target: string;
  readonly typeOnly: boolean;
}

const imports: readonly Import[] = files.flatMap((file) => {
  const source = readFileSync(join(root, file), 'utf8');
  return [...source.matchAll(/^import\s+(type\s)?([\s\S]*?)\bfrom '([^']+)'/gm)].map(([, type, names, target]) => ({
    from: file,
    target: target as string,
    typeOnly:
      type !== undefined ||
      !/[\w$]/.test((names as string).replace(/[{},\s]/g, ' ').replace(/\btype\s+\w+(\s+as\s+\w+)?/g, '')),
  }));
});
const local = imports
  .filter(({ target }) => target.startsWith('.'))
  .map((one) => ({ ...one, to: relative(root, normalize(join(root, dirname(one.from), one.target))) }));

describe('the house', () => {
  it('knows every room', () => {
    const rooms = new Set(files.map(roomOf));
    const known = [...vocabulary, ...stages, ...builders];
    expect([...rooms].filter((room) => !known.includes(room))).toEqual([]);
  });

  it('lets values flow one way: a stage takes only types from a stage behind it', () => {
    const order = [...vocabulary, ...stages];
    const wrong = local.filter(({ from, to, typeOnly }) => {
      const [here, there] = [roomOf(from), roomOf(to)];
      if (typeOnly || here === there || !order.includes(here)) return false;
      return !vocabulary.includes(there) && order.indexOf(there) > order.indexOf(here);
    });
    expect(wrong.map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
  });

  it('keeps the gateway, the listeners, the verbs and main out of every room', () => {
    const wrong = local.filter(({ from, to, typeOnly }) => {
      return !typeOnly && builders.includes(roomOf(to)) && !builders.includes(roomOf(from));
    });
    expect(wrong.map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
  });

  it('keeps I/O, clock and logger out of the rooms that decide', () => {
    const wrong = imports.filter(({ from, target, typeOnly }) => {
      const room = roomOf(from);
      if (!pure.includes(room) || typeOnly) return false;
      if (target.startsWith('node:')) return !(pureBuiltins[room] ?? []).includes(target);
      return (
        ['undici', 'winston', 'ioredis', 'express', 'openid-client', 'prom-client'].includes(target) ||
        /\.\.\/telemetry\//.test(target)
      );
    });
    expect(wrong.map(({ from, target }) => `${from} -> ${target}`)).toEqual([]);
    const clocks = files.filter(
      (file) =>
        pure.includes(roomOf(file)) &&
        /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(|\bMath\.random\(/.test(
          readFileSync(join(root, file), 'utf8'),
        ),
    );
    expect(clocks).toEqual([]);
  });

  it('reads the environment in main.ts alone', () => {
    const readers = files.filter(
      (file) => file !== 'main.ts' && /\bprocess\.env\b/.test(readFileSync(join(root, file), 'utf8')),
    );
    expect(readers).toEqual([]);
  });
});
