import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startGatewayOver } from '../support/gateway-over.ts';

const icd = 'http://hl7.org/fhir/sid/icd-10-cm';
const local = 'https://ehr.example/problems';
const table = {
  id: 'hospital',
  version: '2026-11',
  isA: { [local]: { 'OUD-SEVERE': ['OUD'], OUD: ['ADDICTION'] } },
  systems: { [local]: { 'OPIOIDUD core': { below: ['ADDICTION'] } } },
};
const shipped = ['us-sensitivity', 'us-words'].map((name) =>
  join(import.meta.dirname, `../../src/label/tables/${name}.json`),
);

/** By id: a diagnosis by the shipped table, one by the deployment's own, one that neither knows. */
const diagnoses = { shipped: [icd, 'F11.20'], own: [local, 'OUD-SEVERE'], plain: [local, 'SPRAIN'] } as const;

describe('tables of a deployment, at the door', () => {
  let folder: string;
  let file: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'own-tables-'));
    file = join(folder, 'hospital.json');
    writeFileSync(file, JSON.stringify(table));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const resources = (): readonly string[] =>
    [
      { resourceType: 'Patient', id: 'ada' },
      ...Object.entries(diagnoses).map(([id, [system, code]]) => ({
        resourceType: 'Condition',
        id,
        code: { coding: [{ system, code }] },
        subject: { reference: 'Patient/ada' },
      })),
    ].map((one) => JSON.stringify(one));

  /** What a clinician without any Consent is given: status by diagnosis, and the ids that a search finds. */
  async function given(tables: readonly string[]) {
    const gateway = await startGatewayOver(resources, { labels: { tables: [...tables] } });
    try {
      const statuses: Record<string, number> = {};
      for (const id of Object.keys(diagnoses)) statuses[id] = (await gateway.ask('dr-grey', `Condition/${id}`)).status;
      const { text } = await gateway.ask('dr-grey', 'Condition?patient=ada');
      const { entry = [] } = JSON.parse(text) as { entry?: { resource: { id: string } }[] };
      return { statuses, found: entry.map(({ resource }) => resource.id).sort() };
    } finally {
      await gateway.close();
    }
  }

  it.each<[string, () => readonly string[], readonly (keyof typeof diagnoses)[]]>([
    ['none: what the shipped table shows is withheld', () => [], ['own', 'plain']],
    ['its own alone: they replace the shipped ones', () => [file], ['plain', 'shipped']],
    ['its own beside the shipped ones', () => [file, ...shipped], ['plain']],
  ])('%s', async (_which, tables, visible) => {
    const { statuses, found } = await given(tables());
    expect(found).toEqual(visible);
    for (const [id, status] of Object.entries(statuses))
      expect([id, status]).toEqual([id, (visible as readonly string[]).includes(id) ? 200 : 404]);
  });
});
