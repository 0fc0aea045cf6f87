import { describe, expect, it } from '@jest/globals';
import { scan } from '../../src/document/tape.ts';
import { timeReader } from '../../src/fhir/dates.ts';
import { isResourceType } from '../../src/fhir/model.ts';
import type { Facts } from '../../src/label/facts.ts';
import { readResource } from '../../src/label/read.ts';
import { subjectRequired } from '../../src/label/roles.ts';
import { read } from './sample.ts';

const facts = (resource: object | string): Facts => read(resource).facts;
const loinc = 'http://loinc.org';
const local = 'http://upstream:8080/r4';

/** As they come from EHRs: many types, each with what it usually names. */
const encounter = {
  resourceType: 'Encounter',
  id: 'enc-1',
  meta: {
    versionId: '3',
    lastUpdated: '2026-03-01T10:00:00.123Z',
    profile: ['http://hl7.org/fhir/us/core/StructureDefinition/us-core-encounter'],
  },
  text: { status: 'generated', div: '<div>Patient/other</div>' },
  identifier: [{ system: 'urn:enc', value: '77', assigner: { reference: 'Organization/assigner' } }],
  status: 'finished',
  class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' },
  type: [{ coding: [{ system: 'http://snomed.info/sct', code: '185349003' }] }],
  subject: { reference: 'Patient/p-1', display: 'Jane Doe' },
  episodeOfCare: [{ reference: 'EpisodeOfCare/ep-1' }, { reference: 'EpisodeOfCare/ep-2' }],
  basedOn: [{ reference: 'ServiceRequest/sr-1' }],
  participant: [
    { individual: { reference: 'Practitioner/dr-1' } },
    { individual: { reference: 'PractitionerRole/role-1' } },
  ],
  period: { start: '2026-03-01T09:00:00Z', end: '2026-03-01T10:00:00Z' },
  reasonCode: [{ coding: [{ system: 'http://hl7.org/fhir/sid/icd-10-cm', code: 'F11.20' }] }],
  diagnosis: [
    { condition: { reference: 'Condition/c-1' }, use: { coding: [{ system: 'urn:use', code: 'AD' }] }, rank: 1 },
  ],
  location: [{ location: { reference: 'Location/ward' } }],
  serviceProvider: { reference: 'Organization/hospital' },
  partOf: { reference: 'Encounter/stay' },
};

const observation = {
  resourceType: 'Observation',
  id: 'obs-1',
  status: 'final',
  basedOn: [{ reference: 'ServiceRequest/sr-1' }],
  partOf: [{ reference: 'Procedure/pr-1' }],
  category: [
    { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'laboratory' }] },
  ],
  code: { coding: [{ system: loinc, code: '3426-4' }] },
  subject: { reference: 'Patient/p-1' },
  focus: [{ reference: 'RelatedPerson/baby' }],
  encounter: { reference: 'Encounter/enc-1' },
  effectiveDateTime: '2026-03-01',
  issued: '2026-03-02T00:00:00Z',
  performer: [{ reference: 'Organization/lab' }, { reference: 'Practitioner/dr-2' }],
  valueCodeableConcept: { coding: [{ system: 'urn:values', code: 'pos' }] },
  specimen: { reference: 'Specimen/s-1' },
  device: { reference: 'Device/d-1' },
  hasMember: [{ reference: 'Observation/member' }],
  derivedFrom: [{ reference: 'QuestionnaireResponse/qr-1' }],
  component: [
    {
      code: { coding: [{ system: loinc, code: '8480-6' }] },
      valueQuantity: { value: 1.5, unit: 'mm', system: 'http://unitsofmeasure.org', code: 'mm[Hg]' },
    },
  ],
};

