import { z } from 'zod';
import type { Labelling } from '../discover/visibility.ts';
import type { Content } from '../document/content.ts';
import { GatewayError } from '../errors/errors.ts';
import type { LabelOrigin, Labels } from '../label/labels.ts';
import { type Reading, type ReadSettings, readResource } from '../label/read.ts';
import { type Errand, pagesOf, type Upstream } from '../upstream/upstream.ts';
import { shownBy } from './support.ts';

/** A label that a resource gains or loses, and what shows or showed it. */
const change = z.strictObject({
  label: z.string(),
  by: z.string(),
  rule: z.string(),
  /** The resource states it itself before and after: it is labelled so all the same. */
  stated: z.boolean(),
});
const counted = z.strictObject({
  label: z.string(),
  by: z.string(),
  rule: z.string(),
  resources: z.int(),
  /** How many of them state it themselves. */
  stated: z.int(),
});

/** What other tables would change. No content: keys, labels and rules. */
export const comparison = z.strictObject({
  /** By type, as far as there was something to read. */
  sample: z.record(
    z.string(),
    z.strictObject({
      read: z.int(),
      changed: z.int(),
      /** Nothing more of the type is there. */
      whole: z.boolean(),
    }),
  ),
  gained: z.array(counted),
  lost: z.array(counted),
  resources: z.array(z.strictObject({ resource: z.string(), gained: z.array(change), lost: z.array(change) })),
  /** Types that the server does not search. */
  notSearched: z.array(z.string()),
});
export type Comparison = z.infer<typeof comparison>;
type Change = z.infer<typeof change>;

export interface CompareParts {
  readonly upstream: Pick<Upstream, 'search'>;
  readonly before: Labelling;
  readonly after: Labelling;
  readonly readSettings: ReadSettings;
  readonly errand: Errand;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly sleep: (milliseconds: number) => Promise<void>;
}

export interface CompareOptions {
  readonly types: readonly string[];
  /** Resources of each type at most, the newest. */
  readonly perType: number;
  /** Resources read in a second at most. */
  readonly perSecond: number;
}

const pageSize = 100;

/** What two ways of labelling make of the same versions of the same resources, by themselves. Nothing is written. */
export async function compareLabels(
  { types, perType, perSecond }: CompareOptions,
  parts: CompareParts,
): Promise<Comparison> {
  const sample: Comparison['sample'] = {};
  const resources: Comparison['resources'] = [];
  const notSearched: string[] = [];
  for (const type of types) {
    try {
      const of = { read: 0, changed: 0, whole: true };
      for await (const contents of newest(type, perType, perSecond, of, parts))
        for (const content of contents) {
          const compared = compare(content, parts);
          if (compared === undefined) continue;
          of.changed++;
          resources.push(compared);
        }
      if (of.read > 0) sample[type] = of;
    } catch (error) {
      if (!(error instanceof GatewayError) || error.code !== 'upstream-invalid') throw error;
      notSearched.push(type); // a server need not have every type
    }
  }
  const gained = counts(resources.map((one) => one.gained));
  const lost = counts(resources.map((one) => one.lost));
  return { sample, gained, lost, resources, notSearched };
}

/** Resources of a type, a page at a time, no faster than wanted. */
async function* newest(
  type: string,
  perType: number,
  perSecond: number,
  of: { read: number; whole: boolean },
  { upstream, errand, now, sleep }: CompareParts,
): AsyncGenerator<readonly Content<'undecided'>[]> {
  const search = {
    type,
    parameters: [],
    sort: [{ parameter: '_lastUpdated', descending: true }],
    pageSize: Math.min(pageSize, perType),
  };
  let startedAt = now();
  for await (const { page } of pagesOf(upstream, search, undefined, errand)) {
    const contents = page.contents.slice(0, perType - of.read);
    of.read += contents.length;
    yield contents;
    await sleep(Math.max(0, (page.contents.length * 1_000) / perSecond - (now() - startedAt)));
    startedAt = now();
    if (of.read >= perType) {
      of.whole = contents.length === page.contents.length && page.next === undefined;
      return;
    }
  }
}

/** @returns undefined where nothing changes */
function compare(content: Content<'undecided'>, parts: CompareParts): Comparison['resources'][number] | undefined {
  const { reading } = content.examine((resource) => ({ reading: readResource(resource, parts.readSettings) }));
  if (reading === undefined) return undefined;
  const before = viewOf(reading, content, parts.before);
  const after = viewOf(reading, content, parts.after);
  const gained = changesFrom(after, before);
  const lost = changesFrom(before, after);
  return gained.length + lost.length === 0 ? undefined : { resource: reading.facts.key, gained, lost };
}

/** What one way of labelling makes of a resource: with what it states, and without. */
interface View {
  readonly whole: readonly LabelOrigin[];
  readonly shown: readonly LabelOrigin[];
}

function viewOf(reading: Reading, content: Content<'undecided'>, labelling: Labelling): View {
  return { whole: effective(labelling.own(reading, content)), shown: effective(shownBy(reading, content, labelling)) };
}

/** Topics, and the level that a label nobody knows gives; of the substance class the most specific of those stated. */
function effective({ topics, origins }: Labels): readonly LabelOrigin[] {
  return origins.filter(({ label, by }) => by === 'unknown-code' || topics.includes(label));
}

/** What one has and another has not, be it that it shows it or that it makes it of what is stated. */
function changesFrom(one: View, other: View): Change[] {
  const lacks = (origins: readonly LabelOrigin[], label: string): boolean =>
    origins.every((origin) => origin.label !== label);
  const shown = one.shown.filter(({ label }) => lacks(other.shown, label));
  const made = one.whole.filter(({ label }) => lacks(other.whole, label) && lacks(shown, label));
  return [...shown, ...made].map(({ label, by, rule }) => ({ label, by, rule, stated: !lacks(other.whole, label) }));
}

/** By label and rule, the most first. */
function counts(all: readonly (readonly Change[])[]): Comparison['gained'] {
  const groups = Map.groupBy(all.flat(), ({ label, by, rule }) => `${label} ${by} ${rule}`);
  return [...groups.values()]
    .flatMap((group) => {
      const [first] = group;
      if (first === undefined) return [];
      const { label, by, rule } = first;
      return { label, by, rule, resources: group.length, stated: group.filter((one) => one.stated).length };
    })
    .sort((a, b) => b.resources - a.resources);
}

/** The comparison, for reading: counts alone. */
export function comparisonText({ sample, gained, lost, notSearched }: Comparison): string {
  const types = Object.entries(sample);
  const sum = (of: 'read' | 'changed'): number => types.reduce((total, [, one]) => total + one[of], 0);
  return `${[
    'type: read, of these with other labels',
    ...types.map(
      ([type, { read, changed, whole }]) => `${type}: ${read}${whole ? '' : ' (there are more)'}, ${changed}`,
    ),
    `all: ${sum('read')}, ${sum('changed')}`,
    '',
    'labels gained, by what shows them:',
    ...linesOf(gained),
    '',
    'labels lost, by what showed them:',
    ...linesOf(lost),
    ...(notSearched.length === 0 ? [] : ['', `not searched by this server: ${notSearched.join(', ')}`]),
  ].join('\n')}\n`;
}

function linesOf(all: Comparison['gained']): readonly string[] {
  if (all.length === 0) return ['  none'];
  return all.map(
    ({ label, by, rule, resources, stated }) =>
      `  ${resources}  ${label} by ${by}, ${rule}${stated === 0 ? '' : ` (${stated} state it themselves)`}`,
  );
}
