/**
 * Puts the gateway's own evaluation of search criteria to the test of a real server: searches are made up from the data
 * themselves, sent upstream as they stand, and what they find is compared with what the criteria match here.
 */
import { comparisonUnder } from '../../src/plan/context.ts';
import { escapeValue } from '../../src/plan/escape.ts';
import { type Found, found, isObject, items, text } from '../../src/plan/matching/extract.ts';
import { keyOf } from '../../src/plan/matching/reference.ts';
import type { PlanSettings, SearchPlan } from '../../src/plan/plan.ts';
import { planFor } from '../../src/plan/plan.ts';
import { parametersOf, type SearchParameter } from '../../src/plan/registry.ts';
import { requestOf, settings } from './requests.ts';

export type Resource = Readonly<Record<string, unknown>> & { readonly resourceType: string; readonly id: string };

/** One search on which the server and the gateway did not agree. */
export interface Difference {
  readonly search: string;
  readonly onlyUpstream: readonly string[];
  readonly onlyHere: readonly string[];
  /** Status of an answer that was no searchset. */
  readonly status?: number;
}

/**
 * @param baseUrl FHIR base of a server that holds the resources, without trailing slash
 * @param resources by type, as the server gives them back (with its ids, references and meta)
 * @param count searches to make
 * @param seed same seed, same searches
 */
export async function differences(
  baseUrl: string,
  resources: ReadonlyMap<string, readonly Resource[]>,
  count: number,
  seed: number,
): Promise<readonly Difference[]> {
  const under = { ...settings, publicBase: baseUrl, otherBases: [] };
  const random = generator(seed);
  const different: Difference[] = [];
  for (let made = 0; made < count; ) {
    const search = makeSearch(resources, random, under);
    if (search === undefined) continue;
    made++;
    const difference = await compare(baseUrl, search, resources.get(search.type) ?? []);
    if (difference !== undefined) different.push(difference);
  }
  return different;
}

async function compare(
  baseUrl: string,
  search: SearchPlan,
  resources: readonly Resource[],
): Promise<Difference | undefined> {
  const criteria = [...search.forwarded, ...search.local];
  const form = new URLSearchParams(criteria.map(({ forward: [name, value] }) => [name, value]));
  // What is never sent only has to be right here; a server need not know it.
  const sentOnly = search.local.length === 0;
  const name = `${search.type}?${criteria.map(({ forward }) => forward.join('=')).join('&')}`;
  const answer = await everyId(baseUrl, search.type, form);
  if (typeof answer === 'number' && !sentOnly) return undefined;
  if (typeof answer === 'number') return { search: name, onlyUpstream: [], onlyHere: [], status: answer };
  const here = resources.filter((one) => criteria.every((criterion) => criterion.matches(one))).map(({ id }) => id);
  const known = new Set(resources.map(({ id }) => id));
  const onlyUpstream = [...answer].filter((id) => known.has(id) && !here.includes(id));
  const onlyHere = here.filter((id) => !answer.has(id));
  return onlyUpstream.length + onlyHere.length === 0 ? undefined : { search: name, onlyUpstream, onlyHere };
}

interface Page {
  readonly link?: readonly { readonly relation: string; readonly url: string }[];
  readonly entry?: readonly { readonly resource: { readonly id: string } }[];
}

/** Ids of all pages; the status when one of them is not given. */
async function everyId(baseUrl: string, type: string, form: URLSearchParams): Promise<ReadonlySet<string> | number> {
  form.append('_count', '1000');
  const ids = new Set<string>();
  let answer = await fetch(`${baseUrl}/${type}/_search`, {
    method: 'POST',
    body: form,
    headers: { accept: 'application/fhir+json', 'cache-control': 'no-cache' },
  });
  for (;;) {
    if (answer.status !== 200) return answer.status;
    const page = (await answer.json()) as Page;
    for (const { resource } of page.entry ?? []) ids.add(resource.id);
    const next = page.link?.find(({ relation }) => relation === 'next')?.url;
    if (next === undefined) return ids;
    answer = await fetch(next, { headers: { accept: 'application/fhir+json' } });
  }
}

type Random = () => number;

