import type { ResourceOnTape } from '../document/content.ts';
import { Edits } from '../document/edits.ts';
import type { Reading, ReferenceSite } from '../label/read.ts';
import { isGone, type Redaction, redact } from './redact.ts';
import { cutReferences, pathOf } from './view.ts';

/** What a view lacks of a resource, by element path (`Observation.component`). */
export interface Cuts {
  /** In the order of the redactions: where the element stands, and whether a mask stands in its place. */
  readonly elements: readonly { readonly path: string; readonly masked: boolean }[];
  /** What went with references to what may not be known, each path once. */
  readonly references: readonly string[];
}

/** Tells what `viewOf` takes out of a resource by elements' own labels and by its references. */
export function cutsOf(
  resource: ResourceOnTape,
  reading: Reading,
  mayStand: (site: ReferenceSite) => boolean,
  redactions: readonly Redaction[],
): Cuts {
  const { type } = reading.facts;
  const edits = new Edits();
  redact(resource, redactions, edits);
  const elements = redactions.map(({ node }) => ({
    path: pathOf(resource, node, type),
    masked: edits.isReplaced(node) && !isGone(resource, node, edits),
  }));
  const redacted = new Set(edits.cuts);
  cutReferences(resource, reading, mayStand, edits);
  const references = edits.cuts.filter((node) => !redacted.has(node)).map((node) => pathOf(resource, node, type));
  return { elements, references: [...new Set(references)] };
}
