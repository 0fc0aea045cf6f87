import type { Interval } from '../fhir/coding.ts';

/** Instants in the words of one zone. */
export interface Calendar {
  /** `2026-03-02`, with the time where it is not the start of a day. */
  from(instant: number): string;
  /** The last moment of something: `2026-03-02` for the end of that day. */
  until(instant: number): string;
}

/** @param timeZone IANA name, as dates without an offset are read */
export function calendarOf(timeZone: string): Calendar {
  const format = new Intl.DateTimeFormat('sv-SE', {
    timeZone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  });
  const partsOf = (instant: number): readonly [day: string, time: string] => {
    const [day = '', time = ''] = format.format(instant).split(' ');
    return [day, time];
  };
  return {
    from(instant) {
      const [day, time] = partsOf(instant);
      return time === '00:00:00' ? day : `${day} ${time.slice(0, 5)}`;
    },
    until(instant) {
      const [day, time] = partsOf(instant);
      return time === '23:59:59' ? day : `${day} ${time.slice(0, 5)}`;
    },
  };
}

/** `from ... to ...`; '' where there is no bound. */
export function spanWords({ start, end }: Interval, calendar: Calendar): string {
  const from = Number.isFinite(start) ? `from ${calendar.from(start)}` : '';
  const to = Number.isFinite(end) ? `until ${calendar.until(end)}` : '';
  return [from, to].filter((part) => part !== '').join(' ');
}
