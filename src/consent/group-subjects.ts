import { randomUUID } from 'node:crypto';
import { GatewayError } from '../errors/errors.ts';
import type { TimeReader } from '../fhir/dates.ts';
import { type PatientKey, parseLocalReference, type ResourceKey, resourceKey } from '../fhir/ids.ts';
import type { Errand, Upstream } from '../upstream/upstream.ts';
import { isCurrent } from './collectives.ts';
import { type Json, list, own, text } from './json.ts';
import {
  type ListReading,
  readConsents,
  readList,
  type StoredConsent,
  type StoredResource,
  settled,
  Texts,
} from './reading.ts';

/** One whom a Consent is about. */
export interface Subject {
  /** As the store names her. */
  readonly patient: PatientKey;
  /** False where it cannot be told whether she is a member of its Group now. */
  readonly isCertain: boolean;
}

/** Where Consents are read, and how the store names their subjects. */
export interface SubjectPlace {
  readonly upstream: Upstream;
  readonly bases: readonly string[];
  readonly subjectOf: (reference: string | undefined) => PatientKey | undefined;
  /** Given where a Consent may be about a Group (FHIR R5 Consent.subject). `now`: epoch milliseconds. */
  readonly groups: { readonly time: TimeReader; readonly now: () => number } | undefined;
}

/** Groups in Groups are followed so far. */
const maximumDepth = 4;
/** Groups of the patients of one reading; with more the store is given up. */
const maximumGroups = 500;
const perSearch = 50;

/** A Consent and whom it is about; undefined where nobody can say who that is. */
interface Attributed {
  readonly consent: StoredConsent;
  readonly subjects: readonly Subject[] | undefined;
}

/**
 * All Consents about these patients, and whom each is about: herself, or a Group that lists her among its members. Searches that
 * say two things of one Consent or one Group are made again.
 * @param references values of the search parameters `patient` and `member`
 * @param maximum Consents in all, above which the store is given up
 * @throws {GatewayError} `consent-unavailable` when there are more of anything; and what the store answered
 */
export async function readAbout(
  place: SubjectPlace,
  references: readonly string[],
  maximum: number,
  errand: Errand,
): Promise<readonly Attributed[]> {
  return settled(() => readAboutOnce(place, references, maximum, errand));
}

async function readAboutOnce(
  place: SubjectPlace,
  references: readonly string[],
  maximum: number,
  errand: Errand,
): Promise<ListReading<readonly Attributed[]>> {
  const texts = new Texts();
  const [hers, groups] = await Promise.all([
    readConsents(place.upstream, 'patient', references, maximum, errand),
    place.groups === undefined ? new Map<ResourceKey, Members>() : groupsListing(place, references, texts, errand),
  ]);
  const all = new Map<string, StoredConsent>();
  const take = (consents: readonly StoredConsent[], search: string): void => {
    for (const [index, consent] of consents.entries()) {
      all.set(consent.id ?? `${search} ${index}`, consent);
      if (consent.id !== undefined) texts.note(`Consent/${consent.id}`, consent.text);
    }
  };
  take(hers, 'hers');
  // For those who are in no Group somebody whom nobody has is asked for all the same.
  const keys =
    groups.size > 0 || place.groups === undefined ? [...groups.keys()] : [resourceKey('Group', randomUUID())];
  for (let from = 0; from < keys.length; from += perSearch) {
    const some = keys.slice(from, from + perSearch);
    take(await readConsents(place.upstream, 'subject', some, maximum, errand), `${from}`);
  }
  if (all.size > maximum) throw new GatewayError('consent-unavailable');
  const found = [...all.values()].map((consent) => ({ consent, subjects: subjectsOf(consent, place, groups) }));
  return { found, pages: 1, contradicts: texts.contradict, marks: '' };
}

/** Patients asked for that a Group lists, and whether each is a member now for certain. */
type Members = Map<PatientKey, boolean>;

