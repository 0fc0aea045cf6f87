import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ResourceKey } from '../../src/fhir/ids.ts';
import type { Hop, SearchPlan } from '../../src/plan/plan.ts';
import { grantCriteria } from '../../src/plan/plan.ts';
import { plan, requestOf, search, settings } from './requests.ts';

const key = (text: string) => text as ResourceKey;
const sent = ({ forwarded }: SearchPlan) => forwarded.map(({ forward }) => forward.join('='));
const kept = ({ local }: SearchPlan) => local.map(({ forward }) => forward.join('='));
const hop = (made: SearchPlan): Hop => made.hops[0] as Hop;

describe('what is sent upstream', () => {
  it('is every positive criterion, in one canonical form', () => {
    const made = search(
      'Observation?subject=https://gateway.example/fhir/Patient/p1&patient=p1&code=a,b&date=ge2020&date=lt2021&_id=x&_lastUpdated=gt2020&value-quantity=eq5.4',
    );
    expect(sent(made)).toEqual([
      '_id=x',
      '_lastUpdated=gt2020-12-31T23:59:59.999Z',
      'code=a,b',
      'date=ge2020-01-01',
      'date=lt2021-01-01',
      'patient=Patient/p1',
      'subject=Patient/p1',
      'value-quantity=5.4',
    ]);
    expect(kept(made)).toEqual([]);
  });

  it.each([
    ['code:not=a'],
    ['code:missing=true'],
    ['encounter:missing=false'],
    ['date=ne2020'],
    ['value-quantity=ne5,gt7'],
    ['_security=R'],
    ['_tag=t'],
    ['_profile=http://p'],
  ])('is never %s', (query) => {
    const made = search(`Observation?${query}`);
    expect(sent(made)).toEqual([]);
    expect(kept(made)).toEqual([query]);
  });

  it.each([
    ['date=ge2020-02&date=gt2021', ['date=ge2020-02-01'], ['date=gt2021-12-31']],
    ['date=2020&date=lt2021', ['date=2020'], ['date=lt2021-01-01']],
    ['date=le2020-02', ['date=le2020-02-29'], []],
    ['date=sa2020-02-03', ['date=sa2020-02-03'], []],
    ['_lastUpdated=le2020', ['_lastUpdated=le2020-12-31T23:59:59.999Z'], []],
    ['_lastUpdated=2020', ['_lastUpdated=2020'], []],
    ['date=2020,2021', [], ['date=2020,2021']],
    ['value-quantity=5,6', [], ['value-quantity=5,6']],
    ['subject:identifier=a', [], ['subject:identifier=a']],
    ['subject:identifier=a,b', [], ['subject:identifier=a,b']],
    ['encounter=a,Encounter/a', ['encounter=Encounter/a,EpisodeOfCare/a'], []],
    ['subject:Patient=a', ['subject=Patient/a'], []],
    ['subject=a', ['subject=Device/a,Group/a,Location/a,Patient/a'], []],
  ])('takes the form on which servers agree: %s', (query, forwarded, local) => {
    const made = search(`Observation?${query}`);
    expect([sent(made), kept(made)]).toEqual([forwarded, local]);
  });

  it('holds the modifiers that the server is said to understand', () => {
    const all = { ...settings, forwardedModifiers: ['contains', 'identifier'] };
    expect(sent(search('Observation?subject:identifier=a', {}, all))).toEqual(['subject:identifier=a']);
    expect(sent(search('Patient?name:contains=a&family:exact=b', {}, all))).toEqual(['name:contains=a']);
    expect(sent(search('Patient?name:contains=a&family:exact=b'))).toEqual(['family:exact=b']);
  });

  it('is not whether somebody is deceased, which servers read differently', () => {
    expect(kept(search('Patient?deceased=false'))).toEqual(['deceased=false']);
  });

  it('is not what the self link shows', () => {
    expect(search('Observation?subject=a&date=ge2020').self).toEqual([
      ['date', 'ge2020'],
      ['subject', 'a'],
    ]);
  });

  it('says which elements each criterion reads, with choice elements spelled out', () => {
    const [criterion] = search('Observation?combo-value-concept=x').forwarded;
    expect(criterion?.paths).toEqual([
      'Observation.valueCodeableConcept',
      'Observation.component.valueCodeableConcept',
    ]);
    expect(search('Encounter?diagnosis=Condition/c').forwarded[0]?.paths).toEqual(['Encounter.diagnosis.condition']);
  });

  it('is the same from GET, POST and both mixed', () => {
    const got = search('Observation?code=a&patient=p1&_count=5');
    const posted = search('Observation/_search', {
      method: 'POST',
      form: [
        ['_count', '5'],
        ['patient', 'p1'],
        ['code', 'a'],
      ],
    });
    const mixed = search('Observation/_search?code=a', {
      method: 'POST',
      form: [
        ['patient', 'p1'],
        ['_count', '5'],
      ],
    });
    expect(JSON.stringify(posted)).toBe(JSON.stringify(got));
    expect(JSON.stringify(mixed)).toBe(JSON.stringify(got));
    const contradictory = plan('Observation/_search?_count=1', { method: 'POST', form: [['_count', '2']] });
    expect(contradictory).toMatchObject({ code: 'invalid-request', about: '_count' });
  });
});

