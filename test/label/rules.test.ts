import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { ConfigError, configSchema } from '../../src/config/config.ts';
import { Content } from '../../src/document/content.ts';
import { scan } from '../../src/document/tape.ts';
import { createLabelling } from '../../src/house.ts';
import { read } from './sample.ts';

const folder = mkdtempSync(join(tmpdir(), 'label-rules-'));
afterAll(() => rmSync(folder, { recursive: true }));
const limits = { maximumDepth: 64, maximumMembers: 2_000, maximumNodes: 100_000, maximumStringBytes: 1_000_000 };

function labelsOf(when: string, resource: object): readonly string[] {
  const file = join(folder, 'table.json');
  const rule = { id: 'r', types: ['Observation'], codes: ['http://loinc.org|75624-7'], when, gives: ['ETHUD core'] };
  writeFileSync(file, JSON.stringify({ id: 'own', version: '1', systems: {}, rules: [rule] }));
  const config = configSchema.parse({
    listener: { publicBaseUrl: 'https://gateway.example/fhir', port: 0 },
    upstream: { baseUrl: 'https://server.example/fhir' },
    identity: { issuers: [{ issuer: 'https://issuer.example' }] },
    policy: {},
    labels: { tables: [file] },
  });
  const text = JSON.stringify({ resourceType: 'Observation', id: 'o', ...resource });
  return createLabelling(config).own(read(text), Content.received(scan(Buffer.from(text), limits), 0)).topics;
}

const audit = (value: number) => ({
  code: { coding: [{ system: 'http://loinc.org', code: '75624-7' }] },
  valueQuantity: { value },
});

describe('a FHIRPath rule of a deployment', () => {
  const when = 'Observation.value.ofType(Quantity).value >= 8';

  it('says what a code alone cannot', () => {
    expect(labelsOf(when, audit(8))).toEqual(['ETHUD']);
    expect(labelsOf(when, audit(7))).toEqual([]);
  });

  it('is asked of resources with its codes alone', () => {
    expect(labelsOf('true', { code: { coding: [{ system: 'http://loinc.org', code: '1-8' }] } })).toEqual([]);
    expect(labelsOf('true', audit(0))).toEqual(['ETHUD']);
  });

  it('stops the start when it is no expression', () => {
    expect(() => labelsOf('Observation.value >=', audit(8))).toThrow(ConfigError);
  });
});
