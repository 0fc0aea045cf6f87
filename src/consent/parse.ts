import type { TimeReader } from '../fhir/dates.ts';
import { parseConsentR4 } from './parse-r4.ts';
import { parseConsentR5 } from './parse-r5.ts';
import type { ParsedConsent, UnreadableConsent } from './parsed.ts';

/** What a store speaks; the Consents of R4B (4.3.0) are those of R4 (4.0.1). */
export type FhirVersion = 'R4' | 'R4B' | 'R5';

export interface ParseOptions {
  readonly fhirVersion: FhirVersion;
  readonly time: TimeReader;
  /** Absolute bases under which a reference counts as local, without trailing slash. */
  readonly localBases: readonly string[];
  /** Extension URLs that change no meaning. */
  readonly harmlessExtensions: readonly string[];
  readonly part2PolicyUris: readonly string[];
}

/**
 * Reads a Consent of the version that its store speaks into the gateway's own form. Never throws: what is not understood is
 * marked where it stands, so that it counts in a deny and not in a permit; what is no Consent of that version is unreadable.
 * @see FHIR R4 (4.0.1) Consent; FHIR R5 (5.0.0) Consent
 */
export function parseConsent(json: unknown, options: ParseOptions): ParsedConsent | UnreadableConsent {
  switch (options.fhirVersion) {
    case 'R4':
    case 'R4B':
      return parseConsentR4(json, options);
    case 'R5':
      return parseConsentR5(json, options);
    default:
      return options.fhirVersion satisfies never;
  }
}
