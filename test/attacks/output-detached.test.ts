import { expect, it } from '@jest/globals';
import { MemoryPool } from '../../src/document/memory.ts';
import { Output } from '../../src/document/output.ts';

/** Memory of an answer was another request's before: whatever is not written there is somebody else's. */

function outputAfterAnother(): Output {
  const pool = new MemoryPool(1_000_000);
  const before = pool.lend();
  before.bytes(65_536).fill('somebody else ');
  before.giveBack();
  return new Output(65_536, pool.lend());
}

it('a slice of memory that was given back is a fault, not what stood there before', () => {
  const out = outputAfterAnother();
  const memory = new ArrayBuffer(40_000);
  const source = Buffer.from(memory);
  memory.transfer(); // as MemoryPool.giveBack does
  expect(() => out.slice(source, 0, 1_000)).toThrow();
});

it('a slice beyond what there is is a fault', () => {
  const out = outputAfterAnother();
  out.text('[');
  try {
    out.slice(Buffer.from('only this much, and no more'), 0, 200);
  } catch {
    return;
  }
  expect(Buffer.from(out.bytes).toString()).not.toContain('somebody else');
});