describe('result parameters', () => {
  it.each([
    ['', { pageSize: 50, upstreamPageSize: 73, total: 'first-page', countOnly: false }],
    ['_count=1', { pageSize: 1, upstreamPageSize: 12 }],
    ['_count=9999', { pageSize: 1000, upstreamPageSize: 1250, self: [['_count', '1000']] }],
    ['_count=0', { countOnly: true, total: 'accurate', self: [['_count', '0']] }],
    ['_summary=count', { countOnly: true, total: 'accurate', upstreamPageSize: 1250, projection: { kind: 'whole' } }],
    ['_total=accurate', { total: 'accurate', countOnly: false }],
    ['_total=none', { total: 'none' }],
    ['_total=estimate', { total: 'first-page' }],
    ['_summary=data', { projection: { kind: 'summary', summary: 'data' } }],
    ['_summary=false', { projection: { kind: 'whole' } }],
    ['_elements=code,subject,code', { projection: { kind: 'elements', elements: ['code', 'subject'] } }],
    [
      '_sort=-date,status',
      {
        sort: [
          { parameter: 'date', descending: true },
          { parameter: 'status', descending: false },
        ],
      },
    ],
    [
      '_sort=_lastUpdated,_id',
      {
        sort: [
          { parameter: '_lastUpdated', descending: false },
          { parameter: '_id', descending: false },
        ],
      },
    ],
  ])('%s', (query, expected) => expect(search(`Observation?${query}`)).toMatchObject(expected));

  it.each([
    ['_count=-1', 'invalid-request'],
    ['_count=x', 'invalid-request'],
    ['_count=1&_count=2', 'invalid-request'],
    ['_total=exact', 'invalid-request'],
    ['_summary=maybe', 'invalid-request'],
    ['_summary=text&_elements=code', 'invalid-request'],
    ['_elements=', 'invalid-request'],
    ['_elements=a.b', 'invalid-request'],
    ['_sort=', 'parameter-not-supported'],
    ['_sort=date,-date', 'invalid-request'],
    ['_sort=_score', 'parameter-not-supported'],
    ['_sort=subject', 'parameter-not-supported'],
    ['_sort=value-quantity', 'parameter-not-supported'],
    ['_sort=_security', 'parameter-not-supported'],
    ['_sort=patient.name', 'parameter-not-supported'],
    ['_sort=code,date,status,category', 'parameter-not-supported'],
    ['_count:exact=1', 'parameter-not-supported'],
  ])('%s is %s', (query, code) => expect(plan(`Observation?${query}`)).toMatchObject({ code }));

  it('an order by what falls with a reference is refused', () => {
    expect(plan('Encounter?_sort=diagnosis')).toMatchObject({ about: '_sort' });
    expect(plan('Medication?_sort=ingredient-code')).toMatchObject({ about: '_sort' });
    expect(plan('DocumentReference?_sort=location')).toMatchObject({ about: '_sort' });
  });

  it('an order by what may be left out by a label of its own is refused', () => {
    const apart = { ...settings, leavesOutElements: true };
    expect(plan('Patient?_sort=birthdate', {}, apart)).toMatchObject({
      code: 'parameter-not-supported',
      about: '_sort',
    });
    expect(plan('Patient?_sort=-_lastUpdated,_id', {}, apart)).toMatchObject({ outcome: 'search' });
    expect(plan('Patient?_sort=birthdate')).toMatchObject({ outcome: 'search' });
  });

  it('a deployment without totals refuses to count', () => {
    const none = { ...settings, totals: 'none' as const };
    expect(search('Observation', {}, none).total).toBe('none');
    for (const query of ['_total=accurate', '_summary=count', '_count=0']) {
      expect(plan(`Observation?${query}`, {}, none)).toMatchObject({ code: 'parameter-not-supported' });
    }
  });

  it('limits hold', () => {
    const many = (length: number, text: string, by: string) => Array.from({ length }, () => text).join(by);
    expect(plan(`Observation?${many(101, 'code=a', '&')}`)).toMatchObject({ code: 'too-costly' });
    expect(plan(`Observation?code=${many(101, 'a', ',')}`)).toMatchObject({ code: 'too-costly' });
    expect(plan(`Observation?code=${'a'.repeat(9000)}`)).toMatchObject({ code: 'too-costly' });
    expect(plan(`Observation?${many(11, '_include=Observation:subject', '&')}`)).toMatchObject({ code: 'too-costly' });
    expect(plan(`Observation?code=${many(100, 'a', ',')}`).outcome).toBe('search');
  });

  it('a configured refusal holds everywhere the parameter could be named', () => {
    const fewer = { ...settings, refusedParameters: ['Patient.birthdate', 'code'] };
    for (const url of [
      'Patient?birthdate=2000',
      'Patient?_sort=birthdate',
      'Observation?patient.birthdate=2000',
      'Observation?code=a',
      'Patient?_has:Observation:patient:code=a',
    ]) {
      expect(plan(url, {}, fewer)).toMatchObject({ code: 'parameter-not-supported' });
    }
    expect(plan('Person?birthdate=2000', {}, fewer).outcome).toBe('search');
  });
});