describe('an Encounter', () => {
  const read = facts(encounter);

  it('is about its subject and nobody else', () => {
    expect(read).toMatchObject({
      key: 'Encounter/enc-1',
      type: 'Encounter',
      patients: ['Patient/p-1'],
      patientUnknown: false,
    });
  });

  it('has version, time and profiles', () => {
    expect(read).toMatchObject({
      versionId: '3',
      lastUpdated: '2026-03-01T10:00:00.123Z',
      profiles: ['http://hl7.org/fhir/us/core/StructureDefinition/us-core-encounter'],
    });
  });

  it('was made in its episodes, for its order, as part of another', () => {
    expect(read.partOf).toEqual(['EpisodeOfCare/ep-1', 'EpisodeOfCare/ep-2', 'ServiceRequest/sr-1', 'Encounter/stay']);
  });

  it('refers to each local resource once, narrative aside', () => {
    expect(read.references).toEqual([
      'Organization/assigner',
      'Patient/p-1',
      'EpisodeOfCare/ep-1',
      'EpisodeOfCare/ep-2',
      'ServiceRequest/sr-1',
      'Practitioner/dr-1',
      'PractitionerRole/role-1',
      'Condition/c-1',
      'Location/ward',
      'Organization/hospital',
      'Encounter/stay',
    ]);
  });

  it('has its participants as authors, its period as time', () => {
    expect(read.authors).toEqual(['Practitioner/dr-1', 'PractitionerRole/role-1']);
    expect(read.clinicalTime).toEqual({
      start: Date.parse('2026-03-01T09:00:00Z'),
      end: Date.parse('2026-03-01T10:00:00.999Z'),
    });
  });

  it('takes class, type, reason and diagnosis as its own codes', () => {
    expect(read.primaryCodings.map(({ code }) => code)).toEqual(['AMB', '185349003', 'F11.20', 'AD']);
    expect(read.labelInputs.actors).toEqual([
      'Organization/assigner',
      'Practitioner/dr-1',
      'PractitionerRole/role-1',
      'Location/ward',
      'Organization/hospital',
    ]);
  });
});

describe('an Observation', () => {
  const reading = read(observation);

  it('inherits from procedure, encounter, members and sources, not from its order', () => {
    expect(reading.parents).toEqual([
      'Procedure/pr-1',
      'Encounter/enc-1',
      'Observation/member',
      'QuestionnaireResponse/qr-1',
    ]);
    expect(reading.facts.partOf).toEqual(['ServiceRequest/sr-1', ...reading.parents]);
  });

  it('has its codes, coded values and units of measure as codes', () => {
    expect(reading.facts.codings.map(({ code }) => code)).toEqual(['laboratory', '3426-4', 'pos', '8480-6', 'mm[Hg]']);
    expect(reading.facts.primaryCodings).toEqual(reading.facts.codings);
  });

  it('took place when it was effective, not when it was issued', () => {
    expect(reading.facts.clinicalTime?.start).toBe(Date.parse('2026-03-01T00:00:00Z'));
  });
});

