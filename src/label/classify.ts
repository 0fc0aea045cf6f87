import { z } from 'zod';
import { canonicalSystem, topicNamed } from '../fhir/vocabulary.ts';
import { Hierarchy } from './hierarchy.ts';

const strengthNames = ['core', 'supporting', 'ambiguous'] as const;
const topicAndStrength = z
  .string()
  .regex(/^[A-Za-z0-9]+ (core|supporting|ambiguous)$/, 'a topic and core, supporting or ambiguous')
  .refine((key) => {
    const [topic = ''] = key.split(' ');
    return topicNamed(topic) === topic;
  }, 'a sensitivity code of v3-ActCode, 42CFRPart2 or SUDCN');

/** What codes alone cannot say: a FHIRPath expression that is true of a resource. */
const rule = z.strictObject({
  id: z.string().regex(/^[A-Za-z0-9\-.]{1,64}$/),
  types: z.array(z.string().regex(/^[A-Z][A-Za-z]{1,63}$/)).min(1),
  /** Only of resources that hold one of these codes, as `system|code`; empty: of all of these types. */
  codes: z.array(z.string().regex(/^[^|]+\|[^|]+$/)).default([]),
  when: z.string().min(1).max(2_000),
  gives: z.array(topicAndStrength).min(1),
});
export type LabelRule = z.infer<typeof rule>;

const code = z.string().min(1).max(100);

