import type { DisclosedResource } from '../audit/recorder.ts';
import { labelCodings } from '../label/codings.ts';
import { toldOf } from '../label/facts.ts';
import type { Item, Visible } from './visibility.ts';

/**
 * One resource as the record names it: by version, patients, labels and reasons. Content is not in it.
 * @param told of whom it tells, and its labels, as far as it leaves; unset: the whole, and everybody whom it is about or who takes part
 */
export function disclosed(
  item: Item,
  reasons: DisclosedResource['reasons'],
  told: Partial<Pick<Visible, 'patients' | 'labels'>> = {},
): DisclosedResource {
  const { facts } = item.reading;
  return {
    type: facts.type,
    id: item.key.slice(facts.type.length + 1),
    versionId: facts.versionId,
    patients: told.patients ?? toldOf(facts),
    labels: labelCodings(told.labels ?? item.labels),
    reasons,
  };
}

/** Whence labels come: the FHIR server states them all, the gateway found more, or there are none. */
export type LabelCoverage = 'stated' | 'added' | 'none';

/** How many candidates there are of each kind; counted in sum, never by what they are. */
export function coverageOf(items: Iterable<Item>): Partial<Record<LabelCoverage, number>> {
  const counts: Partial<Record<LabelCoverage, number>> = {};
  for (const { labels } of items) {
    const kind = coverage(labels);
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

function coverage({ stated, topics, origins }: Item['labels']): LabelCoverage {
  if (origins.some(({ by }) => by !== 'own')) return 'added';
  return stated === undefined && topics.length === 0 ? 'none' : 'stated';
}
