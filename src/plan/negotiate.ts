import type { FhirRequest, Parameter } from '../fhir/request.ts';
import { type FhirVersion, fhirVersion } from '../fhir/version.ts';
import { Refused } from './refused.ts';

/** Values of `_format` that mean FHIR JSON; a `+` that came as a space is taken for what it was. */
const jsonFormats = new Set([
  'json',
  'text/json',
  'application/json',
  'application/fhir+json',
  'application/fhir json',
]);

/**
 * Holds the request to the one representation that this gateway writes: FHIR JSON of the version of its data (FHIR RESTful API, "Content
 * Types and encodings"). `_format` comes before `Accept`.
 * @throws {Refused} `not-acceptable`
 */
export function negotiate(request: FhirRequest, parameters: readonly Parameter[]): void {
  const formats = parameters.filter(([name]) => name === '_format').map(([, value]) => value.split(';'));
  for (const [format = '', ...options] of formats) {
    if (!jsonFormats.has(format.trim().toLowerCase()) || !options.every(isThisVersion)) {
      throw new Refused('not-acceptable', '_format');
    }
  }
  if (formats.length === 0 && !accepts(request.headers.accept)) throw new Refused('not-acceptable', 'Accept');
  for (const [name, value] of parameters) {
    if (name === '_pretty' && value !== 'true' && value !== 'false') throw new Refused('invalid-request', '_pretty');
  }
}

const jsonRanges = new Set(['application/fhir+json', 'application/json', 'application/*', '*/*']);

function accepts(accept: string | undefined): boolean {
  if (accept === undefined || accept.trim() === '') return true;
  return accept.split(',').some((range) => {
    const [type = '', ...options] = range.split(';');
    return jsonRanges.has(type.trim().toLowerCase()) && options.every(isThisVersion) && !options.some(isExcluded);
  });
}

function isThisVersion(option: string): boolean {
  const [name = '', value = ''] = option.split('=');
  return (
    name.trim().toLowerCase() !== 'fhirversion' || value.trim().replaceAll('"', '') === mediaVersions[fhirVersion()]
  );
}

/** Values of the media type parameter `fhirVersion` (FHIR RESTful API, "FHIR Version"). */
const mediaVersions: Readonly<Record<FhirVersion, string>> = { R4: '4.0', R5: '5.0' };

/** `q=0`: not acceptable (RFC 9110, 12.4.2). */
function isExcluded(option: string): boolean {
  return /^\s*q\s*=\s*0(\.0{0,3})?\s*$/i.test(option);
}

/** `Prefer: handling=lenient` (FHIR R4 Search, "Handling Errors"); strict is the default. Other preferences are ignored. */
export function isLenient(request: FhirRequest): boolean {
  const preferences = (request.headers.prefer ?? '').split(/[,;]/).map((part) => part.trim().toLowerCase());
  return preferences.includes('handling=lenient') && !preferences.includes('handling=strict');
}
