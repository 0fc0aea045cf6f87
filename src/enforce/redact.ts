import type { ResourceOnTape } from '../document/content.ts';
import type { Edits } from '../document/edits.ts';
import { nameNumber } from '../document/names.ts';
import { kinds, type Node, type Tape } from '../document/tape.ts';
import { takesMask } from '../fhir/invariants.ts';
import { childrenOf } from '../fhir/model.ts';
import { allOrNothingTypes } from '../label/roles.ts';
import { ownerOf, remove } from './remove.ts';

/** An element that the requester may not have, and whether he may know that there is one. */
export interface Redaction {
  /** The element as an object, or the `_name` sibling of a primitive (or an item of such a list). */
  readonly node: Node;
  readonly masked: boolean;
}

const resourceType = nameNumber('resourceType');
const contained = nameNumber('contained');
const reference = nameNumber('reference');
const masked =
  '{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"masked"}]}';

/**
 * Takes elements out, with their smallest optional parent, or masks them (FHIR R4 extension data-absent-reason), values and siblings of
 * primitives in step. What FHIR R4 requires, or what would not be valid when it is masked, is taken out.
 * @returns whether anything was masked; undefined when the resource itself would have to go
 */
export function redact(resource: ResourceOnTape, redactions: readonly Redaction[], edits: Edits): boolean | undefined {
  let hasMasked = false;
  const type = resource.tape.text(resource.tape.member(resource.node, resourceType)) ?? '';
  if (redactions.length > 0 && allOrNothingTypes.has(type)) return undefined;
  for (const { node: labelled, masked: mask } of redactions) {
    if (isBoundToContained(resource, labelled)) return undefined;
    const node = wholeOf(resource, labelled);
    if (isGone(resource, node, edits)) continue;
    const primitive = primitiveOf(resource, node);
    const canMask = mask && !isRequired(resource, primitive?.value ?? node) && keepsInvariants(resource, node);
    if (primitive !== undefined) {
      if (canMask) {
        edits.put(node, masked);
        takeValue(primitive, edits);
        hasMasked = true;
      } else if (!removePrimitive(resource, node, primitive, edits)) return undefined;
    } else if (canMask && isMaskable(resource, node)) {
      edits.put(node, masked);
      hasMasked = true;
    } else if (!remove(resource, edits, node)) return undefined;
  }
  return hasMasked;
}

/** It, or what it stands in, is cut. */
export function isGone({ tape, node: root }: ResourceOnTape, node: Node, edits: Edits): boolean {
  for (let at = node; at !== root; at = tape.parent(at)) if (edits.isCut(at)) return true;
  return false;
}

/** Where a primitive's value stands beside its sibling; -1 where it has none. */
interface Primitive {
  readonly value: Node;
  readonly inList: boolean;
}

/** A primitive whose extensions stand in this `_name` (FHIR R4 JSON, "primitive elements"); undefined for other elements. */
function primitiveOf({ tape }: ResourceOnTape, node: Node): Primitive | undefined {
  const parent = tape.parent(node);
  const inList = tape.kind(parent) === kinds.array;
  const sibling = inList ? parent : node;
  const name = tape.nameText(sibling);
  if (!name.startsWith('_')) return undefined;
  const values = tape.member(tape.parent(sibling), nameNumber(name.slice(1)));
  if (values < 0 || !inList) return { value: values, inList };
  if (tape.kind(values) !== kinds.array) return { value: -1, inList };
  let value = tape.firstChild(values);
  for (let at = tape.firstChild(parent); at !== node && value >= 0; at = tape.next(at)) value = tape.next(value);
  return { value, inList };
}

function takeValue({ value, inList }: Primitive, edits: Edits): void {
  if (value < 0) return;
  if (inList) edits.put(value, 'null');
  else edits.cut(value);
}

function removePrimitive(resource: ResourceOnTape, node: Node, { value, inList }: Primitive, edits: Edits): boolean {
  const { tape } = resource;
  if (!inList) {
    if (value < 0) return remove(resource, edits, node);
    edits.cut(node);
    return remove(resource, edits, value);
  }
  const siblings = tape.parent(node);
  edits.cut(node);
  if (value >= 0 && !remove(resource, edits, value)) return false;
  // A list of siblings says something as long as one of them does.
  for (let item = tape.firstChild(siblings); item >= 0; item = tape.next(item))
    if (!edits.isCut(item) && tape.kind(item) === kinds.object) return true;
  edits.cut(siblings);
  return true;
}

function isRequired(resource: ResourceOnTape, node: Node): boolean {
  const { tape } = resource;
  if (node < 0) return false;
  const parent = tape.parent(node);
  const member = tape.kind(parent) === kinds.array ? parent : node;
  return childrenOf(ownerOf(resource, tape.parent(member)))?.get(tape.nameText(member))?.required === true;
}

/** Part of a contained resource, or what refers to one: neither can do without the other (dom-2, dom-3, ref-1). */
function isBoundToContained(resource: ResourceOnTape, node: Node): boolean {
  const { tape, node: root } = resource;
  const value = primitiveOf(resource, node)?.value ?? -1;
  if (value >= 0 && isLocal(tape, value)) return true;
  for (let at = node; at !== root; at = tape.parent(at)) if (tape.name(at) === contained) return true;
  const end = tape.skips[node] as number;
  for (let at = node; at < end; at++) if (isLocal(tape, at)) return true;
  return false;
}

/** A reference to a contained resource. */
function isLocal(tape: Tape, node: Node): boolean {
  return tape.name(node) === reference && tape.kind(node) === kinds.string && tape.text(node)?.startsWith('#') === true;
}

/** The element around a part that an invariant reads (Condition.clinicalStatus.coding.code, con-4); mostly itself. */
function wholeOf(resource: ResourceOnTape, node: Node): Node {
  let whole = node;
  for (let at = resource.tape.parent(node); at > resource.node; at = resource.tape.parent(at))
    if (!keepsInvariants(resource, at)) whole = at;
  return whole;
}

/** Whether nothing is said of its value that a mask does not keep; of a `_name`, of what it is the sibling of. */
function keepsInvariants(resource: ResourceOnTape, node: Node): boolean {
  const { tape } = resource;
  const parent = tape.parent(node);
  const member = tape.kind(parent) === kinds.array ? parent : node;
  const owner = ownerOf(resource, tape.parent(member));
  const name = tape.nameText(member).replace(/^_/, '');
  return takesMask(owner, name) && childrenOf(owner)?.get(name)?.bound !== true;
}

/** A value of a datatype without required members: a mask in its place is valid. Backbone elements have rules of their own. */
function isMaskable(resource: ResourceOnTape, node: Node): boolean {
  const owner = ownerOf(resource, node);
  const children = childrenOf(owner);
  if (
    owner === 'Extension' ||
    owner.includes('.') ||
    children === undefined ||
    children.has('resourceType') ||
    children.has('meta')
  )
    return false;
  return ![...children.values()].some(({ required }) => required);
}
