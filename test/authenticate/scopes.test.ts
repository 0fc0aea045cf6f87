import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseScope, parseScopes } from '../../src/authenticate/scopes.ts';
import { identified } from './identified.ts';

const granted = (scope: string) => {
  const parsed = parseScope(scope);
  return parsed && `${parsed.context} ${parsed.resourceType} ${parsed.read ? 'r' : '-'}${parsed.search ? 's' : '-'}`;
};

describe('a scope (SMART App Launch 2.2)', () => {
  it.each([
    ['patient/Observation.rs', 'patient Observation rs'],
    ['patient/Observation.r', 'patient Observation r-'],
    ['user/Observation.s', 'user Observation -s'],
    ['system/*.cruds', 'system * rs'],
    ['system/*.cuds', 'system * -s'],
    ['user/*.crud', 'user * r-'],
    ['patient/*.read', 'patient * rs'],
    ['user/Patient.*', 'user Patient rs'],
    ['http://smarthealthit.org/fhir/scopes/patient/Observation.rs', 'patient Observation rs'],
    ['http://smarthealthit.org/fhir/scopes/user/*.read', 'user * rs'],
  ])('grants what it says: %s', (scope, expected) => {
    expect(granted(scope)).toBe(expected);
    expect(parseScope(scope)?.query).toEqual([]);
  });

  it.each([
    ...['patient/Observation.write', 'user/*.cud', 'user/*.c', 'user/*.'],
    ...['user/*.sr', 'user/*.sdurc', 'user/*.dus', 'user/*.rrs', 'user/*.rss', 'user/*.rx', 'user/*.RS'],
    ...['user/*.Read', 'user/*.READ', 'user/*.reads', 'user/*.read,write', 'user/*.**', 'user/*.rs*', 'user/*.*rs'],
    ...['User/*.rs', 'users/*.rs', 'offline/*.rs', '/*.rs', '*/*.rs', '*/*.*', '*', 'user/*', 'user/.rs', 'user'],
    ...['user/observation.rs', 'user/Obs*.rs', 'user/**.rs', 'user/Patient,Observation.rs', 'user/Patient/ada.rs'],
    ...[
      'user/*.rs ',
      ' user/*.rs',
      'user/*.rs\n',
      'user/*.rs\t',
      'user//*.rs',
      'user/*..rs',
      'xuser/*.rs',
      'user/*.rsx',
    ],
    ...[
      'https://smarthealthit.org/fhir/scopes/user/*.rs',
      'http://smarthealthit.org/fhir/scopes/',
      'http://evil.example/user/*.rs',
    ],
    ...[
      'HTTP://smarthealthit.org/fhir/scopes/user/*.rs',
      'http://smarthealthit.org/fhir/scopes/http://smarthealthit.org/fhir/scopes/user/*.rs',
    ],
    ...[
      'openid',
      'fhirUser',
      'launch',
      'launch/patient',
      'launch/encounter',
      'offline_access',
      'profile',
      '__proto__',
      '',
    ],
    ...['user/Pаtient.rs', 'user/Patient․rs'], // a Cyrillic letter, a dot leader
  ])('that does not follow the grammar grants nothing: %j', (scope) => {
    expect(parseScope(scope)).toBeUndefined();
  });

  it.each([
    ['patient/Observation.rs?category=vital-signs', [['category', 'vital-signs']]],
    ['patient/Observation.rs?category=http://x.example/c|lab', [['category', 'http://x.example/c|lab']]],
    ['patient/Observation.rs?category=http%3A%2F%2Fx.example%2Fc%7Clab', [['category', 'http://x.example/c|lab']]],
    [
      'user/Condition.rs?category=a&category=b&code=c',
      [
        ['category', 'a'],
        ['category', 'b'],
        ['code', 'c'],
      ],
    ],
    [
      'user/Observation.rs?_id=a&_tag=b',
      [
        ['_id', 'a'],
        ['_tag', 'b'],
      ],
    ],
  ])('of version 2 may narrow itself by a query: %s', (scope, query) => {
    expect(parseScope(scope)?.query).toEqual(query);
  });

  it.each([
    ...['?', '?category', '?category=', '?=vital-signs', '?&', '?category=a&', '?&category=a', '?category=a&&code=b'],
    ...[
      '?category:in=http://x.example',
      '?code:not=a',
      '?patient.name=x',
      '?patient:Patient.name=x',
      '?_has:Observation:patient:code=x',
    ],
    ...[
      '?_filter=category eq a',
      '?_count=1',
      '?_include=Observation:patient',
      '?_summary=count',
      '?_elements=id',
      '?_query=x',
    ],
    ...[
      '?category=a+b',
      '?category=%zz',
      '?category=%C3',
      '?cat%65gory%3Ain=x',
      '??category=a',
      '?__proto__=x',
      '?_text=x',
      '?_list=x',
    ],
  ])('with a query that is not understood grants nothing at all: %s', (query) => {
    expect(parseScope(`user/Observation.rs${query}`)).toBeUndefined();
  });

  it.each(['user/Observation.read?category=a', 'user/Observation.*?category=a'])(
    'of version 1 has no query, so with one it grants nothing: %s',
    (scope) => {
      expect(parseScope(scope)).toBeUndefined();
    },
  );

  it('grants reading and searching only where its letters stand in order', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('c', 'r', 'u', 'd', 's', '*', 'R', 'x'), maxLength: 7 }),
        (letters) => {
          const parsed = parseScope(`user/Observation.${letters}`);
          const inOrder =
            letters !== '' &&
            [...letters].every(
              (one, at) =>
                'cruds'.includes(one) &&
                'cruds'.indexOf(one) > (at === 0 ? -1 : 'cruds'.indexOf(letters[at - 1] ?? '')),
            );
          const expected =
            letters === '*' ? [true, true] : inOrder ? [letters.includes('r'), letters.includes('s')] : [false, false];
          expect([parsed?.read ?? false, parsed?.search ?? false]).toEqual(expected);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('that is any text grants nothing beyond the one context and type that it spells out', () => {
    const alphabet = [
      'user',
      'patient',
      'system',
      '/',
      '*',
      '.',
      'rs',
      'read',
      'Patient',
      'Observation',
      '?',
      '=',
      '&',
      '%',
      ' ',
      ':',
      'é',
    ];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...alphabet), { maxLength: 8 }), (pieces) => {
        const text = pieces.join('');
        const parsed = parseScope(text);
        if (parsed === undefined) return;
        expect(text.startsWith(`${parsed.context}/${parsed.resourceType}.`)).toBe(true);
        expect(parsed.query.length > 0).toBe(text.includes('?'));
      }),
      { numRuns: 5_000 },
    );
  });
});

