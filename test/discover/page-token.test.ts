import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { PageTokens, pageTokenLength } from '../../src/discover/page-token.ts';

const key = randomBytes(32);
const tokens = new PageTokens({ keys: () => [key], lifetimeMs: 60_000, maximumKept: 10 });
const state = {
  path: ['Observation'],
  parameters: [['code', 'x'] as const],
  position: { source: 0, cursor: { offset: 7 }, skip: 3 },
  issuedAt: 1_000,
};

describe('page tokens', () => {
  it('give back what was sealed, to the same requester', () => {
    expect(tokens.open(tokens.seal(state, 'r'), 'r', 2_000)).toEqual(state);
  });

  it('have one length, whatever they stand for', () => {
    const large = { ...state, parameters: [['_id', 'x'.repeat(5_000)] as const] };
    for (const one of [state, large, { ...state, total: 12 }]) {
      const token = tokens.seal(one, 'r');
      expect(token).toHaveLength(pageTokenLength);
      expect(tokens.open(token, 'r', 2_000)).toEqual(one);
    }
  });

  it('of somebody else, altered, expired, made up or of another key are alike', () => {
    const token = tokens.seal(state, 'r');
    const flipped = `${token.slice(0, 100)}${token[100] === 'A' ? 'B' : 'A'}${token.slice(101)}`;
    const other = new PageTokens({ keys: () => [randomBytes(32)], lifetimeMs: 60_000, maximumKept: 10 }).seal(
      state,
      'r',
    );
    const wrong: readonly (readonly [string, string, number])[] = [
      [token, 'somebody else', 2_000],
      [flipped, 'r', 2_000],
      [token, 'r', 1_000_000],
      [other, 'r', 2_000],
      ['A'.repeat(pageTokenLength), 'r', 2_000],
      ['short', 'r', 2_000],
      ['', 'r', 2_000],
    ];
    for (const [text, binding, now] of wrong)
      expect(() => tokens.open(text, binding, now)).toThrow(expect.objectContaining({ code: 'page-not-found' }));
  });

  it('survive a rotation of keys for as long as the old key is kept', () => {
    const rotated = new PageTokens({ keys: () => [randomBytes(32), key], lifetimeMs: 60_000, maximumKept: 10 });
    expect(rotated.open(tokens.seal(state, 'r'), 'r', 2_000)).toEqual(state);
  });

  it('show nothing of a search value', () => {
    const token = tokens.seal({ ...state, parameters: [['name', 'PLANTED-MARKER']] }, 'r');
    expect(Buffer.from(token, 'base64url').toString('latin1')).not.toContain('PLANTED-MARKER');
  });
});
