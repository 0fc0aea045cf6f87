import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { intervalOf, timeReader } from '../../src/fhir/dates.ts';

const utc = timeReader('UTC');
const zones = [
  'UTC',
  'America/New_York',
  'America/Phoenix',
  'Asia/Kolkata',
  'Pacific/Kiritimati',
  'Pacific/Pago_Pago',
  'Australia/Lord_Howe',
];
/** The clock jumps at midnight here: such days have 23 or 25 hours and begin, or end, twice or not at all. */
const midnightZones = ['America/Sao_Paulo', 'America/Havana', 'Asia/Beirut', 'America/Asuncion'];
const readers = new Map([...zones, ...midnightZones].map((zone) => [zone, timeReader(zone)] as const));

/** ISO text of both ends, for reading. */
function ends(text: string, zone = 'UTC'): readonly [string, string] | undefined {
  const interval = intervalOf(text, timeReader(zone));
  return interval && [new Date(interval.start).toISOString(), new Date(interval.end).toISOString()];
}

describe('a date stands for all of its time, at its own precision', () => {
  it.each([
    ['2026', '2026-01-01T00:00:00.000Z', '2026-12-31T23:59:59.999Z'],
    ['2026-02', '2026-02-01T00:00:00.000Z', '2026-02-28T23:59:59.999Z'],
    ['2024-02', '2024-02-01T00:00:00.000Z', '2024-02-29T23:59:59.999Z'],
    ['2026-12', '2026-12-01T00:00:00.000Z', '2026-12-31T23:59:59.999Z'],
    ['2026-12-31', '2026-12-31T00:00:00.000Z', '2026-12-31T23:59:59.999Z'],
    ['2024-02-29', '2024-02-29T00:00:00.000Z', '2024-02-29T23:59:59.999Z'],
    ['2026-07-01T10:30', '2026-07-01T10:30:00.000Z', '2026-07-01T10:30:59.999Z'],
    ['2026-07-01T10:30Z', '2026-07-01T10:30:00.000Z', '2026-07-01T10:30:59.999Z'],
    ['2026-07-01T10:30:15Z', '2026-07-01T10:30:15.000Z', '2026-07-01T10:30:15.999Z'],
    ['2026-07-01T10:30:15.250Z', '2026-07-01T10:30:15.250Z', '2026-07-01T10:30:15.250Z'],
    ['2026-07-01T10:30:15.1234567Z', '2026-07-01T10:30:15.123Z', '2026-07-01T10:30:15.123Z'],
    ['2026-07-01T10:30:15+02:00', '2026-07-01T08:30:15.000Z', '2026-07-01T08:30:15.999Z'],
    ['2026-07-01T10:30:15-05:30', '2026-07-01T16:00:15.000Z', '2026-07-01T16:00:15.999Z'],
    ['2026-01-01T00:30:00+14:00', '2025-12-31T10:30:00.000Z', '2025-12-31T10:30:00.999Z'],
    ['2016-12-31T23:59:60Z', '2017-01-01T00:00:00.000Z', '2017-01-01T00:00:00.999Z'],
    ['0001-01-01', '0001-01-01T00:00:00.000Z', '0001-01-01T23:59:59.999Z'],
    ['9999-12-31', '9999-12-31T00:00:00.000Z', '9999-12-31T23:59:59.999Z'],
  ])('%s', (text, start, end) => {
    expect(ends(text)).toEqual([start, end]);
  });

  it.each([
    '',
    'yesterday',
    '26',
    '2026-13',
    '2026-00',
    '2026-1',
    '2026-02-30',
    '2025-02-29',
    '1900-02-29',
    '2026-04-31',
    '2026-01-00',
    '2026-01-32',
    '2026-01-01T24:00:00Z',
    '2026-01-01T10:60:00Z',
    '2026-01-01T10:30:61Z',
    '2026-01-01T10',
    '2026-01T10:30:00Z',
    '2026-01-01 10:30:00Z',
    '2026-01-01T10:30:00z',
    '2026-01-01T10:30:00+0200',
    '2026-01-01T10:30:00+15:00',
    '2026-01-01T10:30:00+02:60',
    '2026-01-01Z',
    ' 2026',
    '2026\n',
    '-2026',
    '12026',
    '２０２６',
  ])('%j is none', (text) => {
    expect(intervalOf(text, utc)).toBeUndefined();
  });

  it('every millisecond comes back as it was written', () => {
    const date = fc.date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true });
    fc.assert(
      fc.property(date, (at) => {
        expect(intervalOf(at.toISOString(), utc)).toEqual({ start: at.getTime(), end: at.getTime() });
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('time zones', () => {
  it.each([
    ['2026-07-01', 'America/New_York', '2026-07-01T04:00:00.000Z', '2026-07-02T03:59:59.999Z'],
    ['2026-01-01', 'America/New_York', '2026-01-01T05:00:00.000Z', '2026-01-02T04:59:59.999Z'],
    // The clock goes forward on 8 March and back on 1 November: 23 and 25 hours.
    ['2026-03-08', 'America/New_York', '2026-03-08T05:00:00.000Z', '2026-03-09T03:59:59.999Z'],
    ['2026-11-01', 'America/New_York', '2026-11-01T04:00:00.000Z', '2026-11-02T04:59:59.999Z'],
    ['2026', 'America/New_York', '2026-01-01T05:00:00.000Z', '2027-01-01T04:59:59.999Z'],
    ['2026-03', 'America/New_York', '2026-03-01T05:00:00.000Z', '2026-04-01T03:59:59.999Z'],
    ['2026-07-01', 'Asia/Kolkata', '2026-06-30T18:30:00.000Z', '2026-07-01T18:29:59.999Z'],
    ['2026-07-01T08:00:00', 'America/Phoenix', '2026-07-01T15:00:00.000Z', '2026-07-01T15:00:00.999Z'],
    ['2026-07-01T08:00:00.5', 'America/Phoenix', '2026-07-01T15:00:00.500Z', '2026-07-01T15:00:00.500Z'],
    // Midnight does not exist here: the day begins at one o'clock.
    ['2018-11-04', 'America/Sao_Paulo', '2018-11-04T03:00:00.000Z', '2018-11-05T01:59:59.999Z'],
    // The last hour of the day comes twice.
    ['2018-02-17', 'America/Sao_Paulo', '2018-02-17T02:00:00.000Z', '2018-02-18T02:59:59.999Z'],
    // The first hour of the day comes twice.
    ['2025-11-02', 'America/Havana', '2025-11-02T04:00:00.000Z', '2025-11-03T04:59:59.999Z'],
    ['0001-01-02', 'Asia/Tokyo', '0001-01-01T14:41:01.000Z', '0001-01-02T14:41:00.999Z'],
  ])('%s in %s', (text, zone, start, end) => {
    expect(ends(text, zone)).toEqual([start, end]);
  });

  it('what states its offset is read the same everywhere', () => {
    for (const reader of readers.values())
      for (const text of ['2026-03-08T02:30:00-05:00', '2026-11-01T01:30:00Z', '2026-01-01T00:00+14:00'])
        expect(intervalOf(text, reader)).toEqual(intervalOf(text, utc));
  });

  it('a local time that the clock leaves out is read as one that exists', () => {
    expect(ends('2026-03-08T02:30:00', 'America/New_York')?.[0]).toBe('2026-03-08T07:30:00.000Z');
  });

  it('a local time that comes twice is read as its first coming', () => {
    expect(ends('2026-11-01T01:30:00', 'America/New_York')?.[0]).toBe('2026-11-01T05:30:00.000Z');
  });

  const day = fc.date({ min: new Date('1971-01-01'), max: new Date('2037-12-01'), noInvalidDate: true });
  const zone = fc.constantFrom(...readers.keys());
  const textOf = (at: number): string => new Date(at).toISOString().slice(0, 10);

  it('days follow each other without gap and without overlap', () => {
    fc.assert(
      fc.property(day, zone, (at, name) => {
        const reader = readers.get(name) as ReturnType<typeof timeReader>;
        const today = intervalOf(textOf(at.getTime()), reader);
        const tomorrow = intervalOf(textOf(at.getTime() + 86_400_000), reader);
        expect((today?.end as number) + 1).toBe(tomorrow?.start);
      }),
      { numRuns: 500 },
    );
  });

  it('days around every change of the clock at midnight follow each other too', () => {
    for (const name of midnightZones) {
      const reader = readers.get(name) as ReturnType<typeof timeReader>;
      for (let at = Date.UTC(2016, 0, 1); at < Date.UTC(2019, 0, 1); at += 86_400_000) {
        const [today, tomorrow] = [intervalOf(textOf(at), reader), intervalOf(textOf(at + 86_400_000), reader)];
        if (today?.end !== (tomorrow?.start as number) - 1) throw new Error(`${name} ${textOf(at)}`);
      }
    }
  });

  it('a month holds its days and a year its months', () => {
    fc.assert(
      fc.property(day, zone, (at, name) => {
        const reader = readers.get(name) as ReturnType<typeof timeReader>;
        const text = textOf(at.getTime());
        const [year, month, date] = [text.slice(0, 4), text.slice(0, 7), text].map((part) => intervalOf(part, reader));
        for (const [outer, inner] of [
          [year, month],
          [month, date],
        ] as const) {
          expect(inner?.start).toBeGreaterThanOrEqual(outer?.start as number);
          expect(inner?.end).toBeLessThanOrEqual(outer?.end as number);
        }
      }),
    );
  });

  it('that nobody knows are refused', () => {
    expect(() => timeReader('Mars/Olympus')).toThrow(RangeError);
  });
});
