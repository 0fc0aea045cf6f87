import { purposeCovers } from '../fhir/vocabulary.ts';
import { isForOperations } from './agreements.ts';
import type { ReadyConsent, Ruling } from './answer.ts';
import type { ExceptionBasis, Obligation } from './decision.ts';
import type { Asker } from './match.ts';
import type { DecisionSettings } from './question.ts';

/** Part 2 data that leaves without a written consent. */
export function obligationOf(basis: ExceptionBasis): Obligation {
  return { kind: 'part2', basis, redisclosable: false };
}

/**
 * What goes with Part 2 data that a Consent permitted, for each provision that did: of its scope no more than concerns this
 * recipient. Other topics that it names, its exceptions and other recipients are not told.
 */
export function scopesOf(
  { applicable: { consent } }: ReadyConsent,
  { deciding }: Ruling,
  topic: string,
  { organizations }: Asker,
  { coveredEntities, lawfulHolders = [] }: Pick<DecisionSettings['part2'], 'coveredEntities' | 'lawfulHolders'>,
): readonly Obligation[] {
  return deciding.map(({ purposes, period }): Obligation => {
    const stated = purposes?.codes ?? [];
    const isKnown = purposes?.unknown === false; // else there is one
    const ends = [consent.period?.end, typeof period === 'object' ? period.end : undefined].filter(
      (end): end is number => Number.isFinite(end),
    );
    return {
      kind: 'part2',
      basis: 'consent',
      redisclosable:
        isKnown &&
        stated.every(isForOperations) &&
        coveredEntities.some((organization) => organizations.has(organization)),
      scope: {
        purposes: stated,
        until: ends.length === 0 ? undefined : Math.min(...ends),
        dated: typeof consent.dateTime === 'number' ? consent.dateTime : undefined,
        notes: topic === 'SUDCN',
        ...(isKnown && isForContractors(stated) && lawfulHolders.some((organization) => organizations.has(organization))
          ? { contractors: true }
          : {}),
      },
    };
  });
}

/** Payment and operations, and no treatment (42 CFR 2.33(b)(3)). */
function isForContractors(purposes: readonly string[]): boolean {
  return purposes.every((purpose) => isForOperations(purpose) && !purposeCovers('TREAT', purpose));
}
