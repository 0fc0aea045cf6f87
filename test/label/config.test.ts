import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { gatewayConfig } from '../../examples/demo/gateway-config.ts';
import type { ConfigInput } from '../../src/config/config.ts';
import { checkConfig } from '../../src/serve.ts';

describe('before the start, labels', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'labels-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  function check(labels: NonNullable<ConfigInput['labels']>): void {
    checkConfig(
      gatewayConfig(
        {
          port: 1,
          publicBaseUrl: 'http://127.0.0.1:1/fhir',
          upstreamUrl: 'http://127.0.0.1:2/r4',
          issuer: 'http://127.0.0.1:3',
          auditUrl: 'http://127.0.0.1:2/r4',
          paging: 'offset',
          folder,
        },
        { labels },
      ),
    );
  }
  function table(document: unknown): string {
    const file = join(folder, 'table.json');
    writeFileSync(file, JSON.stringify(document));
    return file;
  }

  it('may name topics in any case and by retired codes', () => {
    expect(() => check({ mappedLabels: { 'urn:x|a': 'psy', 'urn:x|b': '42CFRPart2' } })).not.toThrow();
    expect(() => check({ sensitiveActors: { 'Location/1': ['SICKLE', 'SUDCN'] } })).not.toThrow();
  });

  it('are refused when no Consent could name them', () => {
    expect(() => check({ mappedLabels: { 'urn:x|a': 'PSYC' } })).toThrow('labels.mappedLabels: PSYC');
    expect(() => check({ sensitiveActors: { 'Location/1': ['HIV', 'NOPAT'] } })).toThrow(
      'labels.sensitiveActors: NOPAT',
    );
  });

  it('are refused when a table cannot be read, or names what is no topic', () => {
    expect(() => check({ tables: [table({ id: 'a', version: '1', systems: {} })] })).not.toThrow();
    const rows = { 'PSYC core': { exact: ['a'] } };
    expect(() => check({ tables: [table({ id: 'a', version: '1', systems: { 'urn:x': rows } })] })).toThrow(
      'labels.tables',
    );
    expect(() => check({ tables: [join(folder, 'none.json')] })).toThrow('labels.tables');
  });
});
