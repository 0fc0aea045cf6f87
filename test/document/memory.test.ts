import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Memory, MemoryPool } from '../../src/document/memory.ts';
import { kinds, scan } from '../../src/document/tape.ts';

const large = 40_000;

describe('memory that requests hand on to each other', () => {
  it('is used again', () => {
    const pool = new MemoryPool(1_000_000);
    const first = pool.lend();
    const before = first.bytes(large).buffer.byteLength;
    first.giveBack();
    expect(pool.kept).toBe(before);
    pool.lend().bytes(large);
    expect(pool.kept).toBe(0);
  });

  it('is empty for whoever held it before', () => {
    const pool = new MemoryPool(1_000_000);
    const first = pool.lend();
    const [bytes, integers] = [first.bytes(large), first.integers(large)];
    bytes.fill(1);
    first.giveBack();
    const second = pool.lend();
    second.bytes(large).fill(2);
    second.integers(large).fill(2);
    expect([bytes.length, integers.length, bytes[0], integers[0], bytes.toString('latin1')]).toEqual([
      0,
      0,
      undefined,
      undefined,
      '',
    ]);
    bytes[0] = 3; // goes nowhere
    expect(second.bytes(large)[0]).not.toBe(3);
  });

  it('leaves a tape that outlives its request without anything to read', () => {
    const pool = new MemoryPool(10_000_000);
    const memory = pool.lend();
    const text = JSON.stringify({ resourceType: 'Patient', id: 'one', name: Array(2_000).fill({ family: 'Secret' }) });
    const body = memory.bytes(text.length);
    body.write(text);
    const tape = scan(
      body,
      { maximumDepth: 64, maximumMembers: 1e4, maximumNodes: 1e6, maximumStringBytes: 1e6 },
      memory,
    );
    expect([tape.kind(1), tape.text(1)]).toEqual([kinds.string, 'Patient']);
    memory.giveBack();
    expect([tape.tags.length, tape.bytes.length, tape.text(1)]).toEqual([0, 0, undefined]);
  });

  it('is kept up to a bound, and small pieces never', () => {
    const pool = new MemoryPool(100_000);
    const memory = pool.lend();
    for (let n = 0; n < 10; n++) memory.bytes(large);
    memory.bytes(100);
    memory.giveBack();
    expect(pool.kept).toBeLessThanOrEqual(100_000);
    expect(pool.kept).toBeGreaterThan(0);
    memory.giveBack(); // what was given back is not given back twice
    expect(pool.kept).toBeLessThanOrEqual(100_000);
  });

  it('is of one request at a time, in whatever order requests take and give back', () => {
    const step = fc.record({
      owner: fc.integer({ min: 0, max: 3 }),
      action: fc.constantFrom('bytes', 'integers', 'giveBack'),
      size: fc.integer({ min: 1, max: 200_000 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const pool = new MemoryPool(500_000);
        const owners = Array.from({ length: 4 }, () => ({ memory: pool.lend(), held: [] as (Buffer | Int32Array)[] }));
        for (const { owner, action, size } of steps) {
          const mine = owners[owner] as { memory: Memory; held: (Buffer | Int32Array)[] };
          if (action === 'giveBack') {
            mine.memory.giveBack();
            mine.held = [];
          } else {
            const piece = mine.memory[action](size);
            expect(piece.length).toBe(size);
            piece.fill(owner + 1);
            mine.held.push(piece);
          }
          for (const [other, { held }] of owners.entries())
            for (const piece of held) expect([piece[0], piece[piece.length - 1]]).toEqual([other + 1, other + 1]);
        }
      }),
      { numRuns: 200 },
    );
  });
});