describe('whom a resource is about', () => {
  it.each<[string, object, string[]]>([
    ['a Patient itself', { resourceType: 'Patient', id: 'p-1' }, ['Patient/p-1']],
    [
      'Condition.subject',
      { resourceType: 'Condition', id: 'c', subject: { reference: 'Patient/p-1' } },
      ['Patient/p-1'],
    ],
    [
      'Immunization.patient',
      { resourceType: 'Immunization', id: 'i', patient: { reference: 'Patient/p-1' } },
      ['Patient/p-1'],
    ],
    [
      'Coverage.beneficiary',
      {
        resourceType: 'Coverage',
        id: 'c',
        beneficiary: { reference: 'Patient/p-1' },
        subscriber: { reference: 'Patient/father' },
      },
      ['Patient/p-1'],
    ],
    [
      'Task.for',
      { resourceType: 'Task', id: 't', for: { reference: 'Patient/p-1' }, owner: { reference: 'Patient/p-2' } },
      ['Patient/p-1'],
    ],
    [
      'ResearchSubject.individual',
      { resourceType: 'ResearchSubject', id: 'r', individual: { reference: 'Patient/p-1' } },
      ['Patient/p-1'],
    ],
    [
      'EnrollmentRequest.candidate',
      { resourceType: 'EnrollmentRequest', id: 'e', candidate: { reference: 'Patient/p-1' } },
      ['Patient/p-1'],
    ],
    [
      'Account.subject, both',
      { resourceType: 'Account', id: 'a', subject: [{ reference: 'Patient/p-1' }, { reference: 'Patient/p-2' }] },
      ['Patient/p-1', 'Patient/p-2'],
    ],
    [
      'a versioned reference',
      { resourceType: 'Flag', id: 'f', subject: { reference: 'Patient/p-1/_history/2' } },
      ['Patient/p-1'],
    ],
    [
      'a URL below a local base',
      { resourceType: 'Flag', id: 'f', subject: { reference: `${local}/Patient/p-1` } },
      ['Patient/p-1'],
    ],
    [
      'a versioned URL below another',
      { resourceType: 'Flag', id: 'f', subject: { reference: 'https://gateway.example/fhir/Patient/p-1/_history/9' } },
      ['Patient/p-1'],
    ],
    [
      'a reference with escapes',
      JSON.parse('{"resourceType":"Flag","id":"f","subject":{"reference":"Patient\\/p\\u002d1"}}'),
      ['Patient/p-1'],
    ],
    [
      'a reference and an identifier',
      { resourceType: 'Flag', id: 'f', subject: { reference: 'Patient/p-1', identifier: { value: 'mrn' } } },
      ['Patient/p-1'],
    ],
    ['nobody: a Location', { resourceType: 'Flag', id: 'f', subject: { reference: 'Location/l' } }, []],
    ['nobody: a Practitioner', { resourceType: 'Practitioner', id: 'd' }, []],
  ])('%s', (_, resource, patients) => {
    expect(facts(resource)).toMatchObject({ patients, patientUnknown: false });
  });

  it('is read whatever the escapes in names and values', () => {
    const text = '{"resourceType":"Fl\\u0061g","id":"f","s\\u0075bject":{"refer\\u0065nce":"Patient\\/p-1"}}';
    expect(facts(text)).toMatchObject({ key: 'Flag/f', patients: ['Patient/p-1'], patientUnknown: false });
  });

  it.each<[string, object]>([
    ['contained', { reference: '#p' }],
    ['absolute, elsewhere', { reference: 'https://elsewhere.example/fhir/Patient/p-1' }],
    ['absolute, where a local base is only how it begins', { reference: `${local}4/Patient/p-1` }],
    ['urn:uuid', { reference: 'urn:uuid:0c4f2c64-5a39-4a4c-9d5b-8c2d3ad9a1a1' }],
    ['conditional', { reference: 'Patient?identifier=urn:mrn|1' }],
    ['no reference by its grammar', { reference: 'Patient/p-1/extra' }],
    ['empty', { reference: '' }],
    ['identifier only', { identifier: { system: 'urn:mrn', value: '1' } }],
    ['display only', { display: 'Jane Doe' }],
    ['an extension only', { extension: [{ url: 'urn:x', valueReference: { reference: 'Patient/p-1' } }] }],
    [
      'absent with a reason',
      {
        _reference: {
          extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'masked' }],
        },
      },
    ],
    ['a Group', { reference: 'Group/family' }],
  ])('is not known when the subject is %s', (_, subject) => {
    for (const resourceType of ['Condition', 'Basic', 'List', 'Invoice'])
      expect(facts({ resourceType, id: 'x', subject })).toMatchObject({ patients: [], patientUnknown: true });
  });

  it('is not known when one of several cannot be read', () => {
    const subject = [{ reference: 'Patient/p-1' }, { display: 'her brother' }];
    expect(facts({ resourceType: 'Account', id: 'a', subject })).toMatchObject({
      patients: ['Patient/p-1'],
      patientUnknown: true,
    });
  });

  it('is not known for a type about patients that names none', () => {
    for (const resourceType of [...subjectRequired].filter(isResourceType))
      expect(facts({ resourceType, id: 'x' })).toMatchObject({ patients: [], patientUnknown: true });
    expect(facts({ resourceType: 'Basic', id: 'x' }).patientUnknown).toBe(false);
  });

  it('is told by the top level alone: no extension, nothing contained, no backbone element adds a patient', () => {
    const other = { reference: 'Patient/other' };
    const read = facts({
      resourceType: 'Observation',
      id: 'o',
      subject: { reference: 'Patient/p-1', extension: [{ url: 'urn:x', valueReference: other }] },
      extension: [{ url: 'subject', valueReference: other }],
      contained: [{ resourceType: 'Condition', subject: other, patient: other }],
      performer: [other],
      unknown: { subject: other },
    });
    expect(read.patients).toEqual(['Patient/p-1']);
    expect(read.references).toEqual(['Patient/p-1', 'Patient/other']);
  });
});

