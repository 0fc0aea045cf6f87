import type { ResourceOnTape } from '../document/content.ts';
import type { Edits } from '../document/edits.ts';
import { nameNumber } from '../document/names.ts';
import { kinds, type Node, type Tape } from '../document/tape.ts';
import { alternativesOf, dependentsOf, isNeeded } from '../fhir/invariants.ts';
import { carriedReferences, childrenOf, type ElementModel } from '../fhir/model.ts';

const rank = nameNumber('rank');
const sequence = nameNumber('sequence');
const resourceType = nameNumber('resourceType');
const extension = nameNumber('extension');
const modifierExtension = nameNumber('modifierExtension');

/**
 * Removes an element with its smallest optional parent: what FHIR R4 requires takes its parent with it, an array or
 * object that would be left empty goes, what R4's invariants do not allow without it goes, an extension without a value goes, and a list with ordinal members goes whole
 * (a gap in `rank` or `sequence` would tell).
 * @returns false when the resource itself would have to go
 */
export function remove(resource: ResourceOnTape, edits: Edits, element: Node): boolean {
  const { tape, node: root } = resource;
  let target = element;
  for (;;) {
    if (target === root) return false;
    const parent = tape.parent(target);
    if (tape.kind(parent) === kinds.array && tape.nameText(parent).startsWith('_')) {
      // `_given` has an item for each of `given`: what is left out is null (FHIR R4 JSON, "primitive elements").
      edits.put(target, 'null');
      if (extended(tape, parent, target, edits)) return true;
      target = parent;
      continue;
    }
    if (tape.kind(parent) === kinds.array) {
      edits.cut(target);
      const ordinal = tape.member(target, rank) >= 0 || tape.member(target, sequence) >= 0;
      if (!ordinal && survivors(tape, parent, edits)) return true;
      target = parent;
      continue;
    }
    const owner = ownerOf(resource, parent);
    const name = tape.nameText(target);
    if (owner === 'Extension' || childrenOf(owner)?.get(name)?.required === true || isNeeded(owner, name)) {
      target = parent;
      continue;
    }
    if (carriedReferences.has(`${owner}.${name}`)) {
      target = parent;
      continue;
    }
    edits.cut(target);
    cutSibling(tape, parent, target, edits);
    const dependents = dependentsOf(owner, name);
    for (const dependent of dependents) cutMember(tape, parent, dependent, edits);
    const alternatives = alternativesOf(owner, [name, ...dependents]);
    const isValid = alternatives === undefined || alternatives.some((one) => hasMember(tape, parent, one, edits));
    if (isValid && (parent === root || survivors(tape, parent, edits))) return true;
    target = parent;
  }
}

function hasMember(tape: Tape, parent: Node, name: string, edits: Edits): boolean {
  return [name, `_${name}`].some((one) => {
    const number = nameNumber(one);
    const member = number === 0 ? -1 : tape.member(parent, number);
    return member >= 0 && !edits.isCut(member);
  });
}

function cutMember(tape: Tape, parent: Node, name: string, edits: Edits): void {
  const member = tape.member(parent, nameNumber(name));
  if (member < 0) return;
  edits.cut(member);
  cutSibling(tape, parent, member, edits);
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

/** Whether any other item of a list of primitives' siblings still says something. */
function extended(tape: Tape, list: Node, but: Node, edits: Edits): boolean {
  for (let item = tape.firstChild(list); item >= 0; item = tape.next(item)) {
    if (item !== but && tape.kind(item) === kinds.object && survivors(tape, item, edits)) return true;
  }
  return false;
}

/** The type or backbone path under which the model lists an object's members; '' for what R4 does not know. */
export function ownerOf({ tape, node: root }: ResourceOnTape, object: Node): string {
  if (object === root) return tape.text(tape.member(object, resourceType)) ?? '';
  const parent = tape.parent(object);
  const member = tape.kind(parent) === kinds.array ? parent : object;
  // Wherever it stands, in the sibling of a primitive too.
  if (tape.name(member) === extension || tape.name(member) === modifierExtension) return 'Extension';
  const model: ElementModel | undefined = childrenOf(ownerOf({ tape, node: root }, tape.parent(member)))?.get(
    tape.nameText(member),
  );
  if (model?.below === 'Resource') return tape.text(tape.member(object, resourceType)) ?? '';
  return model?.below ?? '';
}
