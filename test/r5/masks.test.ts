import { beforeAll, expect, it } from '@jest/globals';
import { indexStructureDefinitionBundle, validateResource } from '@medplum/core';
import type { Bundle, Resource } from '@medplum/fhirtypes';
import { definitions, type StructureDefinition } from '../../scripts/definitions.ts';
import { chooseFhirVersion } from '../../src/fhir/version.ts';
import { masksOf } from '../support/redacted.ts';

chooseFhirVersion('R5');

beforeAll(() => {
  const entry = definitions<StructureDefinition>('R5', 'StructureDefinition')
    .filter(({ kind, derivation }) => kind !== 'logical' && derivation !== 'constraint')
    .map((resource) => ({ resource }));
  indexStructureDefinitionBundle({ resourceType: 'Bundle', type: 'collection', entry } as unknown as Bundle);
});

function faultOf(resource: object): string | undefined {
  try {
    validateResource(resource as Resource);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const patient = { reference: 'Patient/ada' };
const text = (words: string) => ({ text: words });
const concept = (words: string) => ({ concept: text(words) });
const quantity = (value: number) => ({ value, unit: 'mg', system: 'http://unitsofmeasure.org', code: 'mg' });
const coded = (system: string, code: string) => ({
  coding: [{ system: `http://terminology.hl7.org/CodeSystem/${system}`, code }],
});

/** Resources that hold what R5's own elements and invariants speak of. */
const bound: readonly Record<string, unknown>[] = (
  [
    {
      resourceType: 'Appointment',
      status: 'cancelled',
      cancellationReason: text('x'),
      cancellationDate: '2026-01-01',
      start: '2026-01-01T10:00:00Z',
      end: '2026-01-01T11:00:00Z',
      subject: patient,
      participant: [{ actor: patient, type: [text('x')], status: 'accepted' }],
      reason: [concept('x'), { reference: { reference: 'Condition/c' } }],
    },
    {
      resourceType: 'CarePlan',
      status: 'active',
      intent: 'plan',
      subject: patient,
      activity: [{ performedActivity: [concept('x')], progress: [text('y')] }],
    },
    {
      resourceType: 'Condition',
      subject: patient,
      clinicalStatus: coded('condition-clinical', 'resolved'),
      abatementRange: { low: quantity(1), high: quantity(2) },
      participant: [{ function: text('x'), actor: { reference: 'Practitioner/p' } }],
      stage: [{ type: text('x'), summary: text('x') }],
      evidence: [concept('x')],
    },
    {
      resourceType: 'Encounter',
      status: 'completed',
      class: [text('x')],
      subject: patient,
      participant: [{ type: [text('x')] }, { actor: { reference: 'Practitioner/p' }, type: [text('x')] }],
      actualPeriod: { start: '2026-01-01', end: '2026-01-02' },
      reason: [{ use: [text('x')], value: [concept('x'), { reference: { reference: 'Condition/c', display: 'y' } }] }],
      diagnosis: [{ condition: [concept('x')], use: [text('x')] }],
    },
    {
      resourceType: 'ImagingSelection',
      status: 'available',
      code: text('x'),
      subject: patient,
      performer: [{ function: text('x'), actor: { reference: 'Practitioner/p' } }],
    },
    {
      resourceType: 'MedicationAdministration',
      status: 'completed',
      medication: concept('x'),
      subject: patient,
      occurenceDateTime: '2026-01-01',
      dosage: { text: 'x', rateRatio: { numerator: quantity(1), denominator: quantity(2) } },
    },
    {
      resourceType: 'MedicationRequest',
      status: 'active',
      intent: 'order',
      medication: { reference: { reference: 'Medication/m', display: 'x' } },
      subject: patient,
      reason: [{ concept: text('x'), reference: { reference: 'Condition/c' } }],
      dosageInstruction: [{ text: 'x', asNeeded: true, asNeededFor: [text('x')] }],
    },
    {
      resourceType: 'MolecularSequence',
      subject: patient,
      relative: [
        {
          coordinateSystem: text('x'),
          startingSequence: { genomeAssembly: text('x'), chromosome: text('1'), windowStart: 1 },
        },
        { coordinateSystem: text('x'), startingSequence: { sequenceString: 'x', windowStart: 1 } },
      ],
    },
    {
      resourceType: 'Observation',
      status: 'final',
      code: text('x'),
      subject: patient,
      triggeredBy: [{ observation: { reference: 'Observation/o' }, type: 'reflex', reason: 'x' }],
      valueSampledData: { origin: quantity(1), interval: 5, intervalUnit: 's', dimensions: 1, data: '1 2' },
      referenceRange: [{ low: quantity(1), type: text('x') }],
    },
    {
      resourceType: 'RequestOrchestration',
      status: 'active',
      intent: 'order',
      subject: patient,
      action: [
        {
          title: 'x',
          resource: { reference: 'ServiceRequest/s' },
          participant: [{ type: 'practitioner', actorReference: { reference: 'Practitioner/p' } }],
          output: [{ relatedData: 'x' }],
        },
        { title: 'y', action: [{ title: 'z', resource: { reference: 'ServiceRequest/t' } }] },
      ],
    },
    {
      resourceType: 'Task',
      status: 'requested',
      intent: 'order',
      code: { coding: [{ system: 'http://hl7.org/fhir/CodeSystem/task-code', code: 'fulfill' }] },
      focus: { reference: 'ServiceRequest/s' },
      for: patient,
      restriction: { repetitions: 1 },
    },
    {
      resourceType: 'NutritionIntake',
      status: 'completed',
      subject: patient,
      consumedItem: [{ type: text('x'), nutritionProduct: concept('x') }],
    },
    {
      resourceType: 'DeviceDispense',
      status: 'completed',
      device: concept('x'),
      subject: patient,
      performer: [{ function: text('x'), actor: { reference: 'Practitioner/p' } }],
    },
  ] as readonly object[]
).map((resource, at) => ({ ...resource, id: `bound-${at}` }));

it.each(bound)(
  'what FHIR R5 binds together in $resourceType stays valid, whichever element is masked or left out',
  (resource) => {
    expect(faultOf(resource)).toBeUndefined();
    let made = 0;
    for (const { view, masked, place } of masksOf(resource)) {
      made++;
      expect([place, masked, faultOf(view)]).toEqual([place, masked, undefined]);
    }
    expect(made).toBeGreaterThan(3);
  },
);

it('the validator knows R5’s invariants', () => {
  const task = { resourceType: 'Task', id: 't', status: 'requested', intent: 'order', restriction: { repetitions: 1 } };
  expect(faultOf(task)).toMatch(/tsk-1|restriction/);
  expect(faultOf({ ...(bound[3] as object), participant: [{ period: { start: '2026' } }] })).toMatch(/enc-1|actor/);
});
