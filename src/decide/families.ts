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

/** Why a Consent says nothing now. */
export type Lapse =
  | 'status'
  | 'notice'
  | 'not-begun'
  | 'ended'
  | 'not-about-disclosure'
  | 'research-only'
  | 'superseded';

/** What is left of one Consent among the others of its patient. */
export type Fate =
  | { readonly counts: false; readonly because: Lapse; readonly by?: ParsedConsent }
  | {
      readonly counts: true;
      readonly mayPermit: boolean;
      readonly mayDeny: boolean;
      /** Of an organization that the gateway does not act for. */
      readonly isForeign: boolean;
      /** A newer one of its family, itself no longer in force: what this one permitted does not come back. */
      readonly by?: ParsedConsent | undefined;
    };

/** The Consents of a patient that count now, for one purpose. */
export function applicable(
  consents: readonly ParsedConsent[],
  asked: string | undefined,
  at: number,
  settings: FamilySettings,
): readonly Applicable[] {
  return fatesOf(consents, asked, at, settings).flatMap(({ consent, fate }) =>
    fate.counts ? { consent, mayPermit: fate.mayPermit, mayDeny: fate.mayDeny } : [],
  );
}

/** Those in force, for whatever purpose, that nothing newer of their family took the place of, in force or not. */
export function standingAlone(consents: readonly ParsedConsent[], at: number): readonly ParsedConsent[] {
  const newest = newestOf(consents, at);
  return consents.filter((consent) => {
    const { begun = consent } = newest(consent);
    return !isNewer(begun, consent) && lapseOf(consent, 'HRESCH', at) === undefined; // what is for research alone stands for that
  });
}

/** All Consents of a patient, in their order, each with whether it counts now for one purpose, and why not. */
export function fatesOf(
  consents: readonly ParsedConsent[],
  asked: string | undefined,
  at: number,
  settings: FamilySettings,
): readonly { readonly consent: ParsedConsent; readonly fate: Fate }[] {
  const newest = newestOf(consents, at);
  return consents.map((consent) => ({ consent, fate: fateOf(consent, newest(consent), asked, at, settings) }));
}

/**
 * The newest of a family supersedes the older ones whose roots state the same. A revoked or expired newest one does
 * not bring older permits back; older denies return to force.
 */
function fateOf(
  consent: ParsedConsent,
  { begun = consent, standing = consent }: Newest,
  asked: string | undefined,
  at: number,
  settings: FamilySettings,
): Fate {
  const because = lapseOf(consent, asked, at);
  if (because !== undefined) return { counts: false, because };
  if (isNewer(standing, consent)) return { counts: false, because: 'superseded', by: standing };
  const by = isNewer(begun, consent) ? begun : undefined;
  const isForeign =
    settings.organizations.length > 0 &&
    consent.organizations.length > 0 &&
    !consent.organizations.some((one) => settings.organizations.includes(one));
  return {
    counts: true,
    mayPermit: by === undefined && !isForeign,
    mayDeny: !isForeign || settings.foreignDenyBinds,
    isForeign,
    by,
  };
}

/** Lifecycle gate (FHIR R4 Consent.status, dateTime, provision.period), and whether it is about the purpose at all. */
function lapseOf(consent: ParsedConsent, asked: string | undefined, at: number): Lapse | undefined {
  if (consent.status !== 'active') return 'status';
  if (!hasBegun(consent, at)) return 'not-begun';
  if (hasEnded(consent, at)) return 'ended';
  if (consent.isNotice) return 'notice';
  // Privacy Consents always, research Consents for research, treatment directives never (FHIR R4 Consent.scope).
  if (consent.scope === 'other') return 'not-about-disclosure';
  return consent.scope === 'research' && !purposeCovers('HRESCH', asked) ? 'research-only' : undefined;
}

function hasBegun({ period, dateTime }: ParsedConsent, at: number): boolean {
  return (period === undefined || period.start <= at) && (typeof dateTime !== 'number' || dateTime <= at);
}

function hasEnded({ period }: ParsedConsent, at: number): boolean {
  return period !== undefined && period.end < at;
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

export function isNewer(a: ParsedConsent, b: ParsedConsent): boolean {
  for (const [index, mine] of a.recency.entries()) {
    const theirs = b.recency[index] as typeof mine;
    if (mine !== theirs) return mine > theirs;
  }
  return false;
}
