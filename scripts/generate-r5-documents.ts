/** Writes the documents that are other ones where the data is FHIR R5; a process reads one version. */
import { writeFileSync } from 'node:fs';
import { chooseFhirVersion } from '../src/fhir/version.ts';
import { documentsOfVersion } from './documents/by-version.ts';

chooseFhirVersion('R5');
for (const [path, text] of documentsOfVersion()) writeFileSync(new URL(`../${path}`, import.meta.url), text);