describe('references that go out of a resource', () => {
  const reference = 'Encounter/hidden';
  it.each<[string, object]>([
    ['in a contained resource', { contained: [{ resourceType: 'Observation', encounter: { reference } }] }],
    [
      'in a Bundle in a contained Parameters',
      {
        contained: [
          {
            resourceType: 'Parameters',
            parameter: [
              {
                resource: {
                  resourceType: 'Bundle',
                  entry: [{ resource: { resourceType: 'Basic', subject: { reference } } }],
                },
              },
            ],
          },
        ],
      },
    ],
    ['in an extension', { extension: [{ url: 'urn:x', valueReference: { reference } }] }],
    [
      'in an extension of an extension',
      { extension: [{ url: 'urn:x', extension: [{ url: 'y', valueReference: { reference } }] }] },
    ],
    ['in a modifierExtension', { modifierExtension: [{ url: 'urn:x', valueReference: { reference } }] }],
    [
      'beside a primitive',
      { implicitRules: 'urn:r', _implicitRules: { extension: [{ url: 'urn:x', valueReference: { reference } }] } },
    ],
    [
      'beside an item of a list of primitives',
      {
        instantiatesCanonical: ['a', 'b'],
        _instantiatesCanonical: [null, { extension: [{ url: 'urn:x', valueReference: { reference } }] }],
      },
    ],
    ['in an annotation', { note: [{ text: 'x', authorReference: { reference } }] }],
    ['in a signature', { signature: [{ who: { reference } }] }],
    [
      'in the metadata: who labelled it (HL7 DS4P)',
      { meta: { security: [{ code: 'R', extension: [{ url: 'urn:classifier', valueReference: { reference } }] }] } },
    ],
    [
      'in the metadata of a contained resource',
      {
        contained: [{ resourceType: 'Basic', meta: { extension: [{ url: 'urn:x', valueReference: { reference } }] } }],
      },
    ],
    [
      'in an extension of the narrative',
      { text: { status: 'additional', extension: [{ url: 'urn:x', valueReference: { reference } }], div: '<div/>' } },
    ],
    [
      'in an extension of a contained narrative',
      {
        contained: [{ resourceType: 'Basic', text: { extension: [{ url: 'urn:x', valueReference: { reference } }] } }],
      },
    ],
    ['in an identifier', { identifier: [{ value: '1', assigner: { reference } }] }],
    ['in an element nobody knows', { somethingElse: { reference } }],
    ['in lists in lists nobody knows', { somethingElse: [[[{ reference }]]] }],
    ['absolute, below a local base', { encounter: { reference: `${local}/${reference}` } }],
    ['versioned', { encounter: { reference: `${reference}/_history/12` } }],
    ['with an identifier', { encounter: { reference, identifier: { value: '1' }, display: 'Detox' } }],
    ['with a type', { encounter: { type: 'Encounter', reference } }],
    ['in an element called reference', { provision: { data: [{ meaning: 'instance', reference: { reference } }] } }],
  ])('are found %s', (_, elements) => {
    const { facts, sites } = read({ resourceType: 'Basic', id: 'b', ...elements });
    expect(facts.references).toEqual([reference]);
    expect(sites.filter(({ key, form }) => key === reference && form === 'local')).toHaveLength(1);
  });

  it.each([
    ['#x', 'contained'],
    ['#', 'contained'],
    ['https://elsewhere.example/fhir/Encounter/1', 'external'],
    ['urn:uuid:0c4f2c64-5a39-4a4c-9d5b-8c2d3ad9a1a1', 'external'],
    ['urn:oid:1.2.3', 'external'],
    ['https://upstream:8080/r4/Encounter', 'external'],
    ['http://upstream:8081/r4/Encounter/1', 'external'],
    ['encounter/1', 'logical'],
    ['Encounter', 'logical'],
    ['Encounter?_id=1', 'logical'],
    ['', 'logical'],
    ['http://upstream:8080/r4Encounter/1', 'external'],
  ])('are none of this store when they read %s', (text, form) => {
    const { facts, sites } = read({
      resourceType: 'Basic',
      id: 'b',
      subject: { reference: 'Patient/p' },
      author: { reference: text },
    });
    expect(facts.references).toEqual(['Patient/p']);
    expect(sites[1]).toMatchObject({ key: undefined, form });
  });

  it.each([
    ...['/Encounter/1', 'Encounter/1/', 'Encounter/1#x', 'Encounter/%31', './Encounter/1', ' Encounter/1'],
    ...['http://upstream:8080/r4/../r4/Encounter/1', 'HTTP://UPSTREAM:8080/r4/Encounter/1', '/r4/Encounter/1'],
    ...['http://upstream:8080/r4//Encounter/1', 'https://gateway.example:443/fhir/Encounter/1/_history/2#x'],
  ])('are found in whatever form they are written: %s', (text) => {
    const { facts, sites } = read({ resourceType: 'Basic', id: 'b', author: { reference: text } });
    expect(facts.references).toEqual(['Encounter/1']);
    expect(sites[0]).toMatchObject({ key: 'Encounter/1', form: 'local', plain: false });
  });

  it('are logical when an identifier alone says what they mean', () => {
    const { facts, sites } = read({
      resourceType: 'Encounter',
      id: 'e',
      subject: { reference: 'Patient/p' },
      serviceProvider: { type: 'Organization', identifier: { system: 'urn:npi', value: '9' }, display: 'x' },
      participant: [{ individual: { identifier: { value: '7' } } }],
    });
    expect(sites.map(({ form }) => form)).toEqual(['local', 'logical', 'logical']);
    expect(facts.labelInputs.actorIdentifiers).toEqual(['urn:npi|9', '|7']);
    expect(facts.authors).toEqual(['|7']);
  });

  it('are not what other elements with an identifier are', () => {
    const coverage = { resourceType: 'Basic', id: 'b', account: { identifier: { value: '1' }, name: 'x' } };
    expect(read(coverage).sites).toEqual([]);
    expect(read({ resourceType: 'QuestionnaireResponse', id: 'q', identifier: { value: '1' } }).sites).toEqual([]);
  });
});

