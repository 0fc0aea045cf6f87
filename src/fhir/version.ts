/** Versions of FHIR of which the data behind the gateway may be: R4 (4.0.1) or R5 (5.0.0). */
export type FhirVersion = 'R4' | 'R5';

let chosen: FhirVersion = 'R4';
let isFixed = false;

/**
 * The version of the data, a constant of the process: one gateway stands before one FHIR server, and every element name,
 * search parameter and type it knows follows from this. Chosen once, before anything is read or planned.
 * @throws {Error} when something was read as another version already
 */
export function chooseFhirVersion(version: FhirVersion): void {
  if (isFixed && version !== chosen) throw new Error(`this process reads FHIR ${chosen} already`);
  chosen = version;
}

/** From the first call on it stays what it is. */
export function fhirVersion(): FhirVersion {
  isFixed = true;
  return chosen;
}

/** What follows from the version alone, made when it is first asked for. */
export function byVersion<Value extends object>(make: (version: FhirVersion) => Value): () => Value {
  let made: Value | undefined;
  return () => {
    made ??= make(fhirVersion());
    return made;
  };
}

/** As `CapabilityStatement.fhirVersion` says it. */
export const publishedVersions: Readonly<Record<FhirVersion, string>> = { R4: '4.0.1', R5: '5.0.0' };
