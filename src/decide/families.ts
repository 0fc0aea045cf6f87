import type { ParsedConsent } from '../consent/parsed.ts';
import { purposeCovers } from '../fhir/vocabulary.ts';

/** What a Consent may still say after lifecycle, family and organization have been looked at. */
export interface Applicable {
  readonly consent: ParsedConsent;
  /** It may permit, and what it leaves out stops the implicit policy. */
  readonly mayPermit: boolean;
  readonly mayDeny: boolean;
}

export interface FamilySettings {
  readonly organizations: readonly string[];
  readonly foreignDenyBinds: boolean;
}

/** The Consents of a patient that count now, for one purpose. */
export function applicable(
  consents: readonly ParsedConsent[],
  asked: string | undefined,
  at: number,
  settings: FamilySettings,
): readonly Applicable[] {
  const result: Applicable[] = [];
  const newest = newestOf(consents, at);
  for (const consent of consents) {
    if (!isInForce(consent, at) || !speaksOf(consent, asked)) continue;
    const fate = supersession(consent, newest(consent));
    if (fate === 'dropped') continue;
    const isForeign =
      settings.organizations.length > 0 &&
      consent.organizations.length > 0 &&
      !consent.organizations.some((one) => settings.organizations.includes(one));
    result.push({
      consent,
      mayPermit: fate === 'none' && !isForeign,
      mayDeny: !isForeign || settings.foreignDenyBinds,
    });
  }
  return result;
}

/** Lifecycle gate: active, begun, not expired (FHIR R4 Consent.status, dateTime, provision.period). */
function isInForce(consent: ParsedConsent, at: number): boolean {
  return consent.status === 'active' && hasBegun(consent, at) && !hasEnded(consent, at) && !consent.isNotice;
}

function hasBegun({ period, dateTime }: ParsedConsent, at: number): boolean {
  return (period === undefined || period.start <= at) && (typeof dateTime !== 'number' || dateTime <= at);
}

function hasEnded({ period }: ParsedConsent, at: number): boolean {
  return period !== undefined && period.end < at;
}

/** Privacy Consents always, research Consents for research, treatment directives never (FHIR R4 Consent.scope). */
function speaksOf({ scope }: ParsedConsent, asked: string | undefined): boolean {
  if (scope === 'other') return false;
  return scope !== 'research' || (asked !== undefined && purposeCovers('HRESCH', asked));
}

/** Of the Consents of one family whose roots state the same. */
interface Newest {
  /** That has begun, whether or not it was revoked or has run out since. */
  begun?: ParsedConsent;
  /** That has begun and has neither been revoked nor run out. */
  standing?: ParsedConsent;
}

/** Looks through all once: a patient may have thousands. */
function newestOf(all: readonly ParsedConsent[], at: number): (consent: ParsedConsent) => Newest {
  const families = new Map<string, Map<string, Newest>>();
  const entry = ({ family, rootStatement }: ParsedConsent): Newest => {
    const roots = families.get(family) ?? new Map<string, Newest>();
    families.set(family, roots);
    const newest = roots.get(rootStatement) ?? {};
    roots.set(rootStatement, newest);
    return newest;
  };
  for (const one of all) {
    if ((one.status !== 'active' && one.status !== 'inactive') || !hasBegun(one, at)) continue;
    const newest = entry(one);
    if (newest.begun === undefined || isNewer(one, newest.begun)) newest.begun = one;
    const stands = one.status === 'active' && !hasEnded(one, at);
    if (stands && (newest.standing === undefined || isNewer(one, newest.standing))) newest.standing = one;
  }
  return entry;
}

/**
 * The newest of a family supersedes the older ones whose roots state the same. A revoked or expired newest one does
 * not bring older permits back; older denies return to force.
 */
function supersession(consent: ParsedConsent, { begun, standing }: Newest): 'none' | 'dropped' | 'deny-only' {
  if (standing !== undefined && isNewer(standing, consent)) return 'dropped';
  return begun !== undefined && isNewer(begun, consent) ? 'deny-only' : 'none';
}

export function isNewer(a: ParsedConsent, b: ParsedConsent): boolean {
  for (const [index, mine] of a.recency.entries()) {
    const theirs = b.recency[index] as typeof mine;
    if (mine !== theirs) return mine > theirs;
  }
  return false;
}
