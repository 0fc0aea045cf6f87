/** FHIR ids and local references, parsed once at the edge (FHIR R4 Resource.id, References). */

/** A local reference `Type/id`, without version and without base. */
export type ResourceKey = string & { readonly __brand: 'ResourceKey' };
/** The key of a Patient: `Patient/id`. */
export type PatientKey = ResourceKey & { readonly __patient: true };

const idPattern = /^[A-Za-z0-9\-.]{1,64}$/;
const typePattern = /^[A-Z][A-Za-z]{1,63}$/;

/** FHIR R4 `id`: 1 to 64 characters of `[A-Za-z0-9\-.]`. */
export function isId(text: string): boolean {
  return idPattern.test(text);
}

/** @throws {TypeError} when either part does not follow FHIR's grammar; callers check first. */
export function resourceKey(type: string, id: string): ResourceKey {
  if (!typePattern.test(type) || !idPattern.test(id)) throw new TypeError('not a resource key');
  return `${type}/${id}` as ResourceKey;
}

/** The key in a relative reference (`Type/id`, `Type/id/_history/v`); undefined for anything else. */
export function parseRelativeReference(reference: string): ResourceKey | undefined {
  const [type, id, history, version, ...rest] = reference.split('/');
  if (type === undefined || id === undefined || !typePattern.test(type) || !idPattern.test(id)) return undefined;
  if (history !== undefined && (history !== '_history' || version === undefined || rest.length > 0)) return undefined;
  return `${type}/${id}` as ResourceKey;
}

export function typeOf(key: ResourceKey): string {
  return key.slice(0, key.indexOf('/'));
}

export function idOf(key: ResourceKey): string {
  return key.slice(key.indexOf('/') + 1);
}

export function isPatientKey(key: ResourceKey): key is PatientKey {
  return key.startsWith('Patient/');
}
