import type { DisclosedResource } from '../audit/recorder.ts';
import { labelCodings } from '../label/codings.ts';
import type { Item } from './visibility.ts';

/** One resource as the record names it: by version, patients, labels and reasons. Content is not in it. */
export function disclosed(item: Item, reasons: DisclosedResource['reasons']): DisclosedResource {
  const { facts } = item.reading;
  return {
    type: facts.type,
    id: item.key.slice(facts.type.length + 1),
    versionId: facts.versionId,
    patients: facts.patients,
    labels: labelCodings(item.labels),
    reasons,
  };
}
