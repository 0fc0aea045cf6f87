import type { ResourceOnTape } from '../document/content.ts';
import type { Edits } from '../document/edits.ts';
import { nameNumber } from '../document/names.ts';
import { kinds, type Node, type Tape } from '../document/tape.ts';
import { childrenOf, type ElementModel } from '../fhir/model.ts';

const rank = nameNumber('rank');
const sequence = nameNumber('sequence');
const resourceType = nameNumber('resourceType');

/**
 * Removes an element with its smallest optional parent: what FHIR R4 requires takes its parent with it, an array or
 * object that would be left empty goes, an extension without a value goes, and a list with ordinal members goes whole
 * (a gap in `rank` or `sequence` would tell).
 * @returns false when the resource itself would have to go
 */
export function remove(resource: ResourceOnTape, edits: Edits, element: Node): boolean {
  const { tape, node: root } = resource;
  let target = element;
  for (;;) {
    if (target === root) return false;
    const parent = tape.parent(target);
    if (tape.kind(parent) === kinds.array) {
      edits.cut(target);
      const ordinal = tape.member(target, rank) >= 0 || tape.member(target, sequence) >= 0;
      if (!ordinal && survivors(tape, parent, edits)) return true;
      target = parent;
      continue;
    }
    const owner = ownerOf(resource, parent);
    if (owner === 'Extension' || childrenOf(owner)?.get(tape.nameText(target))?.required === true) {
      target = parent;
      continue;
    }
    edits.cut(target);
    cutSibling(tape, parent, target, edits);
    if (parent === root || survivors(tape, parent, edits)) return true;
    target = parent;
  }
}

/** `_name` goes with `name`. */
function cutSibling(tape: Tape, parent: Node, member: Node, edits: Edits): void {
  const number = nameNumber(`_${tape.nameText(member)}`);
  const sibling = number === 0 ? -1 : tape.member(parent, number);
  if (sibling >= 0) edits.cut(sibling);
}

function survivors(tape: Tape, container: Node, edits: Edits): boolean {
  for (let child = tape.firstChild(container); child >= 0; child = tape.next(child)) {
    if (!edits.isCut(child) && tape.nameText(child) !== 'id') return true;
  }
  return false;
}

/** The type or backbone path under which the model lists an object's members; '' for what R4 does not know. */
export function ownerOf({ tape, node: root }: ResourceOnTape, object: Node): string {
  if (object === root) return tape.text(tape.member(object, resourceType)) ?? '';
  const parent = tape.parent(object);
  const member = tape.kind(parent) === kinds.array ? parent : object;
  const model: ElementModel | undefined = childrenOf(ownerOf({ tape, node: root }, tape.parent(member)))?.get(
    tape.nameText(member),
  );
  if (model?.below === 'Resource') return tape.text(tape.member(object, resourceType)) ?? '';
  return model?.below ?? '';
}
