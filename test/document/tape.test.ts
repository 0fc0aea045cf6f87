import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Edits } from '../../src/document/edits.ts';
import { Output } from '../../src/document/output.ts';
import { kinds, MalformedDocument, type Node, scan, type Tape } from '../../src/document/tape.ts';

const limits = { maximumDepth: 64, maximumMembers: 50, maximumNodes: 10_000, maximumStringBytes: 10_000 };
const open = (text: string | Uint8Array): Tape => scan(typeof text === 'string' ? Buffer.from(text) : text, limits);
const written = (tape: Tape, edits = new Edits()): string => Buffer.concat(edits.write(tape, 0)).toString('utf8');

/** The value a tape holds, read through its own accessors alone. */
function readBack(tape: Tape, node: Node): unknown {
  switch (tape.kind(node)) {
    case kinds.object: {
      const object: Record<string, unknown> = {};
      for (let child = tape.firstChild(node); child >= 0; child = tape.next(child))
        object[tape.nameText(child)] = readBack(tape, child);
      return object;
    }
    case kinds.array: {
      const items: unknown[] = [];
      for (let child = tape.firstChild(node); child >= 0; child = tape.next(child)) items.push(readBack(tape, child));
      return items;
    }
    case kinds.string:
      return tape.text(node);
    default:
      return JSON.parse(tape.raw(node));
  }
}

const names = fc.oneof(
  fc.constantFrom('id', 'code', 'reference', 'subject', 'status', '_id', 'x', 'é', 'a"b', '\u2028'),
  fc.string({ maxLength: 5 }),
);
const isPoison = (key: string): boolean => ['__proto__', 'constructor', 'prototype'].includes(key);
const wellFormed = (text: string): boolean => text.isWellFormed() && !text.includes('\0');
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.string({ unit: 'grapheme' }).filter(wellFormed),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer(),
    fc.constantFrom(true, false, null),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(
      names.filter((name) => !isPoison(name) && wellFormed(name)),
      tie('value'),
      { maxKeys: 6 },
    ),
  ),
})).value;

describe('a document is read strictly', () => {
  it('reads what JSON.parse reads, whatever the spacing', () => {
    fc.assert(
      fc.property(json, fc.constantFrom(undefined, 1, '\t'), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        const tape = open(text);
        expect(readBack(tape, 0)).toEqual(JSON.parse(text));
        expect(written(tape)).toBe(text);
      }),
      { numRuns: 1_000 },
    );
  });

  it('never accepts what JSON.parse rejects', () => {
    const noise = fc.array(
      fc.constantFrom(
        '{',
        '}',
        '[',
        ']',
        '"',
        ':',
        ',',
        '1',
        '-',
        '.',
        'e',
        'true',
        'nul',
        '\\',
        'u',
        '00',
        ' ',
        '\n',
        'a',
        '/',
      ),
      { maxLength: 14 },
    );
    fc.assert(
      fc.property(noise, (parts) => {
        const text = parts.join('');
        let accepted = true;
        try {
          open(text);
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedDocument);
          accepted = false;
        }
        if (accepted) expect(() => JSON.parse(text)).not.toThrow();
      }),
      { numRuns: 20_000 },
    );
  });

  it('is cut short at every byte: never a document', () => {
    const text = JSON.stringify({
      resourceType: 'Bundle',
      entry: [{ resource: { id: 'é\n', value: 1.5e3, list: [true, null, {}] } }],
    });
    for (let end = 0; end < Buffer.byteLength(text); end++)
      expect(() => open(Buffer.from(text).subarray(0, end))).toThrow(MalformedDocument);
  });

  it.each([
    ['duplicate members', '{"meta":{},"id":"1","meta":{"security":[]}}'],
    ['duplicate members behind escapes', '{"meta":{},"m\\u0065ta":{}}'],
    ['duplicate members unknown to FHIR', '{"zz":1,"zz":2}'],
    ['duplicates with an object of the same names between', '{"id":{"id":1},"id":2}'],
    ['__proto__', '{"__proto__":{"a":1}}'],
    ['constructor', '{"a":{"constructor":1}}'],
    ['prototype, escaped', '{"protot\\u0079pe":1}'],
    ['trailing data', '{}{}'],
    ['two values', '1 2'],
    ['nothing', ''],
    ['a lone high surrogate', '"\\ud800"'],
    ['a lone low surrogate', '"\\udc00x"'],
    ['a reversed pair', '"\\udc00\\ud800"'],
    ['NUL', '"\\u0000"'],
    ['a raw control character', '"a\u0001"'],
    ['a leading zero', '01'],
    ['a bare fraction', '.5'],
    ['NaN', 'NaN'],
    ['a comment', '{}//'],
    ['a trailing comma', '[1,]'],
    ['single quotes', "{'a':1}"],
    ['too deep', `${'['.repeat(65)}${']'.repeat(65)}`],
    ['too many members', `{${Array.from({ length: 51 }, (_, i) => `"k${i}":1`).join(',')}}`],
    ['too many values', `[${'1,'.repeat(10_001)}1]`],
    ['too long a string', `"${'a'.repeat(10_001)}"`],
    ['a second byte order mark', '\ufeff\ufeff{}'],
  ])('refuses %s', (_, text) => {
    expect(() => open(text)).toThrow(MalformedDocument);
  });

  it('refuses bytes that are not UTF-8', () => {
    for (const bytes of [
      [0x22, 0xff, 0x22],
      [0x22, 0xc0, 0xaf, 0x22],
      [0x22, 0xed, 0xa0, 0x80, 0x22],
      [0x22, 0xf4, 0x90, 0x80, 0x80, 0x22],
    ]) {
      expect(() => open(Uint8Array.from(bytes))).toThrow(MalformedDocument);
    }
  });

  it('tolerates one byte order mark and reads escaped names as what they mean', () => {
    expect(readBack(open('\ufeff{"m\\u0065ta":"\\u0045TH"}'), 0)).toEqual({ meta: 'ETH' });
  });

  it('stays linear and small on 200,000 open brackets', () => {
    expect(() => open('['.repeat(200_000))).toThrow(MalformedDocument);
  });
});

