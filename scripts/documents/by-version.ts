import { fhirVersion } from '../../src/fhir/version.ts';
import { renderRefusals } from '../../src/plan/plan.ts';
import { renderSearchParameters } from './search-parameters.ts';

/** Documents that follow from the version of the data, of the version that this process reads. */
export function documentsOfVersion(): ReadonlyMap<string, string> {
  const suffix = fhirVersion() === 'R4' ? '' : `-${fhirVersion().toLowerCase()}`;
  return new Map([
    [`docs/refusals${suffix}.md`, renderRefusals()],
    [`docs/search-parameters${suffix}.md`, renderSearchParameters()],
  ]);
}
