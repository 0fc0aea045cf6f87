import { isKnownPurpose, purposeCovers, systems } from '../fhir/vocabulary.ts';
import type { Labels } from '../label/labels.ts';

const purposePrefix = `${systems.actReason}|`;

/** Data labelled with purposes of use is for these and no other (FHIR R4 Security Labels, purpose of use). */
export function isForPurpose({ caveats }: Labels, purpose: string | undefined): boolean {
  const limits = caveats
    .filter((caveat) => caveat.startsWith(purposePrefix))
    .map((caveat) => caveat.slice(purposePrefix.length))
    .filter(isKnownPurpose);
  return limits.length === 0 || limits.some((limit) => purposeCovers(limit, purpose));
}