describe('lenient handling', () => {
  const lenient = { headers: { prefer: 'respond-async, handling=lenient' } };
  it('leaves out what is not served, and self shows it', () => {
    const made = search('Observation?code=a&foo=1&code:in=x&_include=*&_sort=subject&encounter.foo=1', lenient);
    expect(made.self).toEqual([['code', 'a']]);
    expect(made).toMatchObject({ includes: [], sort: [], hops: [] });
  });
  it('still refuses what is malformed', () => {
    expect(plan('Observation?date=soon', lenient)).toMatchObject({ code: 'invalid-request' });
  });
  it('is off unless asked for', () => {
    expect(plan('Observation?foo=1', { headers: { prefer: 'handling=strict, handling=lenient' } }).outcome).toBe(
      'refuse',
    );
  });
});

describe('chains', () => {
  it('become a search of the target type, then a list of keys', () => {
    const chain = hop(search('Observation?encounter.class=IMP'));
    if (chain.kind !== 'chain') throw new Error();
    expect(chain.targets.map(({ type }) => type)).toEqual(['Encounter']);
    expect(chain.targets.flatMap(sent)).toEqual(['class=IMP']);
    const { forwarded, local } = chain.resolve([key('Encounter/e1'), key('Encounter/e2')]);
    expect(forwarded[0]?.forward).toEqual(['encounter', 'Encounter/e1,Encounter/e2']);
    expect(local[0]?.matches({ encounter: { reference: 'Encounter/e2' } })).toBe(true);
    expect(local[0]?.matches({ encounter: { reference: 'Encounter/e3' } })).toBe(false);
  });

  it('that lead to nothing match nothing, here and upstream', () => {
    for (const url of ['Observation?encounter.class=IMP', 'Observation?_has:Provenance:target:recorded=ge2020']) {
      const { forwarded, local } = hop(search(url)).resolve([]);
      expect(forwarded[0]?.forward).toEqual(['_id', '00000000-0000-0000-0000-000000000000']);
      expect(local[0]?.matches({ id: 'o1', encounter: { reference: 'Encounter/e1' } })).toBe(false);
    }
  });

  it('may name the type, go two steps, and stay on the types that have the parameter', () => {
    const typed = hop(search('Observation?subject:Patient.name=x'));
    expect(typed.kind === 'chain' && typed.targets.map(({ type }) => type)).toEqual(['Patient']);
    const untyped = hop(search('Observation?subject.name=x'));
    expect(untyped.kind === 'chain' && untyped.targets.map(({ type }) => type)).toEqual(['Location', 'Patient']);
    const deep = hop(search('Observation?encounter.service-provider.name=x'));
    const second = deep.kind === 'chain' && deep.targets[0]?.hops[0];
    expect(second && second.kind === 'chain' && second.targets.flatMap(sent)).toEqual(['name=x']);
    const has = hop(search('Patient?_has:Observation:patient:_has:Provenance:target:recorded=ge2020'));
    expect(has.kind === 'has' && has.source.hops[0]?.kind).toBe('has');
  });

  it('negative ends stay local in the searches they start', () => {
    const chain = hop(search('Observation?encounter.class:not=IMP'));
    expect(chain.kind === 'chain' && chain.targets.map((made) => [sent(made), kept(made)])).toEqual([
      [[], ['class:not=IMP']],
    ]);
  });

  it('_has reads the keys its source refers to', () => {
    const has = hop(search('Patient?_has:Observation:patient:code=x'));
    if (has.kind !== 'has') throw new Error();
    expect(has.source.type).toBe('Observation');
    expect(has.reference({ subject: { reference: 'Patient/p1' } })).toEqual(['Patient/p1']);
    expect(has.reference({ subject: { reference: 'Group/g1' } })).toEqual([]);
    expect(has.resolve([key('Patient/p1'), key('Group/g1')]).forwarded[0]?.forward).toEqual(['_id', 'p1']);
  });

  it.each([
    ['Observation?encounter.subject.organization.name=x'],
    ['Patient?_has:Observation:patient:encounter.subject.name=x'],
    ['Observation?code.x=1'],
    ['Observation?encounter:Patient.name=x'],
    ['Observation?encounter:Encounter:x.class=1'],
    ['Observation?encounter.foo=1'],
    ['Patient?_has:AuditEvent:patient:action=R'],
    ['Patient?_has:Observation:encounter:code=x'],
    ['Patient?_has:Observation:code:code=x'],
    ['Patient?_has:Observation=x'],
    ['Provenance?target.identifier=x'],
  ])('%s is refused', (url) => expect(plan(url)).toMatchObject({ code: 'parameter-not-supported' }));

  it('a malformed end is refused', () => {
    expect(plan('Observation?encounter.date=soon')).toMatchObject({ code: 'invalid-request' });
  });
});