describe('parents', () => {
  const at = (key: string): object => ({ reference: key });
  it.each<[string, object, string[]]>([
    ['encounter', { resourceType: 'Condition', encounter: at('Encounter/e') }, ['Encounter/e']],
    [
      'context of a medication',
      { resourceType: 'MedicationDispense', context: at('EpisodeOfCare/e') },
      ['EpisodeOfCare/e'],
    ],
    [
      'context.encounter of a document',
      {
        resourceType: 'DocumentReference',
        context: { encounter: [at('Encounter/e'), at('EpisodeOfCare/p')], related: [at('Observation/r')] },
      },
      ['Encounter/e', 'EpisodeOfCare/p'],
    ],
    ['episodeOfCare', { resourceType: 'Encounter', episodeOfCare: [at('EpisodeOfCare/e')] }, ['EpisodeOfCare/e']],
    [
      'partOf',
      { resourceType: 'Procedure', partOf: [at('Procedure/a'), at('Observation/b')] },
      ['Procedure/a', 'Observation/b'],
    ],
    [
      'hasMember and derivedFrom',
      { resourceType: 'Observation', hasMember: [at('Observation/a')], derivedFrom: [at('DocumentReference/d')] },
      ['Observation/a', 'DocumentReference/d'],
    ],
    ['result', { resourceType: 'DiagnosticReport', result: [at('Observation/a')] }, ['Observation/a']],
    [
      'the encounter of an item',
      { resourceType: 'Claim', item: [{ encounter: [at('Encounter/e')] }] },
      ['Encounter/e'],
    ],
    [
      'the encounter of what is contained',
      { resourceType: 'Basic', contained: [{ resourceType: 'Observation', encounter: at('Encounter/e') }] },
      ['Encounter/e'],
    ],
    ['a URL below a local base', { resourceType: 'Condition', encounter: at(`${local}/Encounter/e`) }, ['Encounter/e']],
    ['a version', { resourceType: 'Condition', encounter: at('Encounter/e/_history/4') }, ['Encounter/e']],
    [
      'not a subject, an order or a reason',
      {
        resourceType: 'Procedure',
        subject: at('Patient/p'),
        basedOn: [at('ServiceRequest/s')],
        reasonReference: [at('Condition/c')],
      },
      [],
    ],
    [
      'not an encounter elsewhere',
      { resourceType: 'Condition', encounter: at('https://elsewhere.example/Encounter/e') },
      [],
    ],
  ])('are %s', (_, resource, parents) => {
    expect(read({ id: 'x', ...resource }).parents).toEqual(parents);
  });
});

