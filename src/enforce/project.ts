import type { ResourceOnTape } from '../document/content.ts';
import type { Edits } from '../document/edits.ts';
import { nameNumber } from '../document/names.ts';
import { childrenOf } from '../fhir/model.ts';
import type { Projection } from '../plan/plan.ts';
import { addToMeta } from './meta.ts';

const subsetted =
  '{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED","display":"subsetted"}';

/**
 * `_elements` and `_summary` on a view: members that were not asked for go, required ones stay, and the resource says
 * SUBSETTED (FHIR R4 search: _elements, _summary). It only ever takes away, so it comes after every decision.
 */
export function project(resource: ResourceOnTape, projection: Projection, edits: Edits): void {
  if (projection.kind === 'whole') return;
  const { tape, node } = resource;
  const model = childrenOf(tape.text(tape.member(node, nameNumber('resourceType'))) ?? '');
  const wanted = wantedMembers(projection);
  for (let member = tape.firstChild(node); member >= 0; member = tape.next(member)) {
    const name = tape.nameText(member).replace(/^_/, '');
    if (name === 'resourceType' || name === 'id' || name === 'meta') continue;
    const element = model?.get(name);
    if (!(element?.required || wanted(name, element?.summary === true))) edits.cut(member);
  }
  addToMeta(resource, edits, 'tag', subsetted);
}

function wantedMembers(
  projection: Exclude<Projection, { kind: 'whole' }>,
): (name: string, inSummary: boolean) => boolean {
  if (projection.kind === 'elements') {
    // `value` asks for every `value[x]`.
    return (name) =>
      projection.elements.some(
        (element) => name === element || (name.startsWith(element) && /[A-Z]/.test(name.charAt(element.length))),
      );
  }
  switch (projection.summary) {
    case 'true':
      return (_, inSummary) => inSummary;
    case 'text':
      return (name) => name === 'text';
    case 'data':
      return (name) => name !== 'text';
    default:
      return projection.summary satisfies never;
  }
}
