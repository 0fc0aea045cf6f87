import { randomBytes } from 'node:crypto';
import { copyFileSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { loadKeys } from '../../src/audit/keys.ts';
import { Outbox, OutboxBusy, type Writing } from '../../src/audit/outbox.ts';
import { configOf, temporaryDirectory } from './disclosures.ts';

const writing = (records: readonly string[], changes: Partial<Writing> = {}): Writing => ({
  records,
  pending: 1,
  at: 1_000,
  completions: [],
  acknowledgements: [],
  ...changes,
});

describe('the outbox', () => {
  let directory: ReturnType<typeof temporaryDirectory>;
  let file: string;
  const opened: Outbox[] = [];
  const open = (from = file): Outbox => {
    const outbox = Outbox.open(from, () => loadKeys({ ...configOf(directory.path), outboxFile: file }));
    opened.push(outbox);
    return outbox;
  };
  const texts = (outbox: Outbox): (string | undefined)[] =>
    outbox.pending(1, 0, 1_000).map((sequence) => outbox.find(1, sequence)?.text);

  beforeEach(() => {
    directory = temporaryDirectory();
    file = join(directory.path, 'outbox.db');
  });
  afterEach(() => {
    for (const outbox of opened.splice(0)) {
      try {
        outbox.close();
      } catch {
        // closed by the test
      }
    }
    directory.remove();
  });

  it('gives back what was written, in order, after it was closed', () => {
    const outbox = open();
    expect(outbox.write(writing(['one', 'two']))).toBe(1);
    expect(outbox.write(writing(['three']))).toBe(3);
    outbox.close();
    expect(texts(open())).toEqual(['one', 'two', 'three']);
  });

  it('never gives a sequence number twice, not even after all was delivered', () => {
    const outbox = open();
    outbox.write(writing(['one', 'two']));
    outbox.write(writing([], { acknowledgements: [1, 2].map((sequence) => ({ sequence, stream: 1 })) }));
    expect(outbox.count).toBe(0);
    outbox.close();
    expect(open().write(writing(['three']))).toBe(3);
  });

  it('removes a record when every stream has it, and not before', () => {
    const outbox = open();
    outbox.write(writing(['one'], { pending: 3 }));
    outbox.write(writing([], { acknowledgements: [{ sequence: 1, stream: 1 }] }));
    expect([outbox.count, outbox.pending(1, 0, 9), outbox.pending(2, 0, 9)]).toEqual([1, [], [1]]);
    outbox.write(writing([], { acknowledgements: [{ sequence: 1, stream: 2 }] }));
    expect([outbox.count, outbox.usedBytes]).toEqual([0, 0]);
  });

  it('counts its bytes alike before and after a restart', () => {
    const outbox = open();
    outbox.write(writing(['one', 'a longer record than that']));
    outbox.write(writing([], { acknowledgements: [{ sequence: 1, stream: 1 }] }));
    const { usedBytes } = outbox;
    expect(usedBytes).toBe(Outbox.sizeOf(['a longer record than that']));
    outbox.close();
    expect(open().usedBytes).toBe(usedBytes);
  });

  it('keeps completions, and none for what is gone', () => {
    const outbox = open();
    outbox.write(writing(['one']));
    const completion = { sequence: 1, bytesSent: 12, aborted: true };
    outbox.write(writing([], { completions: [completion, { ...completion, sequence: 99 }] }));
    expect(outbox.find(1, 1)?.completion).toEqual(completion);
    outbox.write(writing([], { acknowledgements: [{ sequence: 1, stream: 1 }] }));
    outbox.close();
    const left = new DatabaseSync(file);
    expect(left.prepare('SELECT count(*) AS count FROM completion').get()?.count).toBe(0);
    left.close();
  });

  it('holds no record in the clear, in no file, and no file is for others to read', () => {
    const outbox = open();
    outbox.write(writing(['planted-patient-name', 'x'.repeat(100_000)]));
    for (const name of readdirSync(directory.path)) {
      expect(readFileSync(join(directory.path, name)).includes('planted-patient-name')).toBe(false);
      expect(statSync(join(directory.path, name)).mode & 0o077).toBe(0);
    }
    expect(readdirSync(directory.path)).toContain('outbox.db-wal');
    expect(texts(outbox)).toContain('planted-patient-name');
  });

  it('does not start without the key that sealed a record', () => {
    const outbox = open();
    outbox.write(writing(['one']));
    outbox.close();
    writeFileSync(`${file}.key`, randomBytes(32).toString('base64'));
    expect(() => open()).toThrow(/sealed with key [0-9a-f]{16}, which is not configured/);
  });

  it('opens what an earlier key sealed, and seals with the current one', () => {
    const [first, second] = ['first', 'second'].map((name) => {
      const path = join(directory.path, name);
      writeFileSync(path, randomBytes(32).toString('hex'));
      return path;
    }) as [string, string];
    const withKeys = (currentFile: string, previousFiles: string[]) =>
      Outbox.open(file, () =>
        loadKeys(configOf(directory.path, { key: { kind: 'file', currentFile, previousFiles } })),
      );
    const before = withKeys(first, []);
    before.write(writing(['one']));
    before.close();
    const after = withKeys(second, [first]);
    after.write(writing(['two']));
    expect(texts(after)).toEqual(['one', 'two']);
    after.write(writing([], { acknowledgements: [{ sequence: 1, stream: 1 }] }));
    after.close();
    const later = withKeys(second, []);
    expect(texts(later)).toEqual(['two']);
    later.close();
  });

  it.each(['', 'short', 'A'.repeat(45), 'g'.repeat(64)])('takes no key file that holds "%s"', (text) => {
    writeFileSync(join(directory.path, 'key'), text);
    const key = { kind: 'file', currentFile: join(directory.path, 'key') };
    expect(() => loadKeys(configOf(directory.path, { key }))).toThrow(/32 bytes/);
  });

  it('does not open a record that was moved to another number or changed', () => {
    const outbox = open();
    outbox.write(writing(['one', 'two', 'three']));
    const other = new DatabaseSync(file);
    other.exec('UPDATE record SET sealed = (SELECT sealed FROM record WHERE sequence = 2) WHERE sequence = 1');
    other.exec('UPDATE record SET sealed = zeroblob(30) WHERE sequence = 3');
    other.close();
    expect(() => outbox.find(1, 1)).toThrow();
    expect(outbox.find(1, 2)?.text).toBe('two');
    expect(() => outbox.find(1, 3)).toThrow();
  });

  it('never seals twice under one key and nonce: equal records differ, also after a restart with the same number', () => {
    const sealed = (): string => {
      const reader = new DatabaseSync(file);
      const row = reader.prepare('SELECT hex(sealed) AS hex FROM record ORDER BY sequence DESC').get();
      reader.close();
      return String(row?.hex);
    };
    const outbox = open();
    outbox.close();
    const copy = join(directory.path, 'copy.db');
    copyFileSync(file, copy);
    const first = open();
    first.write(writing(['same']));
    const once = sealed();
    first.close();
    copyFileSync(copy, file); // as if the commit had never reached the disk
    const second = open();
    expect(second.write(writing(['same']))).toBe(1);
    expect(sealed()).not.toBe(once);
  });

  it('has one writer', () => {
    open();
    expect(() => open()).toThrow(/another gateway uses this outbox/);
  }, 20_000);

  it('writes nothing while another connection holds it, and goes on after', () => {
    const outbox = open();
    const other = new DatabaseSync(file);
    other.exec('BEGIN IMMEDIATE');
    expect(() => outbox.write(writing(['one']))).toThrow(OutboxBusy);
    other.exec('COMMIT');
    other.close();
    expect(outbox.write(writing(['two']))).toBe(1);
    expect(texts(outbox)).toEqual(['two']);
  }, 20_000);

  it('a torn tail of the write-ahead log loses what was not synced whole, and nothing before it', () => {
    const outbox = open();
    outbox.write(writing(['one']));
    outbox.write(writing(['two']));
    const wholeBytes = statSync(`${file}-wal`).size;
    outbox.write(writing(['three']));
    const torn = join(directory.path, 'torn.db'); // what a crash leaves: the files as they are, the last frames half written
    copyFileSync(file, torn);
    copyFileSync(`${file}-wal`, `${torn}-wal`);
    truncateSync(`${torn}-wal`, wholeBytes + 1_000);
    expect(texts(open(torn))).toEqual(['one', 'two']);
  });

  it('removes what waited only for a stream that is no longer configured', () => {
    const outbox = open();
    outbox.write(writing(['both'], { pending: 3 }));
    outbox.write(writing(['second only'], { pending: 2 }));
    outbox.keepFor(1, 0);
    expect(outbox.count).toBe(1);
    expect(texts(outbox)).toEqual(['both']);
    expect(outbox.usedBytes).toBe(Outbox.sizeOf(['both']));
  });
});
