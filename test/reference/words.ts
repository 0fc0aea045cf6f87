import type { Interval } from '../../src/fhir/coding.ts';
import type { R4Period, R4Reference } from './r4.ts';

/** Words and small readings that all of the reference shares. */

export type Effect = 'permit' | 'deny';
/** `unclear`: holds but for something that is not understood. */
export type Match = 'yes' | 'no' | 'unclear';

export const all = (...matches: Match[]): Match =>
  matches.includes('no') ? 'no' : matches.includes('unclear') ? 'unclear' : 'yes';
export const any = (matches: readonly Match[]): Match =>
  matches.includes('yes') ? 'yes' : matches.includes('unclear') ? 'unclear' : 'no';
export const when = (condition: boolean): Match => (condition ? 'yes' : 'no');
export const opposite = (match: Match): Match => (match === 'yes' ? 'no' : match === 'no' ? 'yes' : 'unclear');

/** Absolute bases under which a reference is local. */
export const localBase = 'https://gateway.example/fhir';
export const harmlessExtension = 'https://example.org/fhir/harmless';

export const actCode = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';
export const actReason = 'http://terminology.hl7.org/CodeSystem/v3-ActReason';

const aliases: Readonly<Record<string, string>> = {
  'http://hl7.org/fhir/v3/ActReason': actReason,
  'urn:oid:2.16.840.1.113883.5.8': actReason,
  'http://hl7.org/fhir/v3/ActCode': actCode,
  'http://terminology.hl7.org/CodeSystem/v3-ActUSPrivacyLaw': actCode,
};

export function canonical(system: string | undefined): string | undefined {
  return system === undefined ? undefined : (aliases[system] ?? system);
}

/** Every way a reference names its target: local key or URL, then the identifier. */
export function namesOf(reference: R4Reference | undefined): string[] {
  const names: string[] = [];
  const literal = reference?.reference;
  if (literal !== undefined)
    names.push(literal.startsWith(`${localBase}/`) ? literal.slice(localBase.length + 1) : literal);
  if (reference?.identifier !== undefined) names.push(`${reference.identifier.system}|${reference.identifier.value}`);
  return names;
}

const always: Interval = { start: Number.NEGATIVE_INFINITY, end: Number.POSITIVE_INFINITY };

export function readPeriod(period: R4Period | undefined): Interval | 'unreadable' {
  if (period === undefined) return always;
  const start = period.start === undefined ? always : readDate(period.start);
  const end = period.end === undefined ? always : readDate(period.end);
  return start === undefined || end === undefined ? 'unreadable' : { start: start.start, end: end.end };
}

/** A date, or a dateTime or instant in UTC, as the interval it stands for. */
export function readDate(text: string): Interval | undefined {
  if (/^\d{4}-\d\d-\d\d$/.test(text)) {
    const start = Date.parse(text);
    return Number.isNaN(start) ? undefined : { start, end: start + 24 * 3_600_000 - 1 };
  }
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(text)) return undefined;
  const start = Date.parse(text);
  return Number.isNaN(start) ? undefined : { start, end: start + 999 };
}
