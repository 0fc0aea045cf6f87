import type { World } from './messages.ts';
import type { TwinRequest } from './requests.ts';
import { concept, keyOf, type Resource, ref, type TwinWorlds } from './world.ts';

/**
 * The worlds of R4 as FHIR R5 (5.0.0) writes them. Each type that changed between the versions is put into R5's elements
 * here; what stayed goes as it is.
 */
type Convert = (resource: Resource) => Resource;

const confidentiality = 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality';

/** `[{ reference }]` of R4 as CodeableReferences of R5. */
const codeable = (references: unknown): { reference: unknown }[] =>
  listOf(references).map((reference) => ({ reference }));
const listOf = (value: unknown): unknown[] => (value === undefined ? [] : Array.isArray(value) ? value : [value]);
/** `reasonCode` and `reasonReference`, which R5 has as one list. */
const reasonsOf = ({ reasonCode, reasonReference }: Resource): object[] => [
  ...listOf(reasonCode).map((concept) => ({ concept })),
  ...codeable(reasonReference),
];
/** A member unless it is empty: R5 has no empty lists either. */
const member = (name: string, items: readonly unknown[]): object => (items.length === 0 ? {} : { [name]: items });
const without = (resource: Resource, ...names: readonly string[]): Resource => {
  const rest = { ...resource };
  for (const name of names) delete rest[name];
  return rest;
};
const withReason: Convert = (resource) => ({
  ...without(resource, 'reasonCode', 'reasonReference'),
  ...member('reason', reasonsOf(resource)),
});

function withSubjects(resource: Resource): Resource {
  return { ...resource, subject: listOf(resource.subject) };
}

/** This house's own people, whom a Consent has to name that denies what it does not name. */
const ownHouse = {
  actor: [
    {
      role: concept('http://terminology.hl7.org/CodeSystem/v3-ParticipationType', 'IRCP'),
      reference: ref('Organization/mercy-hospital'),
    },
  ],
  securityLabel: [{ system: confidentiality, code: 'N' }],
};

const encounterStatus: Readonly<Record<string, string>> = { finished: 'completed' };

const conversions: Readonly<Record<string, Convert>> = {
  Encounter(resource) {
    const { class: kind, period, participant, diagnosis, status } = resource;
    return {
      ...without(resource, 'class', 'period', 'participant', 'diagnosis', 'reasonCode', 'reasonReference'),
      status: encounterStatus[String(status)] ?? status,
      class: [{ coding: [kind] }],
      ...(period === undefined ? {} : { actualPeriod: period }),
      ...member(
        'participant',
        listOf(participant).map((one) => ({ actor: (one as { individual: object }).individual })),
      ),
      ...member(
        'reason',
        reasonsOf(resource).map((value) => ({ value: [value] })),
      ),
      ...member(
        'diagnosis',
        listOf(diagnosis).map((one) => ({ condition: codeable((one as { condition: object }).condition) })),
      ),
    };
  },
  Condition(resource) {
    const details = listOf(resource.evidence).flatMap((one) => listOf((one as { detail?: unknown }).detail));
    return {
      ...without(resource, 'evidence'),
      clinicalStatus:
        resource.clinicalStatus ?? concept('http://terminology.hl7.org/CodeSystem/condition-clinical', 'active'),
      ...member('evidence', codeable(details)),
    };
  },
  MedicationRequest(resource) {
    const { medicationCodeableConcept, medicationReference } = resource;
    return {
      ...withReason(without(resource, 'medicationCodeableConcept', 'medicationReference')),
      medication:
        medicationReference === undefined ? { concept: medicationCodeableConcept } : { reference: medicationReference },
    };
  },
  Procedure(resource) {
    const { performedDateTime, complicationDetail } = resource;
    return {
      ...withReason(without(resource, 'performedDateTime', 'complicationDetail')),
      ...(performedDateTime === undefined ? {} : { occurrenceDateTime: performedDateTime }),
      ...member('complication', codeable(complicationDetail)),
    };
  },
  CarePlan: (resource) => ({ ...without(resource, 'addresses'), ...member('addresses', codeable(resource.addresses)) }),
  CareTeam: withReason,
  ServiceRequest(resource) {
    const { code, supportingInfo } = resource;
    return {
      ...withReason(without(resource, 'code', 'supportingInfo')),
      ...(code === undefined ? {} : { code: { concept: code } }),
      ...member('supportingInfo', codeable(supportingInfo)),
    };
  },
  /** What was related in R4 is told of by an extension: of its kinds R5 relates documents alone. */
  DocumentReference(resource) {
    const { related } = (resource.context ?? {}) as { related?: { reference: string }[] };
    const documents = listOf(related).filter((one) => isDocument(one));
    const others = listOf(related).filter((one) => !isDocument(one));
    return {
      ...without(resource, 'context'),
      ...member(
        'relatesTo',
        documents.map((target) => ({ code: { text: 'related' }, target })),
      ),
      ...member(
        'extension',
        others.map((one) => ({ url: 'http://example.org/related', valueReference: one })),
      ),
    };
  },
  Composition: withSubjects,
  List: withSubjects,
  Coverage: ({ payor: _, ...rest }) => ({ ...rest, kind: 'insurance', insurer: ref('Organization/mercy-hospital') }),
  Group: ({ actual: _, ...rest }) => ({ ...rest, membership: 'enumerated' }),
  Communication: ({ payload, ...rest }) => ({
    ...rest,
    payload: listOf(payload).map((one) => ({
      contentCodeableConcept: { text: (one as { contentString: string }).contentString },
    })),
  }),
  QuestionnaireResponse: (resource) => ({ questionnaire: 'http://example.org/questions', ...resource }),
  Consent: consentOf,
};

