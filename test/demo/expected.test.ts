import { describe, expect, it } from '@jest/globals';
import type { Found } from '../../examples/demo/ask.ts';
import { search } from '../../examples/demo/ask.ts';
import { differencesOf, forbiddenFor, isExact } from '../../examples/demo/check.ts';
import { type ExactObject, parseExact } from '../../examples/demo/embedded/exact.ts';
import { startEmbeddedServer } from '../../examples/demo/embedded-server.ts';
import { readExpected } from '../../examples/demo/expected.ts';
import { peopleBundles, textsOf } from '../../examples/demo/load.ts';
import { requesters } from '../../examples/demo/requesters.ts';

const expected = readExpected();

describe('expected.yaml', () => {
  it.each(expected.searches.map((one) => [one.request, one] as const))(
    '%s says once what each requester gets, all of it upstream',
    (_request, { answers, upstream }) => {
      const told = answers.flatMap(({ to }) => to).sort();
      expect(told).toEqual(requesters.map(({ id }) => id).sort());
      for (const { ids } of answers) expect(upstream).toEqual(expect.arrayContaining(ids));
    },
  );

  it('knows what the FHIR server has', async () => {
    const server = await startEmbeddedServer({ resources: textsOf(peopleBundles()) });
    for (const { request, upstream } of expected.searches) {
      const { ids } = await search(`${server.url}/${request.replace(/&_count=\d+/, '')}`, {});
      expect([request, [...ids].sort()]).toEqual([request, [...upstream].sort()]);
    }
    await server.close();
  });

  it('lets the steward see everything and somebody miss something in every search', () => {
    for (const { answers, upstream } of expected.searches) {
      const steward = answers.find(({ to }) => to.includes('steward'));
      expect([...(steward?.ids ?? [])].sort()).toEqual([...upstream].sort());
      expect(answers.some(({ ids }) => ids.length < upstream.length)).toBe(true);
    }
  });
});

const resource = parseExact('{"resourceType":"Observation","id":"a","valueQuantity":{"value":1.00}}') as ExactObject;
const upstream = foundWith([resource]);

function foundWith(resources: ExactObject[], overrides: Partial<Found> = {}): Found {
  const ids = resources.map(({ id }) => String(id));
  return {
    status: 200,
    ids,
    resources,
    total: undefined,
    text: JSON.stringify(resources),
    milliseconds: 0,
    ...overrides,
  };
}

describe('the comparison', () => {
  const answer = { to: ['x'], ids: ['a'], consents: [], because: '' };

  it('accepts what is as stated', () => {
    expect(differencesOf(foundWith([resource], { total: '1' }), answer, upstream, ['b'])).toEqual([]);
  });

  it.each([
    ['lacks', foundWith([])],
    ['repeats', foundWith([resource, resource])],
    ['has b too', foundWith([resource, parseExact('{"id":"b"}') as ExactObject])],
    ['total', foundWith([resource], { total: '2' })],
    ['status', foundWith([resource], { status: 500 })],
    ['hints at hidden', foundWith([resource], { text: '{"reference":"Condition/hidden"}' })],
    ['number', foundWith([parseExact('{"id":"a","valueQuantity":{"value":1}}') as ExactObject])],
  ])('notices: %s', (difference, found) => {
    expect(differencesOf(found, answer, upstream, ['hidden']).join()).toContain(difference);
  });

  it('notices a changed digit in a cleared requester’s answer', () => {
    expect(isExact(resource, upstream)).toBe(true);
    expect(
      isExact(
        parseExact('{"resourceType":"Observation","id":"a","valueQuantity":{"value":1.0}}') as ExactObject,
        upstream,
      ),
    ).toBe(false);
  });

  it('forbids a requester to see named what no search gives her', () => {
    expect(forbiddenFor('dr-grey', expected)).toEqual(expect.arrayContaining(['ada-oud', 'ada-enc-lakeside', 'eve']));
    expect(forbiddenFor('dr-grey', expected)).not.toContain('ada-a1c');
    expect(forbiddenFor('steward', expected)).toEqual([]);
  });
});
