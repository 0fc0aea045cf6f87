import { type PatientKey, parseLocalReference, type ResourceKey, typeOf } from '../fhir/ids.ts';
import { isObject, type Json, list, own, text } from './json.ts';

/** What it takes to say in the data server's names what a Consent of another store says in its own. */
export interface Translation {
  /** Bases of the other store; the first one is how its resources are named here. */
  readonly bases: readonly [string, ...string[]];
  /** Who this patient of the store is in the data server; undefined when nobody here. */
  readonly patientOf: (key: ResourceKey) => PatientKey | undefined;
  /** Identifiers of a resource of the store, `[system, value]`; none when it is not known. */
  readonly identifiersOf: (key: ResourceKey) => readonly (readonly [system: string, value: string])[];
}

/** Kinds whose members, roles or holders are known to their own store alone. */
const collectives = new Set(['Group', 'CareTeam', 'PractitionerRole', 'HealthcareService']);

/**
 * A Consent of another store in the data server's names: a relative reference in it is one into that store, so it becomes
 * absolute; its patients become those of the data server. Actors are named by the identifiers that the store gives them. One
 * of whom it gives none keeps no name at all: he may be anybody here, which counts in a deny and not in a permit.
 */
export function translated(consent: Json, translation: Translation): Json {
  return translateObject(consent, translation);
}

/** Resources of the store whose identifiers it takes to compare who is meant in a Consent. */
export function actorsIn(consent: Json, bases: readonly string[]): readonly ResourceKey[] {
  const keys = new Set<ResourceKey>();
  const visit = (value: unknown, name: string): void => {
    for (const item of list(value)) {
      if (!isObject(item)) continue;
      const literal = text(own(item, 'reference'));
      const key = literal === undefined ? undefined : parseLocalReference(literal, bases);
      if (key !== undefined && isActorSite(name) && !collectives.has(typeOf(key)) && !key.startsWith('Patient/'))
        keys.add(key);
      for (const [member, child] of Object.entries(item)) visit(child, nameOf(member, name));
    }
  };
  for (const [member, child] of Object.entries(consent)) visit(child, nameOf(member, ''));
  return [...keys];
}

/** Lists of References to people and organizations, and backbone elements that hold one in `reference`. */
const actorSites = new Set(['actor', 'organization', 'controller', 'manager', 'grantee', 'data', 'valueReference']);

function isActorSite(name: string): boolean {
  return actorSites.has(name);
}

/** The Reference in `actor.reference` stands where the actor stands. */
function nameOf(member: string, parent: string): string {
  return member === 'reference' ? parent : member;
}

function translateObject(object: Json, translation: Translation): Json {
  return Object.fromEntries(
    Object.entries(object).map(([member, value]) => [member, translateMember(member, value, translation)]),
  );
}

function translateMember(member: string, value: unknown, translation: Translation): unknown {
  if (Array.isArray(value)) return value.map((item) => translateMember(member, item, translation));
  if (!isObject(value)) return value;
  if (member === 'actor' || (member === 'data' && own(value, 'meaning') === 'authoredby')) {
    const { reference, ...rest } = value;
    const actor = translateObject(rest, translation);
    return reference === undefined ? actor : { ...actor, reference: actorNamed(reference, translation) };
  }
  if (member === 'grantee') return actorNamed(value, translation);
  return isReference(value) ? translateReference(value, translation) : translateObject(value, translation);
}

/** An actor by every name that can be compared here; without a name when there is none. */
function actorNamed(reference: unknown, translation: Translation): unknown {
  if (!isObject(reference)) return reference;
  const key = keyOf(reference, translation);
  if (key === undefined || translation.patientOf(key) !== undefined) return translateReference(reference, translation);
  const isNamed = translation.identifiersOf(key).length > 0 || own(reference, 'identifier') !== undefined;
  if (isNamed && !collectives.has(typeOf(key))) return translateReference(reference, translation);
  const { reference: _literal, identifier: _identifier, ...unnamed } = reference;
  return unnamed;
}

function isReference(value: Json): boolean {
  return typeof value.reference === 'string';
}

function keyOf(reference: Json, { bases }: Translation): ResourceKey | undefined {
  const literal = text(own(reference, 'reference'));
  return literal === undefined ? undefined : parseLocalReference(literal, bases);
}

/** The patient's name here, or an absolute one with the identifiers that its store gives it: all of them name one. */
function translateReference(reference: Json, translation: Translation): Json {
  const key = keyOf(reference, translation);
  const rest = translateObject(reference, translation);
  if (key === undefined) return rest;
  const patient = translation.patientOf(key);
  if (patient !== undefined) return { ...rest, reference: patient };
  const known = translation.identifiersOf(key).map(([system, value]) => ({ system, value }));
  const identifier = [...list(rest.identifier), ...known];
  return {
    ...rest,
    reference: `${translation.bases[0]}/${key}`,
    ...(identifier.length === 0 ? {} : { identifier }),
  };
}