function subjectsOf(
  { patient: reference }: StoredConsent,
  { subjectOf, bases }: SubjectPlace,
  groups: ReadonlyMap<ResourceKey, Members>,
): readonly Subject[] | undefined {
  const patient = subjectOf(reference);
  if (patient !== undefined) return [{ patient, isCertain: true }];
  const group = reference === undefined ? undefined : parseLocalReference(reference, bases);
  const members = group === undefined ? undefined : groups.get(group);
  return members && [...members].map(([one, isCertain]) => ({ patient: one, isCertain }));
}

/** Groups that list these, or that list such a Group. Where the store does not answer that, nothing is known of whom it denies. */
async function groupsListing(
  place: SubjectPlace,
  references: readonly string[],
  texts: Texts,
  errand: Errand,
): Promise<ReadonlyMap<ResourceKey, Members>> {
  const found = new Map<ResourceKey, Members>();
  const asked = new Set(references.flatMap((reference) => place.subjectOf(reference) ?? []));
  let listed: readonly string[] = references;
  for (let depth = 0; listed.length > 0; depth++) {
    if (depth > maximumDepth) throw new GatewayError('consent-unavailable');
    const grown = new Set<ResourceKey>();
    for (let from = 0; from < listed.length; from += perSearch) {
      for (const { json, text } of await groupsWith(listed.slice(from, from + perSearch), place.upstream, errand)) {
        texts.note(keyOf(json), text);
        if (take(json, asked, found, place)) grown.add(keyOf(json));
      }
      if (found.size > maximumGroups) throw new GatewayError('consent-unavailable');
    }
    listed = [...grown];
  }
  return found;
}

/** Notes who of those asked for is in a Group. @returns whether more is known of it than before */
function take(
  group: Json,
  asked: ReadonlySet<PatientKey>,
  found: Map<ResourceKey, Members>,
  { subjectOf, bases, groups }: SubjectPlace,
): boolean {
  const key = keyOf(group);
  if (groups === undefined || own(group, 'active') === false) return false;
  // One of a kind of people lists examples at most (R4 Group.actual, R5 Group.membership).
  const isList = own(group, 'actual') !== false && (own(group, 'membership') ?? 'enumerated') === 'enumerated';
  const isPlain = isList && own(group, 'modifierExtension') === undefined;
  const members: Members = found.get(key) ?? new Map();
  let isMore = false;
  const note = (patient: PatientKey, isCertain: boolean): void => {
    const known = members.get(patient);
    if (known === true || known === isCertain) return;
    members.set(patient, isCertain);
    isMore = true;
  };
  for (const member of list(own(group, 'member'))) {
    const current = isCurrent(member, groups.time, groups.now());
    if (current === false) continue;
    const isCertain = isPlain && current === true;
    const reference = text(own(own(member, 'entity'), 'reference'));
    const patient = subjectOf(reference);
    if (patient !== undefined && asked.has(patient)) note(patient, isCertain);
    const inner = reference === undefined ? undefined : parseLocalReference(reference, bases);
    const within = inner === undefined || inner === key ? undefined : found.get(inner);
    for (const [one, known] of within ?? []) note(one, isCertain && known);
  }
  if (members.size > 0) found.set(key, members);
  return isMore;
}

function keyOf(group: Json): ResourceKey {
  return resourceKey('Group', text(own(group, 'id')) ?? '');
}

async function groupsWith(
  members: readonly string[],
  upstream: Upstream,
  errand: Errand,
): Promise<readonly StoredResource[]> {
  const search = {
    type: 'Group',
    parameters: [['member', members.join(',')] as const],
    pageSize: maximumGroups,
    unsorted: true,
  };
  const groups = await settled(() => readList(upstream, search, errand, maximumGroups + 1));
  if (groups.length > maximumGroups) throw new GatewayError('consent-unavailable');
  if (groups.some(({ json }) => text(own(json, 'id')) === undefined)) throw new GatewayError('upstream-invalid');
  return groups;
}