describe('includes', () => {
  it('read keys from views', () => {
    const made = search('Observation?_include=Observation:subject:Patient&_include:iterate=Patient:organization');
    expect(made.includes.map(({ sourceType, parameter, iterate }) => [sourceType, parameter, iterate])).toEqual([
      ['Observation', 'subject', false],
      ['Patient', 'organization', true],
    ]);
    const [first] = made.includes;
    expect(first?.references({ subject: { reference: 'Patient/p1' } })).toEqual(['Patient/p1']);
    expect(first?.references({ subject: { reference: 'Group/g1' } })).toEqual([]);
  });

  it('in reverse are searches by key', () => {
    const [include] = search('Patient?_revinclude=Observation:subject').reverseIncludes;
    expect(sent(include?.search?.([key('Patient/p1'), key('Patient/p2')]) as SearchPlan)).toEqual([
      'subject=Patient/p1,Patient/p2',
    ]);
    expect(sent(include?.search?.([]) as SearchPlan)).toEqual(['_id=00000000-0000-0000-0000-000000000000']);
  });

  it.each([
    ['_include=*'],
    ['_include=Observation:*'],
    ['_revinclude=*'],
    ['_revinclude=Provenance:*'],
    ['_include=Patient:organization'],
    ['_include=Observation:code'],
    ['_include=Observation:subject:Practitioner'],
    ['_include=Observation:subject:Patient:x'],
    ['_include:recurse=Observation:has-member'],
    ['_revinclude=AuditEvent:entity'],
    ['_revinclude=Encounter:patient'],
    ['_include='],
  ])('%s is refused', (query) => {
    expect(plan(`Observation?${query}`)).toMatchObject({ code: 'parameter-not-supported' });
  });
});

