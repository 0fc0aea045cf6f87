import { LRUCache } from 'lru-cache';
import type { AlertRule } from '../config/alerts.ts';
import type { AuditRecord, DisclosureRecord, RecordedRequester } from './record.ts';
import { requesterName } from './subjects.ts';

/** Something that somebody should look at. Who it was is for the security office; no patient is in it. */
export interface Alert {
  readonly rule: string;
  /** What was counted when it was given. */
  readonly count: number;
  readonly windowMinutes: number;
  /** Number of the record that was one too many. */
  readonly sequence: number;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly who: Pick<RecordedRequester, 'issuer' | 'subject' | 'clientId'>;
}

/** Requesters watched at a time, for each rule. */
const maximumWatched = 20_000;
const minuteMs = 60_000;
const dayMs = 86_400_000;

/** When somebody was last seen before a time, epoch milliseconds; undefined: never. */
export type LastSeen = (requester: string, before: number) => number | undefined;

/** Looks at every record, in order, and gives an alert where a rule's count is reached: once, until its window has passed. */
export class Alerts {
  readonly #watches: readonly Watch[];

  constructor(rules: readonly AlertRule[], lastSeen: LastSeen) {
    this.#watches = rules.map((rule) => new Watch(rule, lastSeen));
  }

  see(record: AuditRecord, sequence: number): Alert[] {
    if (record.kind === 'activity' || record.requester === undefined) return [];
    const { requester, at } = record;
    return this.#watches.flatMap((watch) => watch.see(record, requester, at, sequence) ?? []);
  }
}

interface Watched {
  /** What was counted, with the time of its last occurrence. */
  readonly counted: Map<string, number>;
  quietUntil: number;
  lastSeen: number | undefined;
}

class Watch {
  readonly #rule: AlertRule;
  readonly #lastSeen: LastSeen;
  /** Whom to watch. */
  readonly #patients: ReadonlySet<string>;
  readonly #clock: Intl.DateTimeFormat | undefined;
  readonly #watched = new LRUCache<string, Watched>({ max: maximumWatched });

  constructor(rule: AlertRule, lastSeen: LastSeen) {
    this.#rule = rule;
    this.#lastSeen = lastSeen;
    this.#patients = new Set(rule.counts === 'watched-patients' ? rule.patients : []);
    this.#clock = rule.counts === 'off-hours' ? wallClock(rule.timeZone) : undefined;
  }

  see(
    record: Exclude<AuditRecord, { kind: 'activity' }>,
    requester: RecordedRequester,
    at: number,
    sequence: number,
  ): Alert | undefined {
    const { name, windowMinutes, threshold, clientKinds } = this.#rule;
    if (!clientKinds.includes(requester.clientKind)) return undefined;
    const key = requesterName(requester);
    const watched = this.#watchedOf(key, at);
    const counted = this.#countedIn(record, sequence, watched);
    watched.lastSeen = at;
    if (counted.length === 0) return undefined;
    for (const one of counted) watched.counted.set(one, at);
    const windowMs = windowMinutes * minuteMs;
    for (const [one, last] of watched.counted) if (last <= at - windowMs) watched.counted.delete(one);
    if (watched.counted.size < threshold || at < watched.quietUntil) return undefined;
    const count = watched.counted.size;
    watched.quietUntil = at + windowMs;
    watched.counted.clear();
    const { issuer, subject, clientId } = requester;
    return { rule: name, count, windowMinutes, sequence, at, who: { issuer, subject, clientId } };
  }

  #watchedOf(key: string, at: number): Watched {
    const known = this.#watched.get(key);
    if (known !== undefined) return known;
    const lastSeen = this.#rule.counts === 'dormant' ? this.#lastSeen(key, at) : undefined;
    const fresh: Watched = { counted: new Map(), quietUntil: 0, lastSeen };
    this.#watched.set(key, fresh);
    return fresh;
  }

  /** What this record adds to the count, each by a name of its own. */
  #countedIn(
    record: Exclude<AuditRecord, { kind: 'activity' }>,
    sequence: number,
    watched: Watched,
  ): readonly string[] {
    const rule = this.#rule;
    const once = [String(sequence)];
    const isReleased = record.kind === 'disclosure' && record.outcome === 'released';
    switch (rule.counts) {
      case 'denials':
        return isReleased ? [] : once;
      case 'patients':
        return isReleased ? patientsOf(record) : [];
      case 'watched-patients':
        return isReleased && patientsOf(record).some((patient) => this.#patients.has(patient)) ? once : [];
      case 'emergencies':
        return isReleased && record.emergency !== undefined ? once : [];
      case 'off-hours':
        return isReleased && this.#clock !== undefined && isOffHours(record.at, this.#clock, rule) ? once : [];
      case 'dormant': {
        const { lastSeen } = watched;
        return isReleased && lastSeen !== undefined && lastSeen < record.at - rule.dormantDays * dayMs ? once : [];
      }
      default:
        return rule satisfies never;
    }
  }
}

function patientsOf(record: DisclosureRecord): string[] {
  return [...new Set(record.released.flatMap(({ patients }) => patients))];
}

type OffHours = Extract<AlertRule, { counts: 'off-hours' }>;

/** By the clock on the wall of the rule's time zone. */
function isOffHours(at: number, clock: Intl.DateTimeFormat, { fromHour, toHour, weekendIsOff }: OffHours): boolean {
  const found = Object.fromEntries(clock.formatToParts(at).map(({ type, value }) => [type, value]));
  const hour = Number(found.hour);
  if (weekendIsOff && (found.weekday === 'Sat' || found.weekday === 'Sun')) return true;
  return fromHour <= toHour ? hour < fromHour || hour >= toHour : hour < fromHour && hour >= toHour;
}

function wallClock(timeZone: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat('en-GB', { timeZone, hour: 'numeric', hourCycle: 'h23', weekday: 'short' });
}