describe("a token's scopes", () => {
  it('add up, each by itself', () => {
    const scopes = parseScopes('openid user/Patient.r user/Patient.s nonsense launch/patient patient/*.rs');
    expect(scopes.map(({ context, resourceType, read, search }) => [context, resourceType, read, search])).toEqual([
      ['user', 'Patient', true, false],
      ['user', 'Patient', false, true],
      ['patient', '*', true, true],
    ]);
  });

  it.each([
    [{ scope: 'user/*.rs' }, 1],
    [{ scope: ['user/*.rs', 'user/Patient.r user/Patient.s'] }, 3],
    [{ scp: ['user/*.rs'] }, 1],
    [{ scp: 'user/*.rs' }, 1],
    [{ scope: 'openid', scp: 'user/*.rs' }, 0],
    [{ scope: 7 }, 0],
    [{ scope: { 0: 'user/*.rs' } }, 0],
    [{ scope: [['user/*.rs']] }, 0],
    [{ scope: [null, 7, 'user/*.rs'] }, 1],
    [{ scope: true }, 0],
    [{ scopes: 'user/*.rs', Scope: 'user/*.rs' }, 0],
    [{}, 0],
  ])('are read from scope, or scp where there is none: %j', (claims, count) => {
    expect(identified(claims).scopes).toHaveLength(count);
  });

  it('are separated by spaces, not by commas, tabs or lines', () => {
    expect(parseScopes('user/*.rs,user/Patient.rs')).toEqual([]);
    expect(parseScopes('user/*.rs\tuser/Patient.rs')).toEqual([]);
    expect(parseScopes('user/*.rs\nuser/Patient.rs')).toEqual([]);
  });

  it('beyond 500 are left out', () => {
    expect(parseScopes('user/Patient.rs '.repeat(600))).toHaveLength(500);
  });

  it('of any shape throw nothing', () => {
    fc.assert(
      fc.property(fc.anything(), (scope) => Array.isArray(parseScopes(scope))),
      { numRuns: 500 },
    );
  });
});
