import r4 from './generated/model.json' with { type: 'json' };
import r5 from './generated/model-r5.json' with { type: 'json' };
import { byVersion, type FhirVersion } from './version.ts';

/** One child element as the StructureDefinitions of the data's version (FHIR R4 or R5) state it. */
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
type Elements = ReadonlyMap<string, ReadonlyMap<string, ElementModel>>;

const elements = byVersion((version): Elements => {
  const generated = (version === 'R4' ? r4 : r5).elements as unknown as Record<string, Record<string, Row>>;
  return new Map(
    Object.entries(generated).map(([owner, children]) => [
      owner,
      new Map(
        Object.entries(children).map(([name, [required, repeats, summary, below, bound]]) => [
          name,
          { required: required === 1, repeats: repeats === 1, summary: summary === 1, below, bound: bound === 1 },
        ]),
      ),
    ]),
  );
});

/** Every element name that each version knows, each also with a leading `_` (the sibling of a primitive). */
export const elementNames: Readonly<Record<FhirVersion, readonly string[]>> = { R4: r4.names, R5: r5.names };

/** The children of a type or backbone path; undefined for what the version does not know. */
export function childrenOf(owner: string): ReadonlyMap<string, ElementModel> | undefined {
  return elements().get(owner);
}

const abstractTypes = new Set(['Resource', 'DomainResource', 'CanonicalResource', 'MetadataResource']);

/** True for the name of a resource type of the version. */
export function isResourceType(name: string): boolean {
  return !abstractTypes.has(name) && elements().get(name)?.has('meta') === true;
}

/**
 * References that are what their backbone element is there for, although FHIR lets it do without: the element goes with
 * them. A participant without actor, an activity with its progress alone, tell that somebody or something was cut. No
 * path of one version is one of the other with another meaning.
 */
export const carriedReferences: ReadonlySet<string> = new Set([
  'Appointment.participant.actor',
  'CareTeam.participant.member',
  'CarePlan.activity.reference',
  'ClinicalImpression.finding.itemReference',
  'Encounter.participant.individual',
  'RequestGroup.action.resource',
  // R5
  'CarePlan.activity.performedActivity',
  'CarePlan.activity.plannedActivityReference',
  'ClinicalImpression.finding.item',
  'Encounter.participant.actor',
  'Encounter.reason.value',
  'Encounter.diagnosis.condition',
  'EpisodeOfCare.reason.value',
  'EpisodeOfCare.diagnosis.condition',
  'GenomicStudy.analysis.input.file',
  'GenomicStudy.analysis.output.file',
  'GenomicStudy.analysis.performer.actor',
  'GenomicStudy.analysis.device.device',
  'ImagingSelection.performer.actor',
  'Immunization.reaction.manifestation',
  'InventoryItem.instance.subject',
  'RequestOrchestration.action.participant.actorReference',
  'RequestOrchestration.action.resource',
]);
