import { consentOf, consentR5Of, type Resource, resourceOf } from './expand.ts';
import { cast, type NamedScenario } from './format.ts';
import { instants } from './instants.ts';
import { dataUrl } from './settings.ts';

/** The store of one scenario, as FHIR: every id begins with the scenario's own. */
export interface World {
  /** Everything in it, the directory left out. */
  readonly stored: readonly Resource[];
  readonly consents: readonly Resource[];
  /** Consents in a store of their own, which speaks R5 and refers to the data server's resources by its URL. */
  readonly r5: readonly Resource[];
  /** `Type/id` by the name that the scenario uses. */
  readonly keys: ReadonlyMap<string, string>;
  /** A text in which names of the scenario stand for ids. */
  readonly say: (text: string) => string;
}

export function worldOf({ id: prefix, scenario: { given } }: NamedScenario, now: number): World {
  const patients = Object.entries({ [given.patient]: {}, ...given.patients }).map(
    ([name, elements]): Resource => ({ resourceType: 'Patient', id: name, birthDate: '1980-04-01', ...elements }),
  );
  const consents = Object.entries(given.consents).map(([name, one]) => consentOf(name, one, given.patient));
  const resources = Object.entries(given.resources).map(([name, one]) => resourceOf(name, one, given.patient));
  const elsewhere = Object.entries(given.r5).map(([name, one]) => consentR5Of(name, one, given.patient));
  const all = [...patients, ...resources, ...consents, ...elsewhere];
  const keys = new Map(all.map(({ resourceType, id }) => [id, `${resourceType}/${prefix}-${id}`]));
  if (keys.size !== all.length) throw new Error('a name is used twice');
  const local = new Map(all.map(({ resourceType, id }) => [`${resourceType}/${id}`, keys.get(id) as string]));
  const when = instants(now);
  const localized = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(localized);
    if (typeof value === 'object' && value !== null)
      return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, localized(one)]));
    return typeof value === 'string' ? (local.get(value) ?? when[value] ?? value) : value;
  };
  const placed = (resource: Resource): Resource => ({
    ...(localized(resource) as Resource),
    id: `${prefix}-${resource.id}`,
  });
  const stored = [...patients, ...resources, ...consents].map(placed);
  return {
    stored,
    consents: stored.filter(({ resourceType }) => resourceType === 'Consent'),
    r5: elsewhere.map((one) => fromElsewhere(placed(one)) as Resource),
    keys,
    say: (text) => text.replace(/[A-Za-z0-9.-]+/g, (word) => (keys.has(word) ? `${prefix}-${word}` : word)),
  };
}

/** References as they are written by another server. */
function fromElsewhere(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(fromElsewhere);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) =>
      name === 'reference' && typeof one === 'string' ? [name, `${dataUrl}/${one}`] : [name, fromElsewhere(one)],
    ),
  );
}

/** Organizations, practitioners and places that all scenarios share. */
export const directory: readonly Resource[] = Object.entries(cast.directory).map(([name, one]) =>
  resourceOf(name, one, ''),
);
