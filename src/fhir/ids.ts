/** FHIR ids and local references, parsed once at the edge (FHIR R4 Resource.id, References). */

/** A local reference `Type/id`, without version and without base. */
export type ResourceKey = string & { readonly __brand: 'ResourceKey' };
/** The key of a Patient: `Patient/id`. */
export type PatientKey = ResourceKey & { readonly __patient: true };

/** But the two that are steps of a path wherever they stand in one (RFC 3986 section 3.3). */
const idPattern = /^(?!\.\.?$)[A-Za-z0-9\-.]{1,64}$/;
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

/** A base and what URL comparison needs of it. */
interface Home {
  readonly base: string;
  readonly host: string;
  readonly path: string;
}
const homes = new WeakMap<readonly string[], readonly Home[]>();

function homesOf(localBases: readonly string[]): readonly Home[] {
  let known = homes.get(localBases);
  if (known === undefined) {
    known = localBases
      .filter((base) => URL.canParse(base))
      .map((base) => ({
        base,
        host: new URL(base).host,
        path: new URL(base).pathname.replace(/\/$/, ''),
      }));
    homes.set(localBases, known);
  }
  return known;
}

/**
 * The key of a literal reference into this store, in whatever form it is written: relative, or absolute below one of the
 * bases; with a version, a fragment, a query, another case of the host, superfluous slashes or encoded characters
 * (RFC 3986, 6.2.2). Undefined for what leads elsewhere or nowhere.
 */
export function parseLocalReference(reference: string, localBases: readonly string[]): ResourceKey | undefined {
  if (reference.startsWith('#')) return undefined;
  if (!reference.includes('://')) {
    const key = parseRelativeReference(reference);
    if (key !== undefined || /^[a-z][a-z0-9+.-]*:/i.test(reference)) return key;
  }
  for (const base of localBases) {
    const isBelow = reference.startsWith(base) && reference[base.length] === '/';
    const key = isBelow ? parseRelativeReference(reference.slice(base.length + 1)) : undefined;
    if (key !== undefined) return key;
  }
  return parseUnusual(reference.trim(), homesOf(localBases));
}

function parseUnusual(reference: string, known: readonly Home[]): ResourceKey | undefined {
  if (!reference.includes('://')) {
    const key = keyAt(`/${reference}`, '');
    if (key !== undefined) return key;
  }
  for (const { base, host, path } of known) {
    const url = URL.canParse(reference, `${base}/`) ? new URL(reference, `${base}/`) : undefined;
    const key = url?.host === host ? keyAt(url.pathname, path) : undefined;
    if (key !== undefined) return key;
  }
  return undefined;
}

/** The key at a path below another, both as they stand in a URL. */
function keyAt(path: string, below: string): ResourceKey | undefined {
  const segments = decoded(path)
    .replace(/[?#].*$/s, '')
    .split('/')
    .filter((one) => one !== '' && one !== '.');
  const first = below.split('/').filter((one) => one !== '');
  if (!first.every((one, index) => segments[index] === one)) return undefined;
  const [type, id, history, ...rest] = segments.slice(first.length);
  if (type === undefined || id === undefined || (history !== undefined && history !== '_history') || rest.length > 1)
    return undefined;
  return parseRelativeReference(`${type}/${id}`);
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
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
