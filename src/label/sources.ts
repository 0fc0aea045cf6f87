import type { ResourceKey } from '../fhir/ids.ts';
import { isNobodys } from './facts.ts';
import type { LabelInputs, Labels } from './labels.ts';
import type { Reading } from './read.ts';
import { directoryTypes, isMadeIn } from './roles.ts';

/** Stands among sources for a program that nobody can name: something is 42 CFR Part 2 data and does not say whose. */
export const unstated = 'unstated';

/** A resource as far as it tells whose records it holds. */
export interface Traced {
  readonly reading: Reading;
  /** Labels that it has by itself. */
  readonly own: Labels;
  /** With those that it inherits. */
  readonly labels: Labels;
  /** Of a version: what came after it, whose labels cover it. */
  readonly later?: Traced;
}

/** What a deployment says of its programs. */
export interface ProgramNames {
  /** Whether something with these labels is 42 CFR Part 2 data here. */
  isPart2(labels: Labels): boolean;
  /** The Part 2 programs that a resource names, each by its first configured name. */
  programsIn(inputs: LabelInputs): readonly string[];
}

const none: readonly never[] = [];

/**
 * Whose records a resource holds, so that each of them can be asked (42 CFR 2.12(c)(3) and (4) speak of a program's own):
 * the programs that it names, those of everything whose labels it inherits, and `unstated` where something is Part 2 data
 * and names none. What names none is of the program in whose encounter, episode or larger act it was made. Sorted; a cycle
 * ends like any other. Pure.
 * @param own the labels that it, or an element of it, bears by itself
 * @param at a resource by its key, as far as it was read
 */
export function sourcesOf(
  start: Traced,
  own: Labels,
  at: (key: ResourceKey) => Traced | undefined,
  { isPart2, programsIn }: ProgramNames,
): readonly string[] {
  const known = (keys: readonly ResourceKey[]): readonly Traced[] => keys.flatMap((key) => at(key) ?? none);
  const parents = ({ reading, later }: Traced): readonly Traced[] => [
    ...known(reading.parents),
    ...(later === undefined ? none : [later]),
  ];
  const madeIn = ({ reading: { sites } }: Traced): readonly Traced[] =>
    known(sites.flatMap(({ key, name }) => (key !== undefined && isMadeIn(name) ? key : none)));
  // That a directory entry belongs to a program makes it nobody's record.
  const named = ({ reading: { facts } }: Traced): readonly string[] =>
    directoryTypes.has(facts.type) ? none : programsIn(facts.labelInputs);
  /** A product is nobody's record: what it tells, whatever is about it says. */
  const says = (one: Traced): boolean =>
    (one === start ? isPart2(own) : !isNobodys(one.reading.facts) && isPart2(one.own)) ||
    parents(one).some((parent) => isNobodys(parent.reading.facts) && isPart2(parent.labels));

  const sources = new Set<string>();
  for (const one of reached(start, parents)) {
    for (const program of named(one)) sources.add(program);
    // What it was made in is among its parents, and so are the programs of that.
    if (says(one) && ![...reached(one, madeIn)].some((inner) => named(inner).length > 0)) sources.add(unstated);
  }
  return [...sources].sort();
}

/** The resource itself and all that is reached from it. */
function reached(from: Traced, next: (one: Traced) => readonly Traced[]): ReadonlySet<Traced> {
  const found = new Set([from]);
  for (const one of found) for (const further of next(one)) found.add(further); // a Set is walked to what is added meanwhile
  return found;
}
