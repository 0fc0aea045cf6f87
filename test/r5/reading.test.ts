import { describe, expect, it } from '@jest/globals';
import { chooseFhirVersion } from '../../src/fhir/version.ts';
import { namesDirectory, subjectRequired } from '../../src/label/roles.ts';
import { labelsOf, read } from '../label/sample.ts';

chooseFhirVersion('R5');

const facts = (resource: object) => read(resource).facts;
const loinc = (code: string) => ({ coding: [{ system: 'http://loinc.org', code }] });
const ada = { reference: 'Patient/ada' };

const prescription = {
  resourceType: 'MedicationRequest',
  id: 'rx',
  status: 'active',
  intent: 'order',
  medication: { reference: { reference: 'Medication/methadone' } },
  subject: ada,
  encounter: { reference: 'Encounter/visit' },
  informationSource: [{ reference: 'Practitioner/dr-1' }],
  reason: [
    { concept: { coding: [{ system: 'http://hl7.org/fhir/sid/icd-10-cm', code: 'F11.20' }] } },
    { reference: { reference: 'Condition/dependence' } },
  ],
};

describe('what a resource of FHIR R5 says', () => {
  it('a CodeableReference to a Medication is a parent, one to a reason is a reference', () => {
    const { parents, facts: said } = read(prescription);
    expect(parents).toEqual(['Medication/methadone', 'Encounter/visit']);
    expect(said.references).toEqual([
      'Medication/methadone',
      'Patient/ada',
      'Encounter/visit',
      'Practitioner/dr-1',
      'Condition/dependence',
    ]);
  });

  it('the concepts of medication and reason are what it is about', () => {
    expect(facts(prescription).primaryCodings.map(({ code }) => code)).toEqual(['F11.20']);
    const concept = { ...prescription, medication: { concept: loinc('3426-4') } };
    expect(facts(concept).primaryCodings.map(({ code }) => code)).toEqual(['3426-4', 'F11.20']);
  });

  it('a reason is named as such, wherever in its CodeableReference the identifier stands', () => {
    const { sites } = read({
      ...prescription,
      medication: { reference: { identifier: { system: 'urn:drugs', value: '7' } } },
      reason: [{ reference: { identifier: { system: 'urn:conditions', value: '9' } } }],
    });
    const logical = sites.filter(({ form }) => form === 'logical');
    expect(logical.map(({ name }) => namesDirectory(name))).toEqual([true, false]);
  });

  it.each([
    ['Encounter', { actualPeriod: { start: '2026-03-01', end: '2026-03-02' } }],
    ['Procedure', { occurrencePeriod: { start: '2026-03-01', end: '2026-03-02' } }],
    ['MedicationAdministration', { occurencePeriod: { start: '2026-03-01', end: '2026-03-02' } }],
    ['EncounterHistory', { actualPeriod: { start: '2026-03-01', end: '2026-03-02' } }],
  ])('the clinical time of %s', (resourceType, time) => {
    const { clinicalTime } = facts({ resourceType, id: 'x', subject: ada, ...time });
    expect([clinicalTime?.start, clinicalTime?.end]).toEqual([Date.parse('2026-03-01'), Date.parse('2026-03-03') - 1]);
  });

  it.each([
    [{ resourceType: 'Appointment', subject: ada, participant: [{ status: 'accepted' }] }, ['Patient/ada'], undefined],
    [{ resourceType: 'Appointment', participant: [{ actor: ada, status: 'accepted' }] }, [], ['Patient/ada']],
    [{ resourceType: 'SupplyRequest', deliverFor: ada }, ['Patient/ada'], undefined],
    [{ resourceType: 'InventoryItem', instance: { subject: ada } }, [], ['Patient/ada']],
    [{ resourceType: 'DeviceAssociation', subject: ada }, ['Patient/ada'], undefined],
    [{ resourceType: 'ResearchSubject', subject: ada }, ['Patient/ada'], undefined],
    [{ resourceType: 'Transport', for: ada }, ['Patient/ada'], undefined],
    [{ resourceType: 'DeviceUsage', patient: ada }, ['Patient/ada'], undefined],
  ])('whom %j is about', (resource, patients, participants) => {
    const said = facts({ id: 'x', ...resource });
    expect([said.patients, said.participants, said.patientUnknown]).toEqual([patients, participants, false]);
  });

  it('a type about patients that names none is about somebody who is not known', () => {
    for (const resourceType of ['DeviceUsage', 'GenomicStudy', 'ImagingSelection', 'NutritionIntake', 'Transport']) {
      expect(subjectRequired.has(resourceType)).toBe(true);
      expect(facts({ resourceType, id: 'x' }).patientUnknown).toBe(true);
    }
  });

  it('a type that R5 does not have is nothing that can be read', () => {
    for (const resourceType of ['DeviceUseStatement', 'Media', 'RequestGroup', 'DocumentManifest'])
      expect(() => read({ resourceType, id: 'x', subject: ada })).toThrow();
  });

  it('a code in a concept gives its label', () => {
    expect(labelsOf(prescription).topics).toEqual(['OPIOIDUD']);
  });
});
