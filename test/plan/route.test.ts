import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { methodsFor, planFor } from '../../src/plan/plan.ts';
import { plan, requestOf, settings } from './requests.ts';

const post = { method: 'POST' } as const;

describe('routes', () => {
  it.each([
    ['metadata', { outcome: 'capabilities' }],
    ['metadata?mode=full', { outcome: 'capabilities' }],
    ['Patient/p1', { outcome: 'read', key: 'Patient/p1', projection: { kind: 'whole' } }],
    ['Patient/p1?_summary=true', { outcome: 'read', projection: { kind: 'summary', summary: 'true' } }],
    [
      'Patient/p1?_elements=name,id&_format=json&_pretty=true',
      { projection: { kind: 'elements', elements: ['name', 'id'] } },
    ],
    ['Patient/p1/_history/3', { outcome: 'vread', key: 'Patient/p1', version: '3' }],
    ['Patient/p1/_history', { outcome: 'history', key: 'Patient/p1', pageSize: 50, self: [] }],
    ['Patient/p1/_history?_count=5000', { outcome: 'history', pageSize: 1000, self: [['_count', '1000']] }],
    ['Patient/p1/_history?_since=2024-01-01T00:00:00Z', { since: 1704067200000 }],
    ['Patient', { outcome: 'search', type: 'Patient' }],
    [
      'Patient/p1/Observation',
      { outcome: 'search', compartment: { root: 'Patient/p1', parameters: ['subject', 'performer'] } },
    ],
    [
      'Encounter/e1/Observation',
      { outcome: 'search', compartment: { root: 'Encounter/e1', parameters: ['encounter'] } },
    ],
    ['Practitioner/d1/Encounter', { outcome: 'search', compartment: { root: 'Practitioner/d1' } }],
    ['?_page=abc-_1', { outcome: 'page', token: 'abc-_1' }],
    ['Observation?_page=abc', { outcome: 'page', token: 'abc' }],
    ['Observation/o1/_history?_page=abc', { outcome: 'page', token: 'abc' }],
  ])('GET and HEAD %s are planned', (url, expected) => {
    expect(plan(url)).toMatchObject(expected);
    expect(plan(url, { method: 'HEAD' })).toMatchObject(expected);
  });

  it.each([
    ['', 'unknown-route'],
    ['?_type=Encounter', 'unknown-route'],
    ['_history', 'unknown-route'],
    ['_search', 'unknown-route'],
    ['Encounter/_history', 'unknown-route'],
    ['$export', 'unknown-route'],
    ['Patient/$everything', 'unknown-route'],
    ['Patient/p1/$everything', 'unknown-route'],
    ['Patient/p1/*', 'unknown-route'],
    ['Patient/p1/Observation/o1', 'unknown-route'],
    ['Patient/p1/Organization', 'unknown-route'],
    ['Observation/o1/Encounter', 'unknown-route'],
    ['Patient/p1/_history/1/x', 'unknown-route'],
    ['Patient/p1/_tags', 'unknown-route'],
    ['metadata/x', 'unknown-route'],
    ['patient/p1', 'unknown-route'],
    ['Patients/p1', 'unknown-route'],
    ['Patient/', 'not-found'],
    ['__proto__/x', 'unknown-route'],
    ['constructor', 'unknown-route'],
    ['Binary/b1', 'unknown-route'],
    ['Bundle/b1', 'unknown-route'],
    ['AuditEvent', 'unknown-route'],
    ['ValueSet/v1', 'unknown-route'],
    ['Subscription', 'unknown-route'],
    ['Encounter/_search', 'method-not-allowed'],
    [`Encounter/${'x'.repeat(65)}`, 'not-found'],
    ['Encounter/a_b', 'not-found'],
    ['Encounter/é', 'not-found'],
    ['Encounter/a b/_history', 'not-found'],
    ['Encounter/a/_history/a_b', 'not-found'],
    ['Patient/a_b/Observation', 'not-found'],
    ['?_page=a.b', 'page-not-found'],
    ['?_page=', 'page-not-found'],
    ['?_page=a&_page=b', 'invalid-request'],
    ['Observation?_page=a&code=x', 'invalid-request'],
    ['Observation/o1/_history?_page=a&_count=1', 'invalid-request'],
    ['Patient/p1?name=x', 'parameter-not-supported'],
    ['Patient/p1?_summary=count', 'invalid-request'],
    ['Patient/p1/_history?_at=2020', 'parameter-not-supported'],
    ['Patient/p1/_history?_since=2020', 'invalid-request'],
    ['metadata?mode=normative', 'parameter-not-supported'],
  ])('GET %s is refused as %s', (url, code) => {
    expect(plan(url)).toMatchObject({ outcome: 'refuse', code });
  });

  it.each([
    ['', 'method-not-allowed'],
    ['Patient', 'method-not-allowed'],
    ['Patient/p1', 'method-not-allowed'],
    ['Patient/p1/_history', 'method-not-allowed'],
    ['Patient/p1/Observation', 'method-not-allowed'],
    ['metadata', 'method-not-allowed'],
    ['_search', 'unknown-route'],
    ['Patient/$match', 'unknown-route'],
    ['Binary/_search', 'unknown-route'],
  ])('POST %s is refused as %s', (url, code) => {
    expect(plan(url, post)).toMatchObject({ outcome: 'refuse', code });
  });

  it('every other method is refused on every route', () => {
    for (const method of ['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE']) {
      for (const url of ['', 'Patient', 'Patient/p1', 'Patient/_search', 'Patient/p1/_history/1']) {
        const request = { ...requestOf(url), method: method as 'GET' };
        expect(planFor(request, settings)).toEqual({ outcome: 'refuse', code: 'method-not-allowed' });
      }
    }
  });

  it('methods are told by the shape of a path, not by what is there', () => {
    expect(methodsFor(['Patient', 'p1'])).toEqual(['GET', 'HEAD']);
    expect(methodsFor(['Patient', 'no such id'])).toEqual(['GET', 'HEAD']);
    expect(methodsFor(['Patient', '_search'])).toEqual(['POST']);
    expect(methodsFor(['Binary', 'b1'])).toEqual([]);
  });
});

