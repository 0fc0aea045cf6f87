import type { ResourceOnTape } from '../document/content.ts';
import { childrenOf } from '../fhir/model.ts';
import { isNobodys } from '../label/facts.ts';
import type { Reading, ReferenceSite } from '../label/read.ts';
import { allOrNothingTypes } from '../label/roles.ts';
import type { Item } from './visibility.ts';

const none: readonly never[] = [];

/** What is done about other resources: of no patient by itself, and nothing without them. */
const workTypes: ReadonlySet<string> = new Set(['Basic', 'List', 'Task']);

export function isWork(item: Item): boolean {
  return workTypes.has(item.reading.facts.type) && isNobodys(item.reading.facts);
}

/**
 * The references that decide whether an item can stand at all, read once: those below a required top-level element; of an
 * all-or-nothing type every one. A reference below an optional element can always be cut.
 */
export function requiredSitesOf(item: Item): readonly ReferenceSite[] {
  item.requiredSites ??= item.content.examine((resource) => onlyRequired(resource, item.reading));
  return item.requiredSites;
}

function onlyRequired({ tape, node: root }: ResourceOnTape, reading: Reading): readonly ReferenceSite[] {
  if (allOrNothingTypes.has(reading.facts.type)) return reading.sites;
  const model = childrenOf(reading.facts.type);
  let required: ReferenceSite[] | undefined;
  for (const site of reading.sites) {
    let top = site.node;
    while (tape.parent(top) !== root) top = tape.parent(top);
    if (model?.get(tape.nameText(top))?.required !== true) continue;
    // What is contained may have to go with what it refers to itself.
    if (site.form === 'contained') return reading.sites;
    if (required === undefined) required = [site];
    else required.push(site);
  }
  return required ?? none;
}
