import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Linked } from '../../src/audit/chain.ts';
import { configOf, temporaryDirectory } from '../audit/disclosures.ts';
import { itKeepsTheRecord, type OutboxPlace } from '../audit/outbox-contract.ts';
import { startRedis } from './redis-server.ts';

async function inRedis(): Promise<OutboxPlace> {
  const directory = temporaryDirectory();
  const server = await startRedis({ extra: ['--appendonly', 'yes', '--appendfsync', 'always'] });
  const { client } = server;
  const [key, signing] = [join(directory.path, 'key'), join(directory.path, 'signing')];
  writeFileSync(key, randomBytes(32).toString('hex'));
  writeFileSync(signing, generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const streams = (): Promise<string[]> => client.keys('*:record');
  return {
    config: (changes) =>
      configOf(directory.path, {
        redis: { servers: { kind: 'single', host: '127.0.0.1', port: server.port } },
        key: { kind: 'file', currentFile: key },
        signingKey: { kind: 'file', currentFile: signing },
        ...changes,
      }),
    count: async () => {
      let sum = 0;
      for (const stream of await streams()) sum += await client.xlen(stream);
      return sum;
    },
    stored: async () => {
      const all: Buffer[] = [];
      for (const stream of await streams()) {
        for (const [, fields] of await client.xrangeBuffer(stream, '-', '+')) all.push(...fields);
        const rest = ['pending', 'completion', 'head'].map((what) => stream.replace(/record$/, what));
        for (const hash of rest) all.push(...Object.values(await client.hgetallBuffer(hash)));
      }
      return Buffer.concat(all);
    },
    chain: async () => {
      const [stream = ''] = await streams();
      const at = (what: string): string => stream.replace(/record$/, what);
      const entries: Linked[] = [];
      for (const [id, values] of await client.xrangeBuffer(stream, '-', '+')) {
        const of = (name: string): Buffer =>
          values[values.findIndex((value, index) => index % 2 === 0 && String(value) === name) + 1] as Buffer;
        entries.push({
          kind: 'record',
          position: Number(of('position')),
          sequence: Number(String(id).split('-')[0]),
          at: Number(of('at')),
          keyId: String(of('key')),
          salt: of('salt'),
          sealed: of('sealed'),
          link: of('link'),
        });
      }
      for (const [sequence, text] of Object.entries(await client.hgetall(at('completion')))) {
        const end = JSON.parse(text) as { position: number; bytesSent: number; aborted: boolean };
        entries.push({ kind: 'completion', sequence: Number(sequence), link: Buffer.alloc(0), ...end });
      }
      const { position, sequence, link = '' } = await client.hgetall(at('head'));
      return {
        id: /\{(.*)\}/.exec(stream)?.[1] ?? '',
        head: { position: Number(position), sequence: Number(sequence), link: Buffer.from(link, 'hex') },
        entries: entries.sort((one, other) => one.position - other.position),
      };
    },
    stop: async () => {
      server.freeze();
      return async () => server.thaw();
    },
    remove: async () => {
      await server.close();
      directory.remove();
    },
  };
}

itKeepsTheRecord('in Redis', inRedis);