describe('edits', () => {
  const numbers = '{"a":1.00,"b":[1e400,12345678901234567890,-0.0],"c":{"d":0.10}}';

  it('leave every untouched digit as it came', () => {
    expect(written(open(numbers))).toBe(numbers);
  });

  it('cut members and items like the same change made on the parsed value', () => {
    fc.assert(
      fc.property(fc.array(json, { maxLength: 6 }), fc.func(fc.boolean()), (values, chosen) => {
        const text = JSON.stringify({ list: values, more: { nested: values } });
        const tape = open(text);
        const edits = new Edits();
        for (let node = 1; node < tape.length; node++) {
          const parent = tape.parent(node);
          if (chosen(node) && parent > 0) edits.cut(node);
        }
        expect(JSON.parse(written(tape, edits))).toEqual(pruned(tape, 0, edits));
      }),
      { numRuns: 500 },
    );
  });

  it('put and append JSON text where they are told', () => {
    const tape = open('{ "meta" : {"versionId":"1"}, "x": [ ] , "y":{}}');
    const meta = tape.firstChild(0);
    const edits = new Edits();
    edits.put(tape.firstChild(meta), '"v"');
    edits.append(meta, '"tag":[]');
    edits.append(0, '"z":1');
    edits.append(tape.next(tape.next(meta)), '"w":2');
    expect(JSON.parse(written(tape, edits))).toEqual({ meta: { versionId: 'v', tag: [] }, x: [], y: { w: 2 }, z: 1 });
  });

  it('are written as they are now, whatever was written before there were as many', () => {
    const tape = open('{"meta":{"versionId":"1","source":"s"},"x":[1,2]}');
    const meta = tape.firstChild(0);
    const edits = new Edits();
    expect(written(tape, edits)).toBe('{"meta":{"versionId":"1","source":"s"},"x":[1,2]}');
    const without = new Output(256);
    edits.writeTo(without, tape, 0, meta);
    expect(Buffer.from(without.bytes).toString()).toBe('{"x":[1,2]}');
    edits.put(tape.firstChild(meta), '"v"');
    expect(written(tape, edits)).toBe('{"meta":{"versionId":"v","source":"s"},"x":[1,2]}');
    edits.cut(tape.next(tape.firstChild(meta)));
    expect(written(tape, edits)).toBe('{"meta":{"versionId":"v"},"x":[1,2]}');
  });

  function pruned(tape: Tape, node: Node, edits: Edits): unknown {
    const whole = readBack(tape, node);
    if (typeof whole !== 'object' || whole === null) return whole;
    if (Array.isArray(whole)) {
      const items: unknown[] = [];
      for (let child = tape.firstChild(node); child >= 0; child = tape.next(child))
        if (!edits.isCut(child)) items.push(pruned(tape, child, edits));
      return items;
    }
    const object: Record<string, unknown> = {};
    for (let child = tape.firstChild(node); child >= 0; child = tape.next(child)) {
      if (!edits.isCut(child)) object[tape.nameText(child)] = pruned(tape, child, edits);
    }
    return object;
  }
});

describe('what a tape mentions', () => {
  it('is what the bytes below a node hold, in whatever order it is asked', () => {
    const texts = fc.constantFrom('http://a', 'http:\\/\\/a', '\\u0061', 'b', 'http:', 'a');
    fc.assert(
      fc.property(fc.array(texts, { maxLength: 12 }), fc.array(fc.nat(), { maxLength: 30 }), (values, order) => {
        const text = `[${values.map((value) => `["${value}"]`).join(',')}]`;
        const tape = open(text);
        for (const number of order) {
          const node = number % tape.length;
          const own = text.slice(tape.starts[node], tape.ends[node]);
          const may = ['http://a', '\\/', '\\u00'].some((sought) => own.includes(sought));
          expect(tape.mentions('http://a', node)).toBe(may);
        }
      }),
    );
  });
});
