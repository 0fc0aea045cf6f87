import { scan } from '../../src/document/tape.ts';
import { timeReader } from '../../src/fhir/dates.ts';
import { createClassifier, type LabelTable } from '../../src/label/classify.ts';
import { inherit, type LabelSettings, ownLabels } from '../../src/label/effective.ts';
import type { Labels } from '../../src/label/labels.ts';
import { type Reading, readResource } from '../../src/label/read.ts';

const limits = { maximumDepth: 64, maximumMembers: 2_000, maximumNodes: 100_000, maximumStringBytes: 1_000_000 };

export const localBases = ['http://upstream:8080/r4', 'https://gateway.example/fhir'];

/** What the gateway reads of a resource, from JSON text or from an object to be written as such. */
export function read(resource: object | string, timeZone = 'UTC'): Reading {
  const text = typeof resource === 'string' ? resource : JSON.stringify(resource);
  const reading = readResource(
    { tape: scan(Buffer.from(text), limits), node: 0 },
    { localBases, time: timeReader(timeZone) },
  );
  if (reading === undefined) throw new Error('not read');
  return reading;
}

/** A small table with every kind of row. */
export const sampleTable: LabelTable = {
  id: 'sample',
  version: '1',
  systems: {
    'http://hl7.org/fhir/sid/icd-10-cm': {
      'PSY core': { prefix: ['F3'] },
      'SUD core': { exact: ['T40.5X1A'], prefix: ['F14', 'F17'] },
      'SUD ambiguous': { exact: ['F17.21', 'F11.99'], prefix: ['F172'] },
      'OPIOIDUD core': { prefix: ['F11'] },
      'ETHUD core': { prefix: ['F10'] },
      'HIV core': { exact: ['B20'] },
      'HIV supporting': { prefix: ['B2'] },
    },
    'http://loinc.org': { 'HIV core': { exact: ['75622-1'] }, 'SUD supporting': { exact: ['3426-4'] } },
    'http://snomed.info/sct': { 'SUD core': { exact: ['66214007'] } },
  },
};

export const noSettings: LabelSettings = {
  classifier: createClassifier([sampleTable], ['core']),
  programs: new Set(),
  sensitiveActors: new Map(),
  part2Source: false,
  ignoredLabelSystems: new Set(),
  mappedLabels: new Map(),
};

/** Own and computed labels of a resource. */
export function labelsOf(resource: object, settings: Partial<LabelSettings> = {}): Labels {
  return ownLabels(read(resource).facts.labelInputs, { ...noSettings, ...settings });
}

/** Labels of a Basic that bears these in `meta.security`. */
export function labelled(
  security: readonly { readonly system?: string; readonly code?: string }[],
  settings: Partial<LabelSettings> = {},
): Labels {
  return labelsOf({ resourceType: 'Basic', id: 'b', meta: { security }, code: { text: 'x' } }, settings);
}

/** Lets labels flow from parents to children until nothing changes, in the order given. */
export function settled(
  own: ReadonlyMap<string, Labels>,
  parents: ReadonlyMap<string, readonly string[]>,
): Map<string, Labels> {
  const labels = new Map(own);
  for (let changed = true; changed; ) {
    changed = false;
    for (const [key, before] of labels) {
      const from = (parents.get(key) ?? []).map((parent) => ({ key: parent, labels: labels.get(parent) as Labels }));
      const after = inherit(before, from);
      if (after.key === before.key) continue;
      labels.set(key, after);
      changed = true;
    }
  }
  return labels;
}
