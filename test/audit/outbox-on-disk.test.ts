import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Outbox } from '../../src/audit/outbox.ts';
import { configOf, temporaryDirectory } from './disclosures.ts';
import { itKeepsTheRecord, type OutboxPlace } from './outbox-contract.ts';

async function onDisk(): Promise<OutboxPlace> {
  const directory = temporaryDirectory();
  const file = configOf(directory.path).outboxFile;
  return {
    config: (changes) => configOf(directory.path, changes),
    count: async () => {
      const reader = new DatabaseSync(file, { readOnly: true });
      const count = Number(reader.prepare('SELECT count(*) AS count FROM record').get()?.count);
      reader.close();
      return count;
    },
    stored: async () => {
      const files = readdirSync(directory.path).map((name) => join(directory.path, name));
      return Buffer.concat(files.filter((path) => statSync(path).isFile()).map((path) => readFileSync(path)));
    },
    chain: async () => {
      const outbox = Outbox.openToRead(file, undefined);
      const { id } = outbox;
      const { head, entries } = outbox.rest(0);
      outbox.close();
      return { id, head, entries };
    },
    stop: async () => {
      const holder = new DatabaseSync(file);
      holder.exec('BEGIN IMMEDIATE'); // nothing can be committed now
      return async () => {
        holder.exec('COMMIT');
        holder.close();
      };
    },
    remove: async () => directory.remove(),
  };
}

itKeepsTheRecord('on disk', onDisk);
