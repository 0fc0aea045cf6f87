import { describe, expect, it } from '@jest/globals';
import type { Release, Withhold } from '../../src/decide/decision.ts';
import { Authored, Content } from '../../src/document/content.ts';
import { Edits } from '../../src/document/edits.ts';
import { scan } from '../../src/document/tape.ts';
import { bundleReply, bytesOf, type Part } from '../../src/enforce/assemble.ts';

const limits = { maximumDepth: 64, maximumMembers: 50, maximumNodes: 100, maximumStringBytes: 100 };
const undecided = (): Content<'undecided'> =>
  Content.received(scan(Buffer.from('{"resourceType":"Basic","id":"1"}'), limits), 0);
const release: Release = { outcome: 'release', reasons: [{ code: 'test', step: 8 }], obligations: [] };
const withhold: Withhold = { outcome: 'withhold', reasons: [{ code: 'test', step: 8 }] };

describe('content that no decision has been carried out on cannot be sent', () => {
  it('does not compile, and fails where the compiler is deceived', () => {
    const content = undecided();
    // @ts-expect-error undecided content has no chunks
    expect(() => content.chunks()).toThrow('undecided content reached a writer');
    // @ts-expect-error undecided content is no part of a reply
    const part: Part = content;
    expect(() => bytesOf([part])).toThrow('undecided content reached a writer');
    // @ts-expect-error plain bytes are no part of a reply
    const bytes: Part = Buffer.from('{}');
    expect(() => bytesOf([bytes])).toThrow();
    // @ts-expect-error a look-alike is no part of a reply
    const alike: Part = { ...content };
    expect(() => bytesOf([alike])).toThrow();
  });

  it('passes through the one door only with a release', () => {
    // @ts-expect-error a Withhold does not fit through the door
    expect(() => undecided().release(withhold, new Edits())).toThrow();
    expect(Buffer.concat([...undecided().release(release, new Edits()).chunks()]).toString()).toBe(
      '{"resourceType":"Basic","id":"1"}',
    );
  });

  it('stands in a Bundle between text of the gateway itself', () => {
    const reply = bundleReply(
      {
        id: 'b',
        type: 'searchset',
        timestamp: '2026-01-01T00:00:00Z',
        total: 1,
        links: [],
        obligations: [],
        statement: 'short',
      },
      [
        {
          fullUrl: 'https://gateway.example/Basic/1',
          content: undecided().release(release, new Edits()),
          tail: '"search":{"mode":"match"}',
        },
      ],
    );
    expect(reply.body.some((part) => part instanceof Authored)).toBe(true);
    const bundle = JSON.parse(Buffer.concat([...bytesOf(reply.body)]).toString());
    expect(bundle.entry).toEqual([
      {
        fullUrl: 'https://gateway.example/Basic/1',
        resource: { resourceType: 'Basic', id: '1' },
        search: { mode: 'match' },
      },
    ]);
  });
});
