import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { changedFiles, type Mutant, sourceWith } from './mutants.ts';
import { firstR5Caught } from './r5-checks.ts';
import { type Bench, startBench } from './twins.ts';

jest.setTimeout(300_000);

/** R5 data read by the rules of R4: by all of them, and by one at a time. */
const mutants: readonly Mutant[] = [
  {
    name: 'r5-read-as-r4',
    by: 'MedicationRequest takes',
    off: 'data of R5 is read by the rules of R5',
    file: 'fhir/version.ts',
    find: '  isFixed = true;\n  return chosen;',
    replace: "  isFixed = true;\n  return 'R4';",
  },
  {
    name: 'r5-codeable-references',
    by: 'a medication that everybody',
    off: 'the Reference of a CodeableReference leads to a parent',
    file: 'label/read.ts',
    find: "hasCodeableReferences = fhirVersion() === 'R5';",
    replace: 'hasCodeableReferences = false;',
  },
  {
    name: 'r5-search-parameters',
    by: 'Encounter.reason',
    off: 'searches are read by the parameters of R5',
    file: 'plan/registry.ts',
    find: "(version === 'R4' ? r4 : r5) as unknown as {",
    replace: '(version ? r4 : r5) as unknown as {',
  },
  {
    name: 'r5-elements',
    by: 'DeviceUsage',
    off: 'references are cut by the elements of R5',
    file: 'fhir/model.ts',
    find: "const generated = (version === 'R4' ? r4 : r5).elements",
    replace: 'const generated = (version ? r4 : r5).elements',
  },
  {
    name: 'r5-actual-period',
    by: 'a Consent of a period',
    off: 'an Encounter happened in its actualPeriod',
    file: 'label/clinical-time.ts',
    find: "  'actualPeriod',\n",
    replace: '',
  },
  {
    name: 'r5-occurence',
    by: 'a Consent of a period',
    off: 'a MedicationAdministration happened at its occurence, as R5 spells it',
    file: 'label/clinical-time.ts',
    find: "  'occurenceDateTime',\n",
    replace: '',
  },
  {
    name: 'r5-inventory-subject',
    by: 'what is in stock',
    off: 'an InventoryItem is about those whom its instances are for',
    file: 'label/roles.ts',
    find: "  InventoryItem: 'subject',\n",
    replace: '',
  },
  {
    name: 'r5-carried-activity',
    by: 'CarePlan.addresses',
    off: 'a planned activity goes with its reference',
    file: 'fhir/model.ts',
    find: "  'CarePlan.activity.performedActivity',\n",
    replace: '',
  },
  {
    name: 'r5-carried-reason',
    by: 'Encounter.reason',
    off: 'the reason of a visit goes with its value',
    file: 'fhir/model.ts',
    find: "  'Encounter.reason.value',\n",
    replace: '',
  },
  {
    name: 'r5-medication-parent',
    by: 'a medication that everybody',
    off: 'what is about a medication inherits its labels',
    file: 'label/roles.ts',
    find: "  'medication',\n",
    replace: '',
  },
];

let bench: Bench;
beforeAll(async () => {
  bench = await startBench();
});
afterAll(() => bench.close());

describe('without the rule of R5 it is noticed that', () => {
  test.each(mutants)('$off ($name)', async (mutant) => {
    const caught = await firstR5Caught(bench, sourceWith(mutant), mutant.by);
    expect(caught).toMatch(mutant.by);
  });
});

test.each(mutants)('the rule that $name switches off stands where it did', (mutant) => {
  expect(changedFiles(mutant).size).toBeGreaterThan(0);
});
