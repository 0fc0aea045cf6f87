import { fileURLToPath } from 'node:url';
import type { Requester } from '../../src/authenticate/requester.ts';
import vocabulary from '../../src/fhir/generated/vocabulary.json' with { type: 'json' };
import { isKnownPurpose, isSensitivity } from '../../src/fhir/vocabulary.ts';
import { servedTypes } from '../../src/plan/served.ts';
import { type Asker, createPolicy, type Policy } from '../../src/policy/policy.ts';
import { readPolicySet } from '../../src/policy/policy-set.ts';

export const shipped = readPolicySet({ set: 'us-part2', rememberedAnswers: 1_000 });
/** Every role that any policy names. */
export const roles = named('Role');
export const purposes = Object.keys(vocabulary.purpose).filter(
  (code) => isKnownPurpose(code) && code !== 'PurposeOfUse',
);
export const topics = [
  ...new Set(['42CFRPart2', 'SUDCN', ...Object.keys(vocabulary.sensitivity).filter(isSensitivity)]),
];
const interactions = ['read', 'vread', 'history-instance', 'search-type'];
const levels = ['U', 'L', 'M', 'N', 'R', 'V'];

/**
 * The code in whose place another may be asked about: itself when a policy names it, else the first one that none names.
 * Policies compare codes with those that they write out, so they cannot tell the others apart.
 */
export function standIn(code: string, codes: readonly string[]): string {
  return isWritten(code) ? code : (codes.find((other) => !isWritten(other)) ?? code);
}

function isWritten(code: string): boolean {
  return shipped.files.some(({ text }) => text.includes(`"${code}"`));
}

/** What the policies name by `Kind::"..."` and the like, each once. */
export function named(entity: 'Role' | 'Kind' | 'Topic'): readonly string[] {
  const text = shipped.files.map((file) => file.text).join('\n');
  return [...new Set([...text.matchAll(new RegExp(`${entity}::"([^"]+)"`, 'g'))].map(([, name]) => name ?? ''))];
}

export function asker(
  roleNames: readonly string[],
  purposeCodes: readonly string[],
  change: Partial<Requester> = {},
): Asker {
  const requester: Requester = {
    issuer: 'https://issuer.example',
    subject: 'someone',
    clientId: 'client',
    tokenId: 'urn:ietf:params:oauth:jti:1',
    tokenHash: 'hash',
    expiresAt: 0,
    clientKind: 'app',
    scopes: [],
    identities: [],
    organizations: [],
    roles: roleNames,
    roleCodes: [],
    purposes: purposeCodes.map((code) => ({ code, assigned: false })),
    amr: [],
    ...change,
  };
  return { requester, purposes: purposeCodes, purposeAssigned: false };
}

/** All that the shipped policies answer, for reading: by role and kind, by role, purpose and topic, by role and label. */
export function tables(policy: Policy): string {
  return `${[intro, kindsTable(policy), topicsTable(policy), labelsTable(policy), emergencyTable(policy), everythingTable(policy)].join('\n\n')}\n`;
}

const intro = `# The policy set us-part2: who may ask, receive and know what

This is what the shipped role rules (\`src/policy/us-part2/\`) answer, written out for those who answer for them. It is
printed from the rules themselves (\`node test/policy/tables.ts > docs/policy-us-part2.md\`) and a test compares the two, so
that no rule changes without this page. The rules come before and beside Consents: whatever they let through is still
subject to the patient's Consents, to security labels and to 42 CFR Part 2, as
[the eight steps](how-a-decision-is-made.md) tell. A requester without any of these roles is refused everything.`;

function kindsTable(policy: Policy): string {
  const cell = (role: string, type: string): string => {
    const one = asker([role], ['TREAT']);
    const asked = interactions.filter((interaction) => policy.permitsRequest(one, interaction, type).allowed);
    const received = policy.permitsKind(one, type).allowed;
    if (asked.length === interactions.length && received) return 'yes';
    return [...asked, ...(received ? ['receive'] : [])].join(', ') || '-';
  };
  const rows = grouped(servedTypes(), (type) => roles.map((role) => cell(role, type)));
  return [
    '## Kinds of resources by role',
    '',
    'yes: may read, read versions and history of, search, and receive as part of another answer, whatever the purpose.',
    '',
    table(
      ['Resources', ...roles],
      rows.map(([types, cells]) => [types.join(', '), ...cells]),
    ),
  ].join('\n');
}

function topicsTable(policy: Policy): string {
  const known = (role: string, of: readonly string[]): readonly string[] =>
    topics.filter((topic) => policy.clears(asker([role], of), standIn(topic, topics)).allowed);
  const rows = roles.flatMap((role) =>
    grouped(purposes, (purpose) => known(role, [standIn(purpose, purposes)])).map(([some, cells]) => [
      role,
      some.length === purposes.length ? 'any' : some.join(', '),
      cells.join(', ') || '-',
    ]),
  );
  const none = roles.filter((role) => known(role, []).length > 0);
  return [
    '## Sensitive topics by role and purpose, without a Consent',
    '',
    'A topic that is not listed is known to that role for that purpose by a Consent alone. A request with several purposes knows',
    `what every one of them knows. Without a stated purpose, these roles know any topic: ${none.join(', ') || 'none'}. 42CFRPart2 and the`,
    'substance-use topics count only for records whose source is the requester’s own program (42 CFR 2.12(c)(3)).',
    '',
    table(['Role', 'Purpose', 'Topics'], rows),
  ].join('\n');
}

function labelsTable(policy: Policy): string {
  const rows = roles.map((role) => {
    const one = asker([role], ['TREAT']);
    const kinds = ['Observation', 'Encounter', 'Patient', '*'];
    const cut = [...levels, ...topics].filter((label) =>
      kinds.some((kind) => !policy.forbids(one, kind, [label]).allowed),
    );
    return [role, cut.join(', ') || '-'];
  });
  return [
    '## Labels that are never released to a role',
    '',
    'No Consent gives what stands here.',
    '',
    table(['Role', 'Labels'], rows),
  ].join('\n');
}

function emergencyTable(policy: Policy): string {
  const who = (what: 'hidden' | 'denied' | 'notes'): string =>
    roles
      .filter((role) => policy.breaksGlass({ ...asker([role], ['BTG']), emergency: { purpose: 'BTG' } }, what).allowed)
      .join(', ') || 'nobody';
  return [
    '## Emergencies',
    '',
    'In an emergency that is accepted, for one patient, this is added to what treatment would see.',
    '',
    table(
      ['What', 'Roles'],
      [
        ['what no Consent opens, and none denies', who('hidden')],
        ['what a Consent denies', who('denied')],
        ['SUD counseling notes and psychotherapy notes', who('notes')],
      ],
    ),
  ].join('\n');
}

function everythingTable(policy: Policy): string {
  const cleared = roles.filter((role) => policy.unrestricted(asker([role], ['TREAT'])));
  return [
    '## Cleared for the whole record',
    '',
    `No Consent and no label takes anything away from: ${cleared.join(', ') || 'nobody'}.`,
  ].join('\n');
}

/** Names with the same cells, together, in their order. */
function grouped(
  names: readonly string[],
  cellsOf: (name: string) => readonly string[],
): [string[], readonly string[]][] {
  const groups = new Map<string, [string[], readonly string[]]>();
  for (const name of names) {
    const cells = cellsOf(name);
    const group = groups.get(JSON.stringify(cells)) ?? [[], cells];
    groups.set(JSON.stringify(cells), group);
    group[0].push(name);
  }
  return [...groups.values()];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.stdout.write(tables(createPolicy(shipped, 50_000)));
