import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { gatewayConfig } from '../../examples/demo/gateway-config.ts';
import { ConfigError } from '../../src/config/config.ts';
import { isKnownPurpose } from '../../src/fhir/vocabulary.ts';
import { servedTypes } from '../../src/plan/served.ts';
import { createPolicy } from '../../src/policy/policy.ts';
import { checkConfig, serve } from '../../src/serve.ts';
import { asker, named, purposes, roles, shipped, standIn, tables, topics } from './tables.ts';

const policy = createPolicy(shipped, 50_000);
const clears = (role: string, asked: readonly string[], topic: string) =>
  policy.clears(
    asker(
      [role],
      asked.map((code) => standIn(code, purposes)),
    ),
    standIn(topic, topics),
  ).allowed;
const asks = (role: string, type: string) => policy.permitsRequest(asker([role], ['TREAT']), 'read', type).allowed;

describe('the shipped set', () => {
  it('answers what docs/policy-us-part2.md says', () => {
    const written = readFileSync(new URL('../../docs/policy-us-part2.md', import.meta.url), 'utf8');
    expect(tables(policy)).toBe(written);
  });

  it('names only roles that are documented, types that are served, topics and purposes that exist', () => {
    expect([...roles].sort()).toEqual([
      'billing',
      'clinician',
      'counselor',
      'front-desk',
      'it',
      'patient',
      'proxy',
      'steward',
      'system-client',
      'vendor',
    ]);
    expect(named('Kind').filter((type) => !servedTypes().includes(type))).toEqual([]);
    expect(named('Topic').filter((topic) => !topics.includes(topic))).toEqual([]);
    const text = shipped.files.map((file) => file.text).join('\n');
    const lists = [...text.matchAll(/\[([^\]]*)\]\.containsAll\(principal\.purposes\)/g)].map(([, list]) => list ?? '');
    const used = lists.flatMap((list) => [...list.matchAll(/"([^"]+)"/g)].map(([, code]) => code ?? ''));
    expect(used.length).toBeGreaterThan(0);
    expect(used.filter((code) => !isKnownPurpose(code))).toEqual([]);
  });

  it('refuses everything to a requester without a role', () => {
    for (const type of servedTypes()) {
      expect(policy.permitsRequest(asker([], ['TREAT']), 'read', type).allowed).toBe(false);
      expect(policy.permitsKind(asker([], ['TREAT']), type).allowed).toBe(false);
    }
    for (const topic of topics) expect(policy.clears(asker([], ['TREAT']), topic).allowed).toBe(false);
    expect(policy.unrestricted(asker([], ['TREAT']))).toBe(false);
  });

  it.each(['Clinician', 'clinician ', 'admin', 'root', '__proto__', 'Role::"clinician"'])(
    'knows no role by another name: %j',
    (role) => {
      expect(asks(role, 'Observation')).toBe(false);
    },
  );

  it('clears nobody but the steward for everything, whatever else he is', () => {
    for (const role of roles) expect(policy.unrestricted(asker([role], ['TREAT']))).toBe(role === 'steward');
    expect(
      policy.unrestricted(
        asker(
          roles.filter((role) => role !== 'steward'),
          [...purposes],
        ),
      ),
    ).toBe(false);
  });

  it('clears nobody for counseling notes, psychotherapy notes, violence or abuse', () => {
    for (const topic of ['SUDCN', 'PSYTHPN', 'SDV', 'VIO', 'MST'])
      for (const role of roles) for (const purpose of purposes) expect(clears(role, [purpose], topic)).toBe(false);
  });

  it('clears for Part 2 records the counselor alone, and for treatment alone', () => {
    for (const topic of ['42CFRPart2', 'SUD', 'ETHUD', 'OPIOIDUD'])
      for (const role of roles)
        for (const purpose of purposes)
          expect(clears(role, [purpose], topic)).toBe(
            role === 'counselor' && ['TREAT', 'CAREMGT', 'COC'].includes(purpose),
          );
  });

  it('clears for no topic without a purpose, or where one of several purposes does not reach', () => {
    for (const topic of topics) {
      expect(clears('clinician', [], topic)).toBe(false);
      expect(clears('clinician', ['TREAT', 'HPAYMT'], topic)).toBe(false);
      expect(clears('counselor', ['TREAT', 'HRESCH'], topic)).toBe(false);
    }
    expect(clears('clinician', ['TREAT', 'CAREMGT'], 'HIV')).toBe(true);
  });

  it('never clears for an emergency, which this gateway does not accept', () => {
    for (const topic of topics)
      for (const role of roles)
        for (const purpose of ['ETREAT', 'BTG', 'ERTREAT']) expect(clears(role, [purpose], topic)).toBe(false);
  });

  it.each(['billing', 'front-desk', 'it', 'vendor'])('opens no clinical resource to %s', (role) => {
    for (const type of [
      'Observation',
      'Condition',
      'Encounter',
      'MedicationRequest',
      'DocumentReference',
      'Consent',
      'CareTeam',
      'Provenance',
    ])
      expect(asks(role, type)).toBe(false);
  });

  it('forbids notes to offices and anything restricted to technical roles, whatever other role they have', () => {
    const forbidden = (with_: readonly string[], labels: readonly string[]) =>
      !policy.forbids(asker(with_, ['TREAT']), 'Observation', labels).allowed;
    expect(forbidden(['billing'], ['N', 'SUDCN'])).toBe(true);
    expect(forbidden(['billing', 'clinician'], ['PSYTHPN', 'V'])).toBe(true);
    expect(forbidden(['it', 'clinician'], ['HIV', 'R'])).toBe(true);
    expect(forbidden(['it'], ['N'])).toBe(false);
    expect(forbidden(['clinician'], ['SUDCN', 'V'])).toBe(false); // left to a Consent
  });

  it('names the policies that decided', () => {
    expect(policy.clears(asker(['clinician'], ['TREAT']), 'HIV')).toEqual({
      allowed: true,
      policies: ['treating-clinicians-know'],
    });
    expect(policy.clears(asker(['billing'], ['HPAYMT']), 'HIV')).toEqual({ allowed: false, policies: [] });
    expect(policy.forbids(asker(['it'], ['TREAT']), 'Location', ['R'])).toEqual({
      allowed: false,
      policies: ['nothing-sensitive-for-technical-roles'],
    });
  });

  it('answers the same when it remembers as when it does not', () => {
    const forgetful = createPolicy(shipped, 1);
    const someone = fc.record({
      roles: fc.subarray([...roles], { maxLength: 3 }),
      purposes: fc.subarray(['TREAT', 'CAREMGT', 'HPAYMT', 'HRESCH'], { maxLength: 2 }),
      clientKind: fc.constantFrom('app' as const, 'system' as const),
    });
    fc.assert(
      fc.property(
        someone,
        fc.constantFrom('HIV', 'SUD', 'VIO'),
        fc.constantFrom('Patient', 'Observation'),
        (one, topic, type) => {
          const ask = (set: typeof policy) => {
            const who = asker(one.roles, one.purposes, { clientKind: one.clientKind });
            return [
              set.clears(who, topic),
              set.permitsKind(who, type),
              set.permitsRequest(who, 'read', type),
              set.forbids(who, type, [topic, 'R']),
              set.unrestricted(who),
            ];
          };
          expect(ask(policy)).toEqual(ask(forgetful));
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('policies that cannot be used stop the start and the check of the configuration, and the reason is told', () => {
  const folders: string[] = [];
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  });
  const folderWith = (files: Readonly<Record<string, string>>): string => {
    const folder = mkdtempSync(join(tmpdir(), 'policies-'));
    folders.push(folder);
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    return folder;
  };
  const start = async (directory: string): Promise<string> => {
    const folder = folderWith({});
    const place = {
      port: 0,
      publicBaseUrl: 'http://127.0.0.1:8090/fhir',
      upstreamUrl: 'http://127.0.0.1:9/fhir',
      paging: 'offset' as const,
      issuer: 'http://127.0.0.1:9',
      auditUrl: 'http://127.0.0.1:9/fhir',
      folder,
    };
    try {
      const gateway = await serve(gatewayConfig(place, { policy: { directory } }));
      await gateway.close();
      return 'started';
    } catch (error) {
      const told = reasonOf(error);
      expect(reasonOf(thrownBy(() => checkConfig(gatewayConfig(place, { policy: { directory } }))))).toBe(told);
      return told;
    }
  };
  const reasonOf = (error: unknown): string =>
    error instanceof ConfigError ? error.message : `another error: ${String(error)}`;
  const thrownBy = (check: () => void): unknown => {
    try {
      check();
      return undefined;
    } catch (error) {
      return error;
    }
  };
  const all = 'permit (principal, action, resource);';

  it.each([
    [
      'an unknown attribute',
      'permit (principal, action == Action::"know", resource) when { principal.shoeSize == "9" };',
      /mine#1|own\.cedar.*shoeSize/,
    ],
    [
      'an attribute that may be missing',
      'permit (principal, action == Action::"know", resource) when { principal.acr == "2" };',
      /acr/,
    ],
    [
      'an unknown context',
      'forbid (principal, action == Action::"know", resource) when { context.labels.contains("R") };',
      /labels/,
    ],
    ['an unknown action', 'forbid (principal, action == Action::"delete", resource);', /delete/],
    ['an unknown entity type', 'permit (principal in Group::"x", action, resource);', /Group/],
    [
      'a comparison of two types',
      'permit (principal, action == Action::"know", resource) when { principal.client == 7 };',
      /type|==/,
    ],
    [
      'a policy that can never apply',
      'permit (principal, action == Action::"know", resource == Kind::"Patient");',
      /own\.cedar/,
    ],
    ['a template', 'permit (principal == ?principal, action, resource);', /own\.cedar.*templates/],
    ['text that is no policy', 'allow everything', /own\.cedar/],
    ['an @id used twice', `@id("a") ${all}\n@id("a") ${all}`, /own\.cedar: policy 2.*@id/],
  ])('for %s', async (_name, text, reason) => {
    expect(await start(folderWith({ 'own.cedar': text }))).toMatch(reason);
  });

  it('for an @id used in two files', async () => {
    expect(await start(folderWith({ 'a.cedar': `@id("x") ${all}`, 'b.cedar': `@id("x") ${all}` }))).toMatch(
      /b\.cedar.*@id/,
    );
  });

  it('for a directory without policies', async () => {
    expect(await start(folderWith({ 'README.md': '' }))).toMatch(/holds no policy/);
  });

  it('for a directory that is not there', async () => {
    expect(await start('/nonexistent/policies')).toMatch(/\/nonexistent\/policies cannot be read/);
  });

  it('for a schema that is none', async () => {
    expect(await start(folderWith({ 'own.cedar': all, 'schema.cedarschema': 'entity' }))).toMatch(/cannot be used/);
  });

  it('for a file of comments alone, which would forbid everything by saying nothing', async () => {
    expect(await start(folderWith({ 'own.cedar': '// nothing yet\n' }))).toMatch(/there are none/);
  });

  it('and policies that can be used start it', async () => {
    expect(await start(folderWith({ 'own.cedar': `@id("all") ${all}` }))).toBe('started');
  });
});

describe('an evaluation error', () => {
  const overflow = 'when { context.labels.contains("N") && 9223372036854775807 + 1 > 0 }';
  const set = (...texts: readonly string[]) => ({
    id: 'own',
    schema: shipped.schema,
    files: [{ name: 'own.cedar', text: texts.join('\n') }],
  });
  const all = '@id("all") permit (principal, action, resource);';

  it.each(['forbid', 'permit'])('in a %s counts as a forbid', (effect) => {
    const own = createPolicy(
      set(all, `@id("broken") ${effect} (principal, action == Action::"release", resource) ${overflow};`),
      1_000,
    );
    expect(own.forbids(asker([], []), 'Patient', ['N'])).toEqual({ allowed: false, policies: ['broken'] });
    expect(own.forbids(asker([], []), 'Patient', ['R'])).toEqual({ allowed: true, policies: ['all'] });
  });
});

describe("a deployment's own set", () => {
  const own = (text: string) =>
    createPolicy({ id: 'own', schema: shipped.schema, files: [{ name: 'own.cedar', text }] }, 1_000);

  it('denies what no policy permits', () => {
    const set = own(
      '@id("one") permit (principal in Role::"clinician", action == Action::"ask", resource == Kind::"Patient");',
    );
    expect(set.permitsRequest(asker(['clinician'], []), 'read', 'Patient').allowed).toBe(true);
    expect(set.permitsRequest(asker(['clinician'], []), 'read', 'Condition').allowed).toBe(false);
    expect(set.permitsKind(asker(['clinician'], []), 'Patient').allowed).toBe(false);
  });

  it('may rest on interaction, issuer, client, organization and assurance', () => {
    const set = own(`
      permit (principal, action == Action::"ask", resource) when { context.interaction == "read" && principal.issuer == "https://a" };
      permit (principal, action == Action::"know", resource) when { principal has acr && principal.acr == "2" };
      permit (principal, action == Action::"everything", resource) when { principal.organizations.contains("Organization/a") && principal.clientKind == "system" };
    `);
    expect(set.permitsRequest(asker([], [], { issuer: 'https://a' }), 'read', 'Patient')).toEqual({
      allowed: true,
      policies: ['own.cedar#1'],
    });
    expect(set.permitsRequest(asker([], [], { issuer: 'https://a' }), 'vread', 'Patient').allowed).toBe(false);
    expect(set.permitsRequest(asker([], [], { issuer: 'https://b' }), 'read', 'Patient').allowed).toBe(false);
    expect(set.clears(asker([], [], { acr: '2' }), 'HIV').allowed).toBe(true);
    expect(set.clears(asker([], []), 'HIV').allowed).toBe(false);
    expect(set.unrestricted(asker([], [], { organizations: ['Organization/a'], clientKind: 'system' }))).toBe(true);
    expect(set.unrestricted(asker([], [], { organizations: ['Organization/a'] }))).toBe(false);
  });

  it('loses no policy by its name', () => {
    for (const id of ['__proto__', 'constructor', 'toString']) {
      const set = own(
        `@id("all") permit (principal, action, resource); @id("${id}") forbid (principal, action, resource);`,
      );
      expect(set.permitsKind(asker([], []), 'Patient')).toEqual({ allowed: false, policies: [id] });
    }
  });

  it('has a hash of its own, by every byte of policies and schema', () => {
    const text = 'permit (principal, action, resource);';
    const hashes = [own(text).hash, own(`${text} `).hash, policy.hash];
    expect(new Set(hashes).size).toBe(3);
    expect(own(text).hash).toBe(hashes[0]);
    expect(policy.hash).toMatch(/^[0-9a-f]{64}$/);
  });
});