describe('compartments', () => {
  it('have one criterion for each parameter', () => {
    const { compartment } = search('Patient/p1/Observation?code=x');
    expect(compartment?.criteria.map(({ forward }) => forward)).toEqual([
      ['subject', 'Patient/p1'],
      ['performer', 'Patient/p1'],
    ]);
    expect(compartment?.earlier(1).map(({ parameter }) => parameter)).toEqual(['subject']);
    expect(compartment?.criteria[1]?.matches({ performer: [{ reference: 'Patient/p1' }] })).toBe(true);
  });

  it('are sorted only when one parameter makes them', () => {
    expect(plan('Patient/p1/Observation?_sort=date')).toMatchObject({
      code: 'parameter-not-supported',
      about: '_sort',
    });
    expect(plan('Patient/p1/Immunization?_sort=date').outcome).toBe('search');
  });

  it('are searched by POST too', () => {
    const form = [['code', 'x']] as const;
    expect(JSON.stringify(search('Patient/p1/Observation/_search', { method: 'POST', form }))).toBe(
      JSON.stringify(search('Patient/p1/Observation?code=x')),
    );
  });
});

describe('granular scopes', () => {
  it('become criteria, all of which must hold', () => {
    const criteria = grantCriteria(
      [
        ['category', 'urn:c|laboratory'],
        ['status:not', 'final'],
      ],
      'Observation',
      settings,
    );
    const lab = { category: [{ coding: [{ system: 'urn:c', code: 'laboratory' }] }] };
    expect(criteria?.every((one) => one.matches(lab))).toBe(true);
    expect(criteria?.every((one) => one.matches({ ...lab, status: 'final' }))).toBe(false);
  });
  it('grant nothing when they ask for what is not served', () => {
    for (const name of ['foo', 'encounter.class', 'code:in', '_has:Provenance:target:agent', '_filter']) {
      expect(grantCriteria([[name, 'x']], 'Observation', settings)).toBeUndefined();
    }
  });
});

describe('the self link', () => {
  const values = {
    code: fc.constantFrom('a', 'urn:s|b', '|c', 'a,b', 'a\\,b', 'x\\|y|z\\$'),
    'code:not': fc.constantFrom('a', 'a,b'),
    date: fc.constantFrom('2020', 'ge2020-01-02', 'eq2020', 'ne2020', 'lt2020-01-01T10:00:00Z'),
    subject: fc.constantFrom('Patient/p1', 'p1', 'https://gateway.example/fhir/Group/g1', 'p1,Patient/p2'),
    'encounter.class': fc.constantFrom('IMP', 'a,b'),
    'value-quantity': fc.constantFrom('eq5.40', '5||mg', 'gt5|urn:u|mg'),
    '_has:Provenance:target:recorded': fc.constantFrom('ge2020'),
    _security: fc.constantFrom('R'),
    _count: fc.constantFrom('0', '7', '5000'),
    _sort: fc.constantFrom('-date', 'status,_id'),
    _summary: fc.constantFrom('true', 'count', 'false'),
    _total: fc.constantFrom('accurate', 'estimate'),
    _include: fc.constantFrom('Observation:subject', 'Observation:subject:Patient'),
    _revinclude: fc.constantFrom('Provenance:target'),
    _format: fc.constantFrom('json'),
  };
  const parameter = fc
    .constantFrom(...Object.keys(values))
    .chain((name) => values[name as keyof typeof values].map((value) => [name, value] as const));
  const given = fc.uniqueArray(parameter, {
    maxLength: 6,
    selector: ([name, value]) => (name.startsWith('_') ? name : `${name}=${value}`),
  });
  const form = (parameters: SearchPlan['self']) => search('Observation/_search', { method: 'POST', form: parameters });

  it('asks for the same search again', () => {
    fc.assert(
      fc.property(given, (parameters) => {
        const made = form(parameters);
        expect(JSON.stringify(form(made.self))).toBe(JSON.stringify(made));
      }),
      { numRuns: 500 },
    );
  });

  it('does not depend on the order of conditions', () => {
    fc.assert(
      fc.property(given, (parameters) => {
        expect(JSON.stringify(form(parameters.toReversed()))).toBe(JSON.stringify(form(parameters)));
      }),
      { numRuns: 300 },
    );
  });

  it('never shows the upstream', () => {
    expect(JSON.stringify(search('Observation?subject=https://gateway.example/fhir/Patient/p1'))).not.toContain('http');
    expect(requestOf('Observation').path).toEqual(['Observation']);
  });
});