describe('representation', () => {
  it.each([
    undefined,
    '*/*',
    'application/json',
    'application/fhir+json;fhirVersion=4.0',
    'application/fhir+json; charset=utf-8',
    'text/html,application/xhtml+xml,*/*;q=0.8',
    'application/*;q=0.1',
  ])('Accept %s is served', (accept) => {
    expect(plan('Patient/p1', { headers: accept === undefined ? {} : { accept } }).outcome).toBe('read');
  });

  it.each([
    'application/fhir+xml',
    'text/html',
    'text/turtle',
    'application/x-ndjson',
    'application/fhir+json; fhirVersion=5.0',
    'application/fhir+json;q=0, text/html',
    'garbage',
  ])('Accept %s is not', (accept) => {
    expect(plan('Patient/p1', { headers: { accept } })).toEqual({
      outcome: 'refuse',
      code: 'not-acceptable',
      about: 'Accept',
    });
  });

  it('_format comes before Accept', () => {
    const xml = { headers: { accept: 'application/fhir+xml' } };
    expect(plan('Patient/p1?_format=application/fhir%2Bjson', xml).outcome).toBe('read');
    expect(plan('Patient/p1?_format=application/fhir+json').outcome).toBe('read');
    for (const format of ['xml', 'html', 'ttl', 'application/fhir%2Bxml', 'json;fhirVersion=3.0']) {
      expect(plan(`Patient?_format=${format}`)).toMatchObject({ code: 'not-acceptable', about: '_format' });
    }
  });
});

describe('conditional reads', () => {
  it.each([
    [{ 'if-none-match': 'W/"a", "b"' }, { ifNoneMatch: ['a', 'b'] }],
    [{ 'if-none-match': '*' }, { ifNoneMatch: ['*'] }],
    [{ 'if-none-match': 'a' }, { ifNoneMatch: [] }],
    [{ 'if-modified-since': 'Mon, 01 Jan 2024 00:00:00 GMT' }, { ifNoneMatch: [], ifModifiedSince: 1704067200000 }],
    [{ 'if-modified-since': '2024-01-01' }, { ifNoneMatch: [] }],
    [{ 'if-none-match': '"a"', 'if-modified-since': 'Mon, 01 Jan 2024 00:00:00 GMT' }, { ifNoneMatch: ['a'] }],
  ])('%j reads as %j', (headers, conditional) => {
    expect(plan('Patient/p1', { headers })).toMatchObject({ outcome: 'read', conditional });
  });
});

describe('whatever is asked', () => {
  const word = fc.oneof(
    fc.constantFrom(
      'Patient',
      'Observation',
      'p1',
      '_history',
      '_search',
      'metadata',
      '$x',
      '*',
      '',
      '__proto__',
      'toString',
    ),
    fc.string(),
  );
  const name = fc.oneof(
    fc.constantFrom(
      'code',
      'subject:Patient.name',
      '_has:Observation:patient:code',
      '_count',
      '_sort',
      '_include',
      'date',
      '_page',
      '__proto__',
      'constructor.name',
      'code:not',
      'subject:identifier',
      'encounter.class',
      '_elements',
      'value-quantity',
    ),
    fc.string(),
  );
  const value = fc.oneof(
    fc.constantFrom('a,b', '\\', '|', 'ge2020', '5.4||mg', 'Patient/p1', 'true', 'Observation:subject'),
    fc.string(),
  );
  const parameters = fc.array(fc.tuple(name, value), { maxLength: 4 });
  const requests = fc.record({
    method: fc.constantFrom('GET', 'HEAD', 'POST'),
    path: fc.array(word, { maxLength: 5 }),
    query: parameters,
    form: parameters,
    headers: fc.record({
      accept: fc.option(fc.string(), { nil: undefined }),
      prefer: fc.constantFrom('', 'handling=lenient'),
    }),
  });

  it('a plan or a refusal is made, the same every time', () => {
    fc.assert(
      fc.property(requests, (shape) => {
        const { accept, prefer } = shape.headers;
        const headers = accept === undefined ? { prefer } : { prefer, accept };
        const request = { ...requestOf(''), ...shape, headers } as ReturnType<typeof requestOf>;
        const made = planFor(request, settings);
        const again = planFor({ ...request, id: 'other', receivedAt: 9, remoteAddress: '::1' }, settings);
        expect(JSON.stringify(again)).toBe(JSON.stringify(made));
      }),
      { numRuns: 2000 },
    );
  });

  it('a refusal names nothing but the registry', () => {
    fc.assert(
      fc.property(requests, (shape) => {
        const made = planFor({ ...requestOf(''), ...shape, headers: {} } as ReturnType<typeof requestOf>, settings);
        if (made.outcome === 'refuse' && made.about !== undefined)
          expect(made.about).toMatch(/^(Accept|_?[a-z][A-Za-z-]*)$/);
      }),
      { numRuns: 500 },
    );
  });
});
