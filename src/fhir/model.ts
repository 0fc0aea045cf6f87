import generated from './generated/model.json' with { type: 'json' };

/** One child element as FHIR R4's StructureDefinitions state it. */
export interface ElementModel {
  readonly required: boolean;
  readonly repeats: boolean;
  readonly summary: boolean;
  /** Name under which its own children are found: a datatype, or the path of a backbone element; '' for primitives. */
  readonly below: string;
  /** Its code has to be one of a list: of type code, or with a required binding. */
  readonly bound: boolean;
}

type Row = readonly [number, number, number, string, number?];
const elements = new Map<string, ReadonlyMap<string, ElementModel>>(
  Object.entries(generated.elements as unknown as Record<string, Record<string, Row>>).map(([owner, children]) => [
    owner,
    new Map(
      Object.entries(children).map(([name, [required, repeats, summary, below, bound]]) => [
        name,
        { required: required === 1, repeats: repeats === 1, summary: summary === 1, below, bound: bound === 1 },
      ]),
    ),
  ]),
);

/** Every element name that FHIR R4 knows, each also with a leading `_` (the sibling of a primitive). */
export const elementNames: readonly string[] = generated.names;

/** The children of a type or backbone path; undefined for what R4 does not know. */
export function childrenOf(owner: string): ReadonlyMap<string, ElementModel> | undefined {
  return elements.get(owner);
}

/** True for the name of an R4 resource type. */
export function isResourceType(name: string): boolean {
  return name !== 'Resource' && name !== 'DomainResource' && elements.get(name)?.has('meta') === true;
}

/**
 * References that are what their backbone element is there for, although R4 lets it do without: the element goes with
 * them. A participant without actor, an activity with its progress alone, tell that somebody or something was cut.
 */
export const carriedReferences: ReadonlySet<string> = new Set([
  'Appointment.participant.actor',
  'CarePlan.activity.reference',
  'CareTeam.participant.member',
  'ClinicalImpression.finding.itemReference',
  'Encounter.participant.individual',
  'RequestGroup.action.resource',
]);
