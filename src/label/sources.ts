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
  // That a directory entry belongs to a program makes no record of it: only of an entry itself can be asked whose it is.
  const isEntry = isDirectory(start);
  const named = (one: Traced): readonly string[] =>
    isDirectory(one) && !isEntry ? none : programsIn(one.reading.facts.labelInputs);
  /** A product is nobody's record: what it tells, whatever is about it says. */
  const isProduct = (one: Traced): boolean => isDirectory(one) && isNobodys(one.reading.facts);
  const says = (one: Traced): boolean =>
    (one === start ? isPart2(own) : !isProduct(one) && isPart2(one.own)) ||
    parents(one).some((parent) => isProduct(parent) && isPart2(parent.labels));
  // What it was made in is among its parents, and so are the programs of that.
  const stated = new Set<Traced>();
  const isStated = (one: Traced): boolean => {
    const isOf = reached(one, madeIn, (inner) => stated.has(inner) || named(inner).length > 0);
    if (isOf) stated.add(one);
    return isOf;
  };

  const sources = new Set<string>();
  reached(start, parents, (one) => {
    for (const program of named(one)) sources.add(program);
    if (!sources.has(unstated) && says(one) && !isStated(one)) sources.add(unstated);
    return false;
  });
  return [...sources].sort();
}

function isDirectory({ reading }: Traced): boolean {
  return directoryTypes.has(reading.facts.type);
}

/** Whether this holds of the resource itself or of something that is reached from it: each is asked once, until one says so. */
function reached(from: Traced, next: (one: Traced) => readonly Traced[], holds: (one: Traced) => boolean): boolean {
  const found = new Set([from]);
  for (const one of found) {
    if (holds(one)) return true;
    for (const further of next(one)) found.add(further); // a Set is walked to what is added meanwhile
  }
  return false;
}