/** A versioned table of what shows a sensitive topic. Replaceable by a deployment. */
export const labelTable = z
  .strictObject({
    /** With the version, the name of every rule in it: `id@version`. */
    id: z.string().regex(/^[^\s@#|]{1,100}$/, 'letters, digits and marks without blanks, @, # and |'),
    version: z.string().regex(/^[^\s@#|]{1,100}$/, 'letters, digits and marks without blanks, @, # and |'),
    /** `TOPIC strength` -> words and phrases; a star at the end stands for any ending. */
    words: z.record(topicAndStrength, z.array(z.string().min(2).max(100))).optional(),
    /** `TOPIC strength` -> beginnings of the canonical URLs of questionnaires and definitions. */
    canonicals: z.record(topicAndStrength, z.array(z.string().min(8).max(500))).optional(),
    rules: z.array(rule).max(1_000).optional(),
    /** Code system -> code -> the codes directly above it, for rows `below`. */
    isA: z.record(z.string(), z.record(code, z.array(code).min(1))).optional(),
    /** Code system -> `TOPIC strength` -> codes by kind of match; prefixes without dots. */
    systems: z.record(
      z.string(),
      z.record(
        topicAndStrength,
        z.strictObject({
          exact: z.array(z.string()).optional(),
          prefix: z.array(z.string().regex(/^[^.]+$/, 'a prefix has no dots')).optional(),
          /** These codes and every code below them. */
          below: z.array(code).optional(),
        }),
      ),
    ),
  })
  .refine(
    ({ isA = {}, systems }) => {
      const placed = new Set(Object.keys(isA).map(canonicalSystem));
      return Object.entries(systems).every(
        ([system, rows]) =>
          placed.has(canonicalSystem(system)) || Object.values(rows).every(({ below }) => below === undefined),
      );
    },
    { path: ['isA'], message: 'has to have the hierarchy of each system with rows below a code' },
  );
export type LabelTable = z.infer<typeof labelTable>;

export type Strength = (typeof strengthNames)[number];

/** A topic that a code shows, and the table row's place. */
export interface Shown {
  readonly topic: string;
  /** `table@version`. */
  readonly rule: string;
}

export interface Classifier {
  /** `table@version` of every table in use. */
  readonly versions: readonly string[];
  /** Topics shown by a code; systems as they stand in the data. */
  classify(system: string, code: string): readonly Shown[];
}

const nothing: readonly Shown[] = [];
const ranks: readonly Strength[] = strengthNames;

interface Prefix extends Row {
  readonly prefix: string;
}

interface SystemIndex {
  readonly exact: Map<string, Row[]>;
  /** By the first three characters, or all of a shorter prefix. */
  readonly prefixes: Map<string, Prefix[]>;
  readonly hierarchy: Hierarchy<Row>;
}

interface Row {
  readonly strength: Strength;
  readonly shown: Shown;
}

/** ICD codes are written with and without the dot; no code differs from another by dots or case alone. */
function plain(code: string): string {
  return code.replaceAll('.', '').toUpperCase();
}

/**
 * Compiles tables to look-ups: a set for exact codes, short lists for prefixes (ICD), and the hierarchies that tables state, all
 * together. Within a topic an exact row wins over a prefix, a longer prefix over a shorter one, so that an ambiguous exact row takes a
 * code out of a core prefix; a row of all below a code stands between the two, and loses to one of a code below that.
 * @param strengths rows of other strengths are read, but give no topic
 */
export function createClassifier(tables: readonly LabelTable[], strengths: readonly Strength[]): Classifier {
  const systems = new Map<string, SystemIndex>();
  for (const table of tables) index(table, systems);
  const wanted = new Set(strengths);
  const remembered = new Map<string, Map<string, readonly Shown[]>>();
  return {
    versions: tables.map(({ id, version }) => `${id}@${version}`),
    classify(system, code) {
      let ofSystem = remembered.get(system);
      if (ofSystem === undefined) {
        ofSystem = new Map();
        if (remembered.size < 1_000) remembered.set(system, ofSystem);
      }
      let shown = ofSystem.get(code);
      if (shown === undefined) {
        const codes = systems.get(canonicalSystem(system));
        shown = codes === undefined ? nothing : lookUp(codes, code, wanted);
        if (ofSystem.size < 10_000) ofSystem.set(code, shown);
      }
      return shown;
    },
  };
}

function index(table: LabelTable, systems: Map<string, SystemIndex>): void {
  const rule = `${table.id}@${table.version}`;
  for (const [system, topics] of Object.entries(table.systems)) {
    const codes = indexOf(system, systems);
    for (const [key, { exact = [], prefix = [], below = [] }] of Object.entries(topics)) {
      const [topic = '', strength] = key.split(' ') as [string, Strength];
      const shown = { topic, rule };
      for (const code of exact) append(codes.exact, plain(code), { strength, shown });
      for (const one of prefix.map(plain)) append(codes.prefixes, one.slice(0, 3), { prefix: one, strength, shown });
      for (const one of below) codes.hierarchy.add(plain(one), { strength, shown });
    }
  }
  for (const [system, places] of Object.entries(table.isA ?? {})) {
    const { hierarchy } = indexOf(system, systems);
    for (const [one, parents] of Object.entries(places)) hierarchy.place(plain(one), parents.map(plain));
  }
}

function indexOf(system: string, systems: Map<string, SystemIndex>): SystemIndex {
  const canonical = canonicalSystem(system);
  const codes = systems.get(canonical) ?? { exact: new Map(), prefixes: new Map(), hierarchy: new Hierarchy() };
  systems.set(canonical, codes);
  return codes;
}

function append<T>(map: Map<string, T[]>, key: string, item: T): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [item]);
  else list.push(item);
}

function lookUp(codes: SystemIndex, code: string, wanted: ReadonlySet<Strength>): readonly Shown[] {
  const best = new Map<string, { readonly length: number; readonly strength: Strength; readonly shown: Shown[] }>();
  const offer = (length: number, strength: Strength, shown: Shown): void => {
    const family = familyOf(shown.topic);
    const known = best.get(family);
    // At equal length the stronger row counts: a code that is core in one source is not taken out by another.
    const order =
      known === undefined ? 1 : length - known.length || ranks.indexOf(known.strength) - ranks.indexOf(strength);
    if (order > 0) best.set(family, { length, strength, shown: [shown] });
    else if (order === 0 && known?.shown.every(({ topic }) => topic !== shown.topic)) known.shown.push(shown);
  };
  const text = plain(code);
  for (const { strength, shown } of codes.exact.get(text) ?? []) offer(1_000, strength, shown);
  for (const { strength, shown } of nearest(codes.hierarchy, text)) offer(999, strength, shown);
  for (const length of codes.prefixes.size > 0 ? [1, 2, 3] : []) {
    if (length > text.length) break;
    for (const { prefix, strength, shown } of codes.prefixes.get(text.slice(0, length)) ?? []) {
      if (text.startsWith(prefix)) offer(prefix.length, strength, shown);
    }
  }
  const found = [...best.values()].flatMap(({ strength, shown }) => (wanted.has(strength) ? shown : []));
  return found.length === 0 ? nothing : found;
}

/** Of the rows on what is above a code, and for each topic, those that have no other below them. */
function nearest(hierarchy: Hierarchy<Row>, text: string): readonly Row[] {
  const above = hierarchy.rowsAbove(text);
  return above
    .filter(({ of, row }) =>
      above.every(
        (other) => familyOf(other.row.shown.topic) !== familyOf(row.shown.topic) || !hierarchy.isBelow(other.of, of),
      ),
    )
    .map(({ row }) => row);
}

/** Rows of one category compete with each other: the substance class is one. */
function familyOf(topic: string): string {
  return topic === 'ETHUD' || topic === 'OPIOIDUD' || topic === 'SUD' ? 'SUD' : topic;
}
