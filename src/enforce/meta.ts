import type { ResourceOnTape } from '../document/content.ts';
import type { Edits } from '../document/edits.ts';
import { nameNumber } from '../document/names.ts';

const meta = nameNumber('meta');

/** Adds items to a list of `meta` (security, tag, extension); the list, and `meta`, are made where there is none. */
export function addToMeta({ tape, node }: ResourceOnTape, edits: Edits, list: string, items: string): void {
  const own = tape.member(node, meta);
  if (own < 0 || edits.isCut(own)) {
    // Nothing else is ever appended to a resource itself.
    const made = edits.appendedTo(node);
    edits.append(
      node,
      made === undefined ? `"meta":{"${list}":[${items}]}` : `${made.slice(0, -1)},"${list}":[${items}]}`,
    );
    return;
  }
  const there = tape.member(own, nameNumber(list));
  const target = there < 0 || edits.isCut(there) ? own : there;
  const text = target === own ? `"${list}":[${items}]` : items;
  const before = edits.appendedTo(target);
  edits.append(target, before === undefined ? text : `${before},${text}`);
}
