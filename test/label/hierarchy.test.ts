import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createClassifier, type LabelTable, type Strength } from '../../src/label/classify.ts';
import { parseTable } from '../../src/label/tables.ts';

const local = 'https://ehr.example/problems';
type Rows = LabelTable['systems'][string];
type Places = Readonly<Record<string, readonly string[]>>;

function tableOf(rows: Rows, places: Places, id = 'own'): LabelTable {
  return parseTable({ id, version: '1', isA: { [local]: places }, systems: { [local]: rows } });
}
function topicsOf(code: string, tables: readonly LabelTable[], strengths: readonly Strength[] = ['core']): string[] {
  return createClassifier(tables, strengths)
    .classify(local, code)
    .map(({ topic }) => topic)
    .sort();
}

/** Everything below ADDICTION, with tobacco beside it; HEP is an infection that two branches have. */
const places = {
  OPIOID: ['ADDICTION'],
  HEROIN: ['OPIOID', 'STREET'],
  'HEROIN.IV': ['HEROIN'],
  SMOKING: ['ADDICTION'],
  CIGARS: ['SMOKING'],
  ADDICTION: ['PROBLEM'],
};

describe('a row of all below a code', () => {
  const rows: Rows = { 'SUD core': { below: ['ADDICTION'] }, 'SUD ambiguous': { below: ['SMOKING'] } };

  it('is of the code itself and of what is below it, however far, by dots and case as codes are written', () => {
    const table = tableOf(rows, places);
    for (const code of ['ADDICTION', 'OPIOID', 'HEROIN', 'HEROIN.IV', 'HEROINIV', 'heroin'])
      expect([code, topicsOf(code, [table])]).toEqual([code, ['SUD']]);
    for (const code of ['PROBLEM', 'STREET', 'OTHER', 'HERO', ''])
      expect([code, topicsOf(code, [table])]).toEqual([code, []]);
  });

  it('says by which table, and stands in the system that it names alone', () => {
    const classifier = createClassifier([tableOf(rows, places)], ['core']);
    expect(classifier.classify(local, 'HEROIN')).toEqual([{ topic: 'SUD', rule: 'own@1' }]);
    expect(classifier.classify('http://snomed.info/sct', 'HEROIN')).toEqual([]);
  });

  it('loses to a row of a code below that, of the same topic', () => {
    const table = tableOf(rows, places);
    expect(topicsOf('SMOKING', [table])).toEqual([]);
    expect(topicsOf('CIGARS', [table])).toEqual([]);
    expect(topicsOf('CIGARS', [table], ['core', 'ambiguous'])).toEqual(['SUD']);
    const other = tableOf({ ...rows, 'PSY ambiguous': { below: ['OPIOID'] } }, places);
    expect(topicsOf('HEROIN', [other])).toEqual(['SUD']);
  });

  it('does not lose to a row of a code that is merely nearer: the stronger counts then', () => {
    const table = tableOf({ 'SUD core': { below: ['ADDICTION'] }, 'SUD ambiguous': { below: ['STREET'] } }, places);
    expect(topicsOf('HEROIN', [table])).toEqual(['SUD']);
    expect(topicsOf('STREET', [table])).toEqual([]);
  });

  it('loses to a row of the very code, and wins over a prefix', () => {
    const exact = tableOf({ 'SUD core': { below: ['ADDICTION'] }, 'SUD ambiguous': { exact: ['HEROIN'] } }, places);
    expect(topicsOf('HEROIN', [exact])).toEqual([]);
    expect(topicsOf('HEROIN.IV', [exact])).toEqual(['SUD']);
    const prefix = tableOf({ 'SUD ambiguous': { below: ['ADDICTION'] }, 'SUD core': { prefix: ['HERO'] } }, places);
    expect(topicsOf('HEROIN', [prefix])).toEqual([]);
    expect(topicsOf('HEROINS', [prefix])).toEqual(['SUD']);
  });

  it('gives more than one topic, and the specific ones of the substance class beside each other', () => {
    const table = tableOf(
      {
        'HIV core': { below: ['ADDICTION'] },
        'OPIOIDUD core': { below: ['STREET'] },
        'SUD core': { below: ['ADDICTION'] },
      },
      places,
    );
    expect(topicsOf('HEROIN', [table])).toEqual(['HIV', 'OPIOIDUD', 'SUD']);
    const finer = tableOf({ 'OPIOIDUD core': { below: ['OPIOID'] }, 'SUD core': { below: ['ADDICTION'] } }, places);
    expect(topicsOf('HEROIN', [finer])).toEqual(['OPIOIDUD']);
  });

  it('goes by the hierarchies of all tables together, under whatever name of the system', () => {
    const map = parseTable({
      id: 'map',
      version: '1',
      systems: {},
      isA: { 'urn:oid:2.16.840.1.113883.6.96': { '2': ['1'] } },
    });
    const own = parseTable({
      ...{ id: 'own', version: '1', isA: { 'http://snomed.info/sct': { '3': ['2'] } } },
      systems: { 'http://snomed.info/sct': { 'HIV core': { below: ['1'] } } },
    });
    const classifier = createClassifier([own, map], ['core']);
    expect(classifier.classify('http://snomed.info/sct', '3')).toEqual([{ topic: 'HIV', rule: 'own@1' }]);
  });

  it('is found however the table writes a code, and where two tables place one code', () => {
    const dotted = tableOf({ 'HIV core': { below: ['b.2'] } }, { 'B.2.1': ['b.2'], 'b.21.x': ['B21'] });
    for (const code of ['B.2', 'B.2.1', 'b21x']) expect([code, topicsOf(code, [dotted])]).toEqual([code, ['HIV']]);
    const one = tableOf({ 'HIV core': { below: ['A'] }, 'PSY core': { below: ['B'] } }, { C: ['A'] });
    const other = tableOf({}, { C: ['B'] }, 'other');
    for (const tables of [
      [one, other],
      [other, one],
    ])
      expect(topicsOf('C', tables)).toEqual(['HIV', 'PSY']);
  });

  it('of a circle is of every code in it', () => {
    const circle = { A: ['B'], B: ['C'], C: ['A'], D: ['A'] };
    const table = tableOf({ 'HIV core': { below: ['B'] }, 'HIV ambiguous': { below: ['C'] } }, circle);
    for (const code of ['A', 'B', 'C', 'D']) expect([code, topicsOf(code, [table])]).toEqual([code, ['HIV']]);
  });

  it('is refused without the hierarchy of its system, and a hierarchy that is none is', () => {
    const table = (isA: unknown, below: unknown = ['A']): object => ({
      ...{ id: 't', version: '1', isA },
      systems: { [local]: { 'HIV core': { below } } },
    });
    expect(() => parseTable(table({ [local]: { B: ['A'] } }))).not.toThrow();
    expect(() => parseTable(table({ [`${local}/2`]: { B: ['A'] } }))).toThrow('hierarchy');
    expect(() => parseTable(table(undefined))).toThrow('hierarchy');
    for (const wrong of [{ B: 'A' }, { B: [] }, { B: [''] }, { B: [1] }, ['A']])
      expect(() => parseTable(table({ [local]: wrong }))).toThrow();
    for (const wrong of ['A', [''], [1]]) expect(() => parseTable(table({ [local]: { B: ['A'] } }, wrong))).toThrow();
  });

  it('gives what a plain reading of the rule gives, whatever the hierarchy', () => {
    const codes = ['A', 'B', 'C', 'D', 'E', 'F'];
    const code = fc.constantFrom(...codes);
    const strength = fc.constantFrom<Strength>('core', 'ambiguous');
    fc.assert(
      fc.property(
        fc.dictionary(code, fc.uniqueArray(code, { minLength: 1, maxLength: 3 }), { minKeys: 1 }),
        fc.array(fc.tuple(strength, code), { maxLength: 4 }),
        code,
        (isA, rows, asked) => {
          const below = (wanted: Strength) => rows.flatMap(([one, of]) => (one === wanted ? of : []));
          const table = tableOf(
            { 'HIV core': { below: below('core') }, 'HIV ambiguous': { below: below('ambiguous') } },
            isA,
          );
          const isAtOrBelow = (one: string, other: string, steps = codes.length): boolean =>
            one === other || (steps > 0 && (isA[one] ?? []).some((parent) => isAtOrBelow(parent, other, steps - 1)));
          const fitting = rows.filter(([, of]) => isAtOrBelow(asked, of));
          const standing = fitting.filter(
            ([, of]) => !fitting.some(([, other]) => isAtOrBelow(other, of) && !isAtOrBelow(of, other)),
          );
          const isShown = standing.some(([one]) => one === 'core');
          expect(topicsOf(asked, [table])).toEqual(isShown ? ['HIV'] : []);
        },
      ),
      { numRuns: 2_000, seed: 11 },
    );
  });
});
