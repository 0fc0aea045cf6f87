import type { ResourceOnTape } from '../document/content.ts';
import { Edits } from '../document/edits.ts';
import { nameNumber } from '../document/names.ts';
import { kinds, type Node } from '../document/tape.ts';
import type { Coding } from '../fhir/coding.ts';

const names = {
  meta: nameNumber('meta'),
  security: nameNumber('security'),
  system: nameNumber('system'),
  code: nameNumber('code'),
} as const;

/**
 * The resource without one label of its own (FHIR R4 Meta.security), as JSON text; every other byte stays.
 * @param label as it stands in the resource, system and code byte for byte
 * @returns undefined when it does not bear the label
 */
export function withoutLabel({ tape, node }: ResourceOnTape, label: Coding): string | undefined {
  const list = tape.member(tape.member(node, names.meta), names.security);
  if (list < 0 || tape.kind(list) !== kinds.array) return undefined;
  const edits = new Edits();
  let others = 0;
  let found = 0;
  for (let item: Node = tape.firstChild(list); item >= 0; item = tape.next(item)) {
    const isIt =
      tape.text(tape.member(item, names.system)) === label.system &&
      tape.text(tape.member(item, names.code)) === label.code;
    if (isIt) {
      edits.cut(item);
      found++;
    } else others++;
  }
  if (found === 0) return undefined;
  if (others === 0) edits.cut(list); // an empty list is no FHIR (R4 JSON, "arrays")
  return Buffer.concat(edits.write(tape, node)).toString('utf8');
}
