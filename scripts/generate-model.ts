/**
 * Writes src/fhir/generated/model.json: and model-r5.json: what the gateway needs to know of every element, read from the
 * StructureDefinitions of FHIR R4 (4.0.1) and R5 (5.0.0): whether it is required, whether it repeats, whether it is in the summary,
 * and what lies below it.
 */
import { writeFileSync } from 'node:fs';
import { type FhirVersion, publishedVersions } from '../src/fhir/version.ts';
import { structures } from './definitions.ts';

/** [required, repeats, summary, type names or '#path', bound to a list of codes] per child name; choice elements are spelled out (`valueQuantity`). */
type Child = [required: 0 | 1, repeats: 0 | 1, summary: 0 | 1, below: string, bound?: 1];

const primitive = (code: string): boolean => /^[a-z]/.test(code) || code.startsWith('http://hl7.org/fhirpath/');
const capital = (code: string): string => code.charAt(0).toUpperCase() + code.slice(1);

for (const version of ['R4', 'R5'] as const) {
  const target = new URL(`../src/fhir/generated/model${version === 'R4' ? '' : '-r5'}.json`, import.meta.url);
  writeFileSync(target, `${JSON.stringify(modelOf(version))}\n`);
}

function modelOf(version: FhirVersion): object {
  const model: Record<string, Record<string, Child>> = {};
  const names = new Set<string>(['resourceType', 'reference', 'extension', 'modifierExtension']);
  for (const definition of structures(version)) {
    for (const element of definition.snapshot.element) {
      const cut = element.path.lastIndexOf('.');
      if (cut < 0) continue;
      const parent = element.path.slice(0, cut);
      const name = element.path.slice(cut + 1);
      const required = element.min > 0 ? 1 : 0;
      const repeats = element.max === '*' || Number(element.max) > 1 ? 1 : 0;
      const summary = element.isSummary ? 1 : 0;
      const owner = model[parent] ?? {};
      model[parent] = owner;
      const types = element.type ?? [];
      if (name.endsWith('[x]')) {
        for (const type of types) {
          const spelled = name.slice(0, -3) + capital(type.code);
          owner[spelled] = [required, repeats, summary, primitive(type.code) ? '' : type.code];
          names.add(spelled);
        }
        continue;
      }
      const code = types[0]?.code ?? '';
      const below = element.contentReference
        ? element.contentReference.slice(element.contentReference.indexOf('#') + 1)
        : code === 'BackboneElement' || code === 'Element'
          ? element.path
          : primitive(code)
            ? ''
            : code;
      const isBound = code === 'code' || (primitive(code) ? false : element.binding?.strength === 'required');
      owner[name] = isBound ? [required, repeats, summary, below, 1] : [required, repeats, summary, below];
      names.add(name);
    }
  }
  for (const name of [...names]) names.add(`_${name}`);
  const sorted = Object.fromEntries(Object.entries(model).sort(([a], [b]) => (a < b ? -1 : 1)));
  return { fhirVersion: publishedVersions[version], names: [...names].sort(), elements: sorted };
}