describe('the clinically relevant time', () => {
  const utc = (text: string): number => Date.parse(text);
  it.each<[string, object, readonly [number, number] | undefined]>([
    [
      'of a Condition is its onset before its recording',
      { resourceType: 'Condition', onsetDateTime: '2020', recordedDate: '2026-01-01' },
      [utc('2020-01-01'), utc('2021-01-01') - 1],
    ],
    [
      'of a Procedure is the period it took',
      { resourceType: 'Procedure', performedPeriod: { start: '2026-01-01', end: '2026-01-03' } },
      [utc('2026-01-01'), utc('2026-01-04') - 1],
    ],
    [
      'of what goes on has no end',
      { resourceType: 'Encounter', period: { start: '2026-01-01' } },
      [utc('2026-01-01'), Number.POSITIVE_INFINITY],
    ],
    [
      'of what has an end only has no start',
      { resourceType: 'Encounter', period: { end: '2026-01' } },
      [Number.NEGATIVE_INFINITY, utc('2026-02-01') - 1],
    ],
    [
      'of a claim is the billable period before its creation',
      { resourceType: 'Claim', created: '2026-05-01', billablePeriod: { start: '2026-01-01', end: '2026-01-01' } },
      [utc('2026-01-01'), utc('2026-01-02') - 1],
    ],
    [
      'of a MedicationRequest is when it was written',
      { resourceType: 'MedicationRequest', authoredOn: '2026-01-01T00:00:00Z' },
      [utc('2026-01-01'), utc('2026-01-01') + 999],
    ],
    [
      'of a period without bounds is the next element’s',
      { resourceType: 'Observation', effectivePeriod: { id: 'x' }, issued: '2026-01-01T00:00:00.000Z' },
      [utc('2026-01-01'), utc('2026-01-01')],
    ],
    [
      'is unknown when it cannot be read',
      { resourceType: 'Observation', effectiveDateTime: 'last spring', issued: '2026-01-01' },
      undefined,
    ],
    [
      'is unknown when an end cannot be read',
      { resourceType: 'Encounter', period: { start: '2026-01-01', end: 'soon' } },
      undefined,
    ],
    ['is unknown when none is stated', { resourceType: 'Basic' }, undefined],
    [
      'is not that of what is contained',
      { resourceType: 'Basic', contained: [{ resourceType: 'Observation', effectiveDateTime: '2020' }] },
      undefined,
    ],
  ])('%s', (_, resource, interval) => {
    expect(facts({ id: 'x', ...resource }).clinicalTime).toEqual(
      interval === undefined ? undefined : { start: interval[0], end: interval[1] },
    );
  });

  it('of a day without zone is the day where the data was made', () => {
    const { clinicalTime } = read(
      { resourceType: 'Observation', id: 'o', effectiveDateTime: '2026-07-01' },
      'America/New_York',
    ).facts;
    expect(clinicalTime).toEqual({ start: utc('2026-07-01T04:00:00Z'), end: utc('2026-07-02T04:00:00Z') - 1 });
  });
});