function isDocument(one: unknown): boolean {
  return (one as { reference: string }).reference.startsWith('DocumentReference/');
}

/**
 * A permit of R4 leaves unsaid what it does not name. R5 has a decision there: to deny, but for what R4 named and for this
 * house. A narrowed deny of R4 is a list of exceptions from nothing; a whole one the decision itself (FHIR R5 Consent.decision).
 */
function consentOf(resource: Resource): Resource {
  const { scope: _s, patient, dateTime, performer, organization, sourceAttachment, policyRule: _r, ...rest } = resource;
  const { type, period, class: kinds, ...elements } = rest.provision as Record<string, unknown>;
  delete rest.provision;
  const narrowed = { ...elements, ...(kinds === undefined ? {} : { resourceType: kinds }) };
  const says = Object.keys(narrowed).length > 0;
  const effect =
    type === 'permit'
      ? { decision: 'deny', provision: [narrowed, ownHouse] }
      : says
        ? { provision: [narrowed] }
        : { decision: 'deny' };
  return {
    ...rest,
    subject: patient,
    ...(dateTime === undefined ? {} : { date: dateTime }),
    ...(period === undefined ? {} : { period }),
    ...member('grantor', listOf(performer)),
    ...member('controller', listOf(organization)),
    ...member('sourceAttachment', listOf(sourceAttachment)),
    ...effect,
  } as Resource;
}

/** A resource of R4, with what it contains, in R5. */
export function toR5(resource: Resource): Resource {
  const { contained } = resource;
  const converted = conversions[resource.resourceType]?.(resource) ?? resource;
  return contained === undefined ? converted : { ...converted, contained: (contained as Resource[]).map(toR5) };
}

/** Consents that R5 cannot say beside another one, whose decision says it too. */
const inOthers = /^(ada|cy)-scheduling$/;
const stays = ({ resourceType, id }: Resource): boolean => resourceType !== 'Consent' || !inOthers.test(id);

/** A world of R4 in R5. */
export function worldToR5(world: World): World {
  const resources = world.resources.map((text) => JSON.parse(text) as Resource).filter(stays);
  return { ...world, resources: resources.map((one) => JSON.stringify(toR5(one))) };
}

/** The worlds of one requester in R5. */
export function twinWorldsToR5(worlds: TwinWorlds): TwinWorlds {
  const resources = worlds.resources.filter(stays).map(toR5);
  return {
    plain: worldToR5(worlds.plain),
    full: worldToR5(worlds.full),
    changed: worldToR5(worlds.changed),
    hidden: worlds.hidden,
    visible: resources.map(keyOf),
    resources,
  };
}

/** Search parameters and codes that have another name in R5. */
const renamed: readonly (readonly [RegExp, string])[] = [
  [/\bEncounter:diagnosis\b/g, 'Encounter:diagnosis-reference'],
  [/(^|[?&])diagnosis(?=[:=])/g, '$1diagnosis-reference'],
  [/\bstatus=finished\b/g, 'status=completed'],
  [/(^|[?&])related=/g, '$1relatesto='],
];

/** A request as it is asked of a server of R5. */
export function requestToR5(request: TwinRequest): TwinRequest {
  const spelled = (text: string): string =>
    renamed.reduce((said, [name, replacement]) => said.replace(name, replacement), text);
  return {
    ...request,
    path: spelled(request.path),
    ...(request.body === undefined ? {} : { body: spelled(request.body) }),
  };
}
