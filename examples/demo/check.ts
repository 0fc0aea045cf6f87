import type { Found } from './ask.ts';
import { type ExactObject, writeExact } from './embedded/exact.ts';
import type { Expected, ExpectedAnswer } from './expected.ts';

/** Everything that one answer has otherwise than expected; empty when it is as stated. */
export function differencesOf(
  found: Found,
  expected: ExpectedAnswer,
  upstream: Found,
  forbidden: readonly string[],
): string[] {
  if (expected.refused !== undefined) {
    return found.status === expected.refused ? [] : [`status ${found.status}, not ${expected.refused}`];
  }
  if (found.status !== 200) return [`status ${found.status}`];
  const missing = expected.ids.filter((id) => !found.ids.includes(id));
  const surplus = found.ids.filter((id) => !expected.ids.includes(id));
  const repeated = found.ids.filter((id, index) => found.ids.indexOf(id) !== index);
  return [
    ...(missing.length === 0 ? [] : [`lacks ${missing.join(', ')}`]),
    ...(surplus.length === 0 ? [] : [`has ${surplus.join(', ')} too`]),
    ...(repeated.length === 0 ? [] : [`repeats ${repeated.join(', ')}`]),
    ...(found.total === undefined || found.total === String(expected.ids.length) ? [] : [`total ${found.total}`]),
    ...forbidden.filter((id) => mentions(found.text, id)).map((id) => `hints at ${id}`),
    ...found.resources.flatMap((resource) => changedNumbers(resource, upstream)),
  ];
}

/** Whether a text refers to an id: `.../id`, `"id"`, followed by a quote, a slash or a hash. */
function mentions(text: string, id: string): boolean {
  return new RegExp(`[/"]${id}["/#]`).test(text);
}

/** Every number that is released stands in the upstream's resource as it was written. */
function changedNumbers(resource: ExactObject, upstream: Found): string[] {
  const original = upstream.resources.find(({ id }) => id === resource.id);
  if (original === undefined) return [];
  const known = new Set(numbersOf(original));
  return numbersOf(resource)
    .filter((number) => !known.has(number))
    .map((number) => `${resource.id} has the number ${number}, which upstream has not`);
}

function numbersOf(resource: ExactObject): string[] {
  return writeExact(resource).match(/(?<=:|,|\[)-?\d+(\.\d+)?([eE][+-]?\d+)?(?=[,}\]])/g) ?? [];
}

/** A cleared requester's resource is the upstream's, digit for digit, but for its version. */
export function isExact(resource: ExactObject, upstream: Found): boolean {
  const original = upstream.resources.find(({ id }) => id === resource.id);
  return original !== undefined && withoutVersion(original) === withoutVersion(resource);
}

function withoutVersion(resource: ExactObject): string {
  return writeExact(resource).replace(/"versionId":"[^"]*"/, '""');
}

/**
 * What a requester may not even see named: everything that the searches show upstream and that no search gives her, but
 * for what only its kind keeps from her.
 */
export function forbiddenFor(requester: string, expected: Expected): string[] {
  const all = new Set(expected.searches.flatMap(({ upstream }) => upstream));
  for (const { answers } of expected.searches) {
    for (const { to, ids } of answers) if (to.includes(requester)) for (const id of ids) all.delete(id);
  }
  for (const id of expected.mayRefer[requester] ?? []) all.delete(id);
  return [...all];
}