/** Mulberry32: numbers in [0, 1). */
function generator(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function pick<T>(random: Random, list: readonly T[]): T | undefined {
  return list[Math.floor(random() * list.length)];
}

function makeSearch(
  resources: ReadonlyMap<string, readonly Resource[]>,
  random: Random,
  under: PlanSettings,
): SearchPlan | undefined {
  const type = pick(random, [...resources.keys()].toSorted());
  const all = type === undefined ? undefined : resources.get(type);
  if (type === undefined || all === undefined || all.length === 0) return undefined;
  const conditions = Array.from({ length: random() < 0.25 ? 2 : 1 }, () => makeCondition(type, all, random, under));
  const form = conditions.filter((condition) => condition !== undefined);
  if (form.length === 0) return undefined;
  const plan = planFor({ ...requestOf(`${type}/_search`), method: 'POST', form }, under);
  return plan.outcome === 'search' ? plan : undefined;
}

function makeCondition(
  type: string,
  all: readonly Resource[],
  random: Random,
  under: PlanSettings,
): readonly [string, string] | undefined {
  const parameter = pick(random, parametersOf(type));
  if (parameter === undefined || parameter.local) return undefined;
  if (random() < 0.08 && isIndexed(parameter) && parameter.form === 'value') {
    return [`${parameter.name}:missing`, random() < 0.5 ? 'true' : 'false'];
  }
  const values = all.flatMap((resource) => found(parameter, resource));
  const modifier = pick(random, modifiers(parameter));
  const listed = random() < 0.2 && lists.has(parameter.kind);
  const taken = Array.from({ length: listed ? 2 : 1 }, () => pick(random, values));
  const list = taken.flatMap((value) =>
    value === undefined ? [] : written(value, parameter, modifier, random, under),
  );
  if (list.length === 0) return undefined;
  return [modifier === undefined ? parameter.name : `${parameter.name}:${modifier}`, list.join(',')];
}

/** Kinds whose lists are sent; the others' are evaluated here, for servers do not agree on them. */
const lists: ReadonlySet<string> = new Set<SearchParameter['kind']>(['token', 'string', 'reference', 'uri']);

/** Whether servers answer `:missing` by the element: not for what they keep apart, nor for references within a resource. */
function isIndexed({ name, kind }: SearchParameter): boolean {
  return !name.startsWith('_') && kind !== 'reference';
}

function modifiers({ name, kind, targets }: SearchParameter): readonly (string | undefined)[] {
  switch (kind) {
    case 'token':
      return name === '_id' ? [undefined] : [undefined, undefined, undefined, 'not'];
    case 'string':
      return [undefined, undefined, 'exact', 'contains'];
    case 'reference':
      return [undefined, undefined, undefined, 'identifier', ...targets];
    default:
      return [undefined];
  }
}

/** Search values that this element gives rise to; [] when it gives none. */
function written(
  value: Found,
  parameter: SearchParameter,
  modifier: string | undefined,
  random: Random,
  under: PlanSettings,
): readonly string[] {
  switch (parameter.kind) {
    case 'token':
      return tokenOf(value, random);
    case 'string':
      return stringOf(value, modifier, random);
    case 'reference':
      return referenceOf(value, modifier, random, under);
    case 'date':
      return dateOf(value, random);
    case 'number':
      return typeof value.value === 'number' ? [prefix(random, '') + rounded(value.value, random)] : [];
    case 'quantity':
      return quantityOf(value, random);
    case 'uri':
      return typeof value.value === 'string' ? [escapeValue(value.value)] : [];
    default:
      return parameter.kind satisfies never;
  }
}

function tokenOf({ datatype, value }: Found, random: Random): readonly string[] {
  if (!isObject(value)) return [escapeValue(String(value))];
  const coding = datatype === 'CodeableConcept' ? pick(random, items(value, 'coding')) : value;
  const system = text(coding, 'system');
  const code = text(coding, datatype === 'Identifier' || datatype === 'ContactPoint' ? 'value' : 'code');
  if (code === undefined) return [];
  if (datatype === 'ContactPoint' || random() < 0.5) return [escapeValue(code)];
  return [`${escapeValue(system ?? '')}|${system !== undefined && random() < 0.2 ? '' : escapeValue(code)}`];
}

function stringOf({ value }: Found, modifier: string | undefined, random: Random): readonly string[] {
  const strings = isObject(value) ? Object.values(value).flat() : [value];
  const whole = pick(
    random,
    strings.filter((one): one is string => typeof one === 'string'),
  );
  if (whole === undefined || modifier === 'exact') return whole === undefined ? [] : [escapeValue(whole)];
  const start = modifier === 'contains' ? Math.floor(random() * whole.length) : 0;
  const part = whole.slice(start, start + 1 + Math.floor(random() * 12)).trim();
  return [escapeValue(random() < 0.5 ? part.toLowerCase() : part)];
}

function referenceOf(
  value: Found,
  modifier: string | undefined,
  random: Random,
  under: PlanSettings,
): readonly string[] {
  if (modifier === 'identifier')
    return items(value.value, 'identifier').flatMap((one) => tokenOf({ datatype: 'Identifier', value: one }, random));
  const key = keyOf(value, comparisonUnder(under));
  if (key === undefined) return [];
  const id = key.slice(key.indexOf('/') + 1);
  return [modifier !== undefined || random() < 0.4 ? id : random() < 0.2 ? `${under.publicBase}/${key}` : key];
}

function dateOf({ value }: Found, random: Random): readonly string[] {
  const dates = isObject(value) ? [text(value, 'start'), text(value, 'end')] : [value];
  const whole = pick(
    random,
    dates.filter((one): one is string => typeof one === 'string'),
  );
  if (whole === undefined) return [];
  const cut = pick(random, [4, 7, 10, whole.length]) ?? 4;
  return [prefix(random, 'sa eb') + whole.slice(0, Math.min(cut, whole.length))];
}

function quantityOf({ datatype, value }: Found, random: Random): readonly string[] {
  if (!isObject(value) || typeof value.value !== 'number') return [];
  const number = prefix(random, '') + rounded(value.value, random);
  const system = datatype === 'Money' ? 'urn:iso:std:iso:4217' : text(value, 'system');
  const code = text(value, datatype === 'Money' ? 'currency' : 'code');
  if (code === undefined || random() < 0.4) return [number];
  return [`${number}|${random() < 0.5 ? '' : escapeValue(system ?? '')}|${escapeValue(code)}`];
}

function rounded(value: number, random: Random): string {
  return random() < 0.5 ? value.toFixed(Math.floor(random() * 4)) : plain(value);
}

function plain(value: number): string {
  const shown = String(value);
  return shown.includes('e') ? value.toFixed(10) : shown;
}

function prefix(random: Random, more: string): string {
  return pick(random, ['', '', '', 'eq', 'ne', 'gt', 'lt', 'ge', 'le', ...more.split(' ')]) ?? '';
}
