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
  for (const consent of consents) {
    if (!isInForce(consent, at) || !speaksOf(consent, asked)) continue;
    const fate = supersession(consent, consents, at);
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

/**
 * The newest of a family supersedes the older ones whose roots state the same. A revoked or expired newest one does
 * not bring older permits back; older denies return to force.
 */
function supersession(
  consent: ParsedConsent,
  all: readonly ParsedConsent[],
  at: number,
): 'none' | 'dropped' | 'deny-only' {
  let fate: 'none' | 'deny-only' = 'none';
  for (const other of all) {
    if (other === consent || other.family !== consent.family || other.rootStatement !== consent.rootStatement) continue;
    if ((other.status !== 'active' && other.status !== 'inactive') || !isNewer(other, consent) || !hasBegun(other, at))
      continue;
    if (other.status === 'active' && !hasEnded(other, at)) return 'dropped';
    fate = 'deny-only';
  }
  return fate;
}

export function isNewer(a: ParsedConsent, b: ParsedConsent): boolean {
  for (const [index, mine] of a.recency.entries()) {
    const theirs = b.recency[index] as typeof mine;
    if (mine !== theirs) return mine > theirs;
  }
  return false;
}
