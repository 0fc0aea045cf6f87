import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { part2, systems } from '../../src/fhir/vocabulary.ts';
import { type Place, startGateway } from '../services/place.ts';

/** Whoever shapes the answer to a Part 2 record gets its labels and its notice all the same; whoever gets none, no trace of either. */

let place: Place;
beforeAll(async () => {
  place = await startGateway();
}, 60_000);
afterAll(() => place.close());

const notice = '42 CFR part 2 prohibits unauthorized use or disclosure of these records.';
const shapes = [
  '_elements=status',
  '_elements=id',
  '_elements=subject',
  '_summary=true',
  '_summary=text',
  '_summary=data',
  '_summary=false',
  '_pretty=true',
];

describe('a Part 2 record', () => {
  it.each(shapes)('keeps labels and notice when it is read with %s', async (shape) => {
    const { status, text } = await place.ask(`${place.fhirUrl}/Observation/ada-drug-screen?${shape}`, { as: 'harbor' });
    expect(status).toBe(200);
    const { meta } = JSON.parse(text) as { meta?: { security?: object[] } };
    expect(meta?.security).toContainEqual({ system: systems.actCode, code: part2 });
    expect(text).toContain(notice);
  });

  it.each(shapes)('keeps them in a search with %s', async (shape) => {
    const { status, text } = await place.ask(`${place.fhirUrl}/Observation?patient=ada&${shape}`, { as: 'harbor' });
    expect(status).toBe(200);
    const { entry } = JSON.parse(text) as { entry: { resource: { id: string; meta?: { security?: object[] } } }[] };
    const screen = entry.find(({ resource }) => resource.id === 'ada-drug-screen')?.resource;
    expect(screen?.meta?.security).toContainEqual({ system: systems.actCode, code: part2 });
    expect(JSON.stringify(screen)).toContain(notice);
    expect(JSON.stringify(entry.map(({ resource }) => resource).filter((one) => !one.meta))).toContain(notice);
  });

  it.each([...shapes, '_summary=count', '_total=accurate'])(
    'leaves no trace to whom it is withheld, with %s',
    async (shape) => {
      const ask = (path: string) => place.ask(`${place.fhirUrl}/${path}`, { as: 'summit' });
      const { status, text, headers } = await ask(`Observation?patient=ada&${shape}`);
      expect(status).toBe(200);
      if (shape !== '_summary=count') expect(text).toContain('ada-a1c');
      expect(text).not.toMatch(/42 ?CFR|ada-drug-screen|NORDSCLCD|Redisclosure|masked|REDACTED/);
      expect([...headers.keys()].filter((name) => /label|enforce|warning|notice|consent/.test(name))).toEqual([]);
    },
  );

  it.each([
    ['If-None-Match', '*'],
    ['If-None-Match', 'W/"1"'],
    ['If-Modified-Since', 'Fri, 01 Jan 2100 00:00:00 GMT'],
  ])('is as absent with %s: %s, and by HEAD', async (name, value) => {
    const headers = { [name]: value };
    for (const method of ['GET', 'HEAD']) {
      const [hidden, never] = await Promise.all(
        ['ada-drug-screen', 'never-was'].map((id) =>
          place.ask(`${place.fhirUrl}/Observation/${id}`, { as: 'summit', headers, method }),
        ),
      );
      const told = (answer: typeof hidden) =>
        answer && [
          answer.status,
          answer.text,
          [...answer.headers].filter(([key]) => key !== 'date' && key !== 'x-request-id'),
        ];
      expect(hidden?.status).toBe(404);
      expect(told(hidden)).toEqual(told(never));
    }
  });
});
