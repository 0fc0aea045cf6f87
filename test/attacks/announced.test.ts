import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { detailsOf, type Place, startGateway } from '../services/place.ts';

/** That something was withheld, where the deployment tells it of a topic (`labels.announced`): the one word of it, and nothing behind it. */

const observation = (id: string, patient: string, codes: readonly string[] = [], more: object = {}) => ({
  resourceType: 'Observation',
  id,
  meta: {
    security: codes.map((code) => ({ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code })),
  },
  status: 'final',
  code: { text: 'x' },
  subject: { reference: `Patient/${patient}` },
  ...more,
});
const people = [
  ...['ivy', 'joe', 'kim', 'lou'].map((id) => ({ resourceType: 'Patient', id, birthDate: '1980-04-01' })),
  ...['ivy', 'joe', 'kim', 'lou'].flatMap((id) => [
    observation(`${id}-weight`, id, [], { effectiveDateTime: '2024-01-01' }),
    observation(`${id}-height`, id, [], { effectiveDateTime: '2024-03-01' }),
  ]),
  // Ivy has one, Joe two and other ones, Kim one that is hidden for something else too, Lou none.
  observation('ivy-bruise', 'ivy', ['SDV'], { effectiveDateTime: '2024-02-01' }),
  observation('joe-bruise', 'joe', ['SDV'], {
    effectiveDateTime: '2020-02-01',
    status: 'amended',
    code: { text: 'y' },
  }),
  observation('joe-scar', 'joe', ['SDV']),
  observation('kim-bruise', 'kim', ['SDV', 'MST']),
];

let telling: Place;
let silent: Place;
beforeAll(async () => {
  const settings = { resources: people };
  const answers = { negativeGridMs: 0 };
  telling = await startGateway({ ...settings, changes: { answers, labels: { announced: ['SDV'] } } });
  silent = await startGateway({ ...settings, changes: { answers } });
}, 60_000);
afterAll(() => Promise.all([telling.close(), silent.close()]));

interface Entry {
  readonly fullUrl?: string;
  readonly resource: { readonly id?: string };
  readonly search: { readonly mode: string };
}
interface Told {
  readonly security: unknown;
  readonly outcomes: readonly Entry[];
  readonly matches: number;
  readonly total: number | undefined;
}
async function told(place: Place, path: string, form?: string): Promise<Told> {
  const post = { body: form, headers: { 'content-type': 'application/x-www-form-urlencoded' } };
  const { status, text } = await place.ask(`${place.fhirUrl}/${path}`, { as: 'dr-grey', ...(form && post) });
  expect([path, status]).toEqual([path, 200]);
  const {
    meta,
    entry = [],
    total,
  } = JSON.parse(text) as {
    meta: { security?: unknown };
    entry?: Entry[];
    total?: number;
  };
  const outcomes = entry.filter(({ search }) => search.mode === 'outcome');
  return { security: meta.security, outcomes, matches: entry.length - outcomes.length, total };
}
const word = {
  security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue', code: 'REDACTED' }],
  outcomes: [
    {
      resource: {
        resourceType: 'OperationOutcome',
        issue: [{ severity: 'information', code: 'suppressed', details: { text: 'Something was withheld.' } }],
      },
      search: { mode: 'outcome' },
    },
  ],
};
const nothing = { security: undefined, outcomes: [] };

describe('where a topic is announced', () => {
  it.each([
    'Observation?patient=ivy',
    'Observation?subject=Patient/ivy',
    'Observation?patient=ivy&_sort=-date&_elements=status',
    'Patient/ivy/Observation',
    'Observation/_search patient=ivy',
    'Observation?patient=joe',
  ])('%s says one word, of one thing as of two, whatever they are', async (asked) => {
    const [path = '', form] = asked.split(' ');
    expect(await told(telling, path, form)).toEqual({ ...word, matches: 2, total: 2 });
  });

  it.each([
    'Observation?patient=kim',
    'Observation?patient=lou',
    'Observation?patient=nobody-here',
    'Observation?patient=ivy,joe',
    'Observation?patient=ivy&status=final',
    'Observation?patient=ivy&date=2024-02-01',
    'Observation?patient=joe&status=amended',
    'Observation?_id=ivy-bruise',
    'Observation?patient:Patient.birthdate=1980-04-01',
    'Observation',
    'Condition?patient=ivy',
    'Observation?patient=ivy&_summary=count',
    'Observation?patient=ivy&_count=1',
    'Patient?_id=ivy&_revinclude=Observation:patient',
  ])('%s says none', async (path) => {
    expect(await told(telling, path)).toMatchObject(nothing);
  });

  it('pages say none, but a first one that counted the whole', async () => {
    const { text } = await telling.ask(`${telling.fhirUrl}/Observation?patient=ivy&_count=1`, { as: 'dr-grey' });
    const next = (JSON.parse(text) as { link: { relation: string; url: string }[] }).link.find(
      ({ relation }) => relation === 'next',
    )?.url as string;
    expect(await told(telling, next.slice(telling.fhirUrl.length + 1))).toEqual({
      ...nothing,
      matches: 1,
      total: undefined,
    });
    expect(await told(telling, 'Observation?patient=ivy&_count=1&_total=accurate')).toEqual({
      ...word,
      matches: 1,
      total: 2,
    });
  });

  it('a read and a history find nothing, as of what never was', async () => {
    for (const path of ['Observation/ivy-bruise', 'Observation/ivy-bruise/_history']) {
      const [hidden, never] = await Promise.all(
        [path, path.replace('ivy-bruise', 'never-was')].map((one) =>
          telling.ask(`${telling.fhirUrl}/${one}`, { as: 'dr-grey' }),
        ),
      );
      expect([hidden?.status, hidden?.text]).toEqual([404, never?.text]);
    }
  });

  it('is recorded: that it was told, and to the security office of what', async () => {
    const { events } = await telling.eventsOf(() => told(telling, 'Observation?patient=ivy'));
    const saying = events.filter((one) => detailsOf(one).includes('announced=something was withheld'));
    expect(saying.map(({ streams }) => streams)).toEqual([['primary']]);
    expect(JSON.stringify(saying)).not.toContain('ivy-bruise');
    const without = await telling.eventsOf(() => told(telling, 'Observation?patient=lou'));
    expect(JSON.stringify(without.events)).not.toContain('announced');
  });
});

describe('where none is', () => {
  it.each(['ivy', 'joe', 'kim', 'lou'])('a search of %s says nothing', async (patient) => {
    expect(await told(silent, `Observation?patient=${patient}`)).toEqual({ ...nothing, matches: 2, total: 2 });
  });
});

it.each(['42CFRPart2', 'SUD', 'ETHUD', 'OPIOIDUD', 'ETH', 'SUDCN', 'PSYTHPN'])(
  'that there is something of %s is never told (42 CFR 2.11, 2.13)',
  async (code) => {
    await expect(startGateway({ changes: { labels: { announced: [code] } } })).rejects.toThrow('nothing may be told');
  },
);

it('what is no topic is not announced', async () => {
  await expect(startGateway({ changes: { labels: { announced: ['NONSENSE'] } } })).rejects.toThrow('announced');
});
