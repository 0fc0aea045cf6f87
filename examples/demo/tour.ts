import { randomUUID } from 'node:crypto';
import { type Found, search } from './ask.ts';
import { differencesOf, forbiddenFor, isExact } from './check.ts';
import { type ExpectedSearch, readExpected } from './expected.ts';
import { requesters } from './requesters.ts';
import { table, wrap } from './table.ts';
import { type Recorded, recordOf } from './trail.ts';
import type { World } from './world.ts';

/** Columns of the tables, in the order of the requesters. */
const heads: Readonly<Record<string, string>> = {
  'dr-grey': 'Grey',
  'sam-nwosu': 'Nwosu',
  'front-desk': 'desk',
  'cy-guardian': 'guardian',
};

/** Requesters who are cleared for what they receive: it must be the upstream's, digit for digit. */
const cleared = new Set(['steward', 'ada']);
/** About nobody in particular, so that only the steward is cleared for them. */
const aboutNobody = new Set<unknown>(['Provenance']);

/**
 * Runs every search of `expected.yaml` as every requester, shows who got what and why, and compares.
 * @returns what was not as stated
 */
export async function tour(world: World, print: (text: string) => void): Promise<string[]> {
  const expected = readExpected();
  const forbidden = new Map(requesters.map(({ id }) => [id, forbiddenFor(id, expected)]));
  const differences: string[] = [];
  let answers = 0;
  let shown: Recorded | undefined;
  for (const [index, wanted] of expected.searches.entries()) {
    print(`\n${index + 1}. GET ${wanted.request}\n`);
    const upstream = await search(`${world.upstreamUrl}/${wanted.request.replace(/&_count=\d+/, '')}`, {});
    const lines: string[] = [];
    const columns = new Map<string, Found>();
    if (!sameIds(upstream.ids, wanted.upstream)) lines.push(`upstream has ${upstream.ids.join(', ')}`);
    for (const { id: requester } of requesters) {
      const answer = wanted.answers.find(({ to }) => to.includes(requester));
      if (answer === undefined) {
        lines.push(`expected.yaml does not say what ${requester} gets`);
        continue;
      }
      const requestId = randomUUID();
      const found = await search(`${world.gatewayUrl}/${wanted.request}`, {
        authorization: `Bearer ${world.tokens.get(requester)}`,
        'x-request-id': requestId,
      });
      columns.set(requester, found);
      answers += 1;
      const wrong = differencesOf(found, answer, upstream, forbidden.get(requester) ?? []);
      if (cleared.has(requester)) wrong.push(...inexact(requester, found, upstream));
      const record = found.status === 200 ? await recordOf(world.audit, requestId, found.ids) : undefined;
      if (found.status === 200) wrong.push(...recordDifferences(record, found, answer.consents));
      if (requester === 'harbor' && found.ids.length > 0) shown ??= record;
      lines.push(...wrong.map((line) => `${requester}: ${line}`));
    }
    print(matrix(wanted, columns));
    print(explanation(wanted));
    for (const line of lines) print(`   ✗ ${line}`);
    differences.push(...lines.map((line) => `${wanted.request}: ${line}`));
  }
  differences.push(...(await hiddenReads(world, expected.hidden, print)));
  if (shown !== undefined)
    print(`\nOne record, as the audit repository has it:\n\n${JSON.stringify(shown.events[0], null, 2)}`);
  print(`\n${answers} answers to ${requesters.length} requesters; ${differences.length} not as stated.`);
  for (const difference of differences) print(`✗ ${difference}`);
  return differences;
}

function sameIds(found: readonly string[], wanted: readonly string[]): boolean {
  return [...found].sort().join() === [...wanted].sort().join();
}

function inexact(requester: string, found: Found, upstream: Found): string[] {
  return found.resources
    .filter(({ resourceType }) => requester === 'steward' || !aboutNobody.has(resourceType))
    .filter((resource) => !isExact(resource, upstream))
    .map(({ id }) => `${id} is not the upstream’s, digit for digit`);
}

/** The record must list exactly what left, and name the Consents that decided. */
function recordDifferences(record: Recorded | undefined, found: Found, consents: readonly string[]): string[] {
  if (record === undefined) return ['no AuditEvent'];
  const listed = [...record.resources.keys()].map((key) => key.split('/')[1] ?? '');
  const unlisted = found.ids.filter((id) => !listed.includes(id));
  const unnamed = consents.filter((id) => !record.consents.includes(id));
  return [
    ...unlisted.map((id) => `the AuditEvent does not list ${id}`),
    ...unnamed.map((id) => `the AuditEvent does not name Consent/${id}`),
  ];
}

function matrix({ upstream }: ExpectedSearch, columns: ReadonlyMap<string, Found>): string {
  const names = requesters.map(({ id }) => id);
  const ids = [...new Set([...upstream, ...[...columns.values()].flatMap((found) => found.ids)])];
  const cell = (id: string, found: Found | undefined) =>
    found?.status === 403 ? 'refused' : found?.ids.includes(id) === true ? '●' : '·';
  const rows = ids.map((id) => [
    `   ${id}`,
    upstream.includes(id) ? '●' : '·',
    ...names.map((name) => cell(id, columns.get(name))),
  ]);
  return table(['   ', 'upstream', ...names.map((name) => heads[name] ?? name)], rows);
}

function explanation({ answers }: ExpectedSearch): string {
  return answers.map(({ to, because }) => wrap(`${to.join(', ')}: ${because}`, '   ')).join('\n');
}

/** A hidden id and one that never was must be answered alike, byte for byte. */
async function hiddenReads(
  world: World,
  hidden: readonly { read: string; to: readonly string[]; because: string }[],
  print: (text: string) => void,
): Promise<string[]> {
  const differences: string[] = [];
  print('\nReads of what is hidden\n');
  for (const { read, to, because } of hidden) {
    for (const requester of to) {
      const [secret, absent] = await Promise.all(
        [read, `${read.split('/')[0]}/${randomUUID()}`].map(async (path) => {
          const headers = { authorization: `Bearer ${world.tokens.get(requester)}` };
          const answer = await fetch(`${world.gatewayUrl}/${path}`, { headers });
          return `${answer.status} ${await answer.text()}`;
        }),
      );
      const alike = secret === absent && secret?.startsWith('404 ') === true;
      print(`   ${read} by ${requester}: ${alike ? '404, like an id that never was' : secret} (${because})`);
      if (!alike) differences.push(`${read} by ${requester}: not answered like an id that never was`);
    }
  }
  return differences;
}