describe('authors', () => {
  const at = (key: string): object => ({ reference: key });
  it.each<[string, object, string[]]>([
    [
      'Condition: recorder, asserter',
      { resourceType: 'Condition', recorder: at('Practitioner/r'), asserter: at('Patient/a') },
      ['Practitioner/r', 'Patient/a'],
    ],
    [
      'Procedure: performer.actor',
      { resourceType: 'Procedure', performer: [{ actor: at('Practitioner/p') }] },
      ['Practitioner/p'],
    ],
    [
      'MedicationRequest: requester',
      { resourceType: 'MedicationRequest', requester: at('PractitionerRole/r'), recorder: at('Practitioner/c') },
      ['PractitionerRole/r', 'Practitioner/c'],
    ],
    [
      'MedicationStatement: informationSource',
      { resourceType: 'MedicationStatement', informationSource: at('Patient/p') },
      ['Patient/p'],
    ],
    [
      'DocumentReference: author',
      {
        resourceType: 'DocumentReference',
        author: [
          at('Practitioner/a'),
          at('https://elsewhere.example/fhir/Organization/o'),
          { identifier: { system: 'urn:npi', value: '1' } },
        ],
      },
      ['Practitioner/a', 'https://elsewhere.example/fhir/Organization/o', 'urn:npi|1'],
    ],
    [
      'once each',
      { resourceType: 'Composition', author: [at('Practitioner/a'), at(`${local}/Practitioner/a`)] },
      ['Practitioner/a'],
    ],
    [
      'not who attested or verified',
      { resourceType: 'DocumentReference', authenticator: at('Practitioner/v'), custodian: at('Organization/c') },
      [],
    ],
  ])('are, for %s', (_, resource, authors) => {
    expect(facts({ id: 'x', ...resource }).authors).toEqual(authors);
  });
});

describe('documents', () => {
  it('have types and media types', () => {
    const read = facts({
      resourceType: 'DocumentReference',
      id: 'd',
      type: { coding: [{ system: loinc, code: '11488-4' }] },
      category: [{ coding: [{ system: 'urn:cat', code: 'note' }] }],
      content: [
        { attachment: { contentType: 'application/pdf' } },
        { attachment: { contentType: 'text/plain' }, format: { system: 'urn:f', code: 'x' } },
      ],
    });
    expect(read.documentTypes.map(({ code }) => code)).toEqual(['11488-4', 'note']);
    expect(read.mimeTypes).toEqual(['application/pdf', 'text/plain']);
    expect(facts({ resourceType: 'Binary', id: 'b', contentType: 'image/png', data: 'AAAA' }).mimeTypes).toEqual([
      'image/png',
    ]);
    expect(
      facts({ resourceType: 'Condition', id: 'c', category: [{ coding: [{ system: 'a', code: 'b' }] }] }).documentTypes,
    ).toEqual([]);
  });
});

describe('what is read is facts, never content', () => {
  it('no text, number or value of the resource is among them', () => {
    const secret = 'SECRETWORD';
    const read = facts({
      ...observation,
      text: { status: 'generated', div: `<div>${secret}</div>` },
      note: [{ text: secret }],
      valueString: secret,
      code: { text: secret, coding: [{ system: loinc, code: '1-1', display: secret }] },
      subject: { reference: 'Patient/p-1', display: secret },
    });
    expect(JSON.stringify({ ...read, clinicalTime: read.clinicalTime })).not.toContain(secret);
  });

  it('a code without system is no Coding', () => {
    expect(facts({ resourceType: 'Basic', id: 'b', code: { coding: [{ code: 'B20' }] } }).codings).toEqual([]);
  });

  it.each([
    ['no resourceType', '{"id":"x"}'],
    ['no id', '{"resourceType":"Basic"}'],
    ['an id that is none', '{"resourceType":"Basic","id":"a/b"}'],
    ['a number as id', '{"resourceType":"Basic","id":1}'],
    ['a type that R4 does not have', '{"resourceType":"Bassic","id":"x"}'],
    ['an abstract type', '{"resourceType":"DomainResource","id":"x"}'],
    ['a list', '[{"resourceType":"Basic","id":"x"}]'],
    ['a text', '"Basic/x"'],
  ])('nothing is read of a document with %s', (_, text) => {
    const limits = { maximumDepth: 9, maximumMembers: 9, maximumNodes: 99, maximumStringBytes: 999 };
    const tape = scan(Buffer.from(text), limits);
    expect(readResource({ tape, node: 0 }, { localBases: [], time: timeReader('UTC') })).toBeUndefined();
  });
});
