/** A Keycloak of the demonstration: its requesters as users and clients of one realm, signed in for real. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../examples/demo/ports.ts';
import { appClientId, type DemoRequester, requesters, systemSecret } from '../../examples/demo/requesters.ts';

const version = '26.7.3';
const startTimeoutMs = 300_000;
const password = 'for-the-demonstration-only';
const redirectUri = 'http://127.0.0.1/app';

export interface Keycloak {
  readonly issuer: string;
  /** People by signing in with their password and the authorization code flow with PKCE, systems by client credentials. */
  tokenFor(requesterId: string): Promise<string>;
  close(): Promise<void>;
}

/**
 * Gets Keycloak from Maven Central, unless that was done, and starts it with the realm of the demonstration.
 * @param folder where it is unpacked and keeps its data
 * @param fhirBase audience of every token
 */
export async function startKeycloak(folder: string, fhirBase: string): Promise<Keycloak> {
  const home = unpacked(folder);
  rmSync(join(home, 'data'), { recursive: true, force: true }); // a realm that is there is not imported again
  mkdirSync(join(home, 'data', 'import'), { recursive: true });
  writeFileSync(join(home, 'data', 'import', 'demo-realm.json'), JSON.stringify(realm(fhirBase)));
  const port = await freePort(0);
  const server = spawn(
    'sh',
    [join(home, 'bin', 'kc.sh'), 'start-dev', '--import-realm', '--http-host=127.0.0.1', `--http-port=${port}`],
    { stdio: ['ignore', 'pipe', 'pipe'], detached: true, env: { ...process.env, JAVA_OPTS_APPEND: '-Xmx700m' } },
  );
  const issuer = `http://127.0.0.1:${port}/realms/demo`;
  await ready(server, issuer);
  return {
    issuer,
    tokenFor: async (id) => {
      const requester = requesters.find((one) => one.id === id);
      if (requester === undefined) throw new Error(`Nobody is called ${id}`);
      return requester.kind === 'system' ? systemToken(issuer, requester) : personToken(issuer, requester);
    },
    close: () => stopped(server),
  };
}

function unpacked(folder: string): string {
  const home = join(folder, `keycloak-${version}`);
  if (existsSync(join(home, 'bin', 'kc.sh'))) return home;
  mkdirSync(folder, { recursive: true });
  run('mvn', [
    ...['-q', '-B', '--no-transfer-progress', 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy'],
    ...[`-Dartifact=org.keycloak:keycloak-quarkus-dist:${version}:zip`, `-DoutputDirectory=${folder}`],
  ]);
  run('jar', ['xf', join(folder, `keycloak-quarkus-dist-${version}.zip`)], folder);
  return home;
}

function run(command: string, args: readonly string[], cwd?: string): void {
  const { status, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    ...(cwd === undefined ? {} : { cwd }),
  });
  if (status !== 0) throw new Error(`${command} ended with ${status}: ${stdout}${stderr}`);
}

async function ready(server: ChildProcess, issuer: string): Promise<void> {
  let said = '';
  for (const stream of [server.stdout, server.stderr])
    stream?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const deadline = Date.now() + startTimeoutMs;
  while (Date.now() < deadline) {
    if (server.exitCode !== null) break;
    const answer = await fetch(`${issuer}/.well-known/openid-configuration`).catch(() => undefined);
    if (answer?.ok === true) return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  await stopped(server);
  throw new Error(`Keycloak did not start:\n${said.slice(-4_000)}`);
}

/** The shell of Keycloak starts Java as its child: both are one process group. */
async function stopped(server: ChildProcess): Promise<void> {
  if (server.pid === undefined || server.exitCode !== null) return;
  const gone = new Promise((resolve) => server.once('exit', resolve));
  process.kill(-server.pid, 'SIGTERM');
  await gone;
}

const scopes = [...new Set(requesters.flatMap(({ scope }) => scope.split(' ')))].filter((scope) => scope !== 'openid');

/** As docs/connect-issuers.md says: an audience mapper, SMART scopes, attributes of users as claims. */
function realm(fhirBase: string): object {
  const people = requesters.filter(({ kind }) => kind === 'person');
  const systems = requesters.filter(({ kind }) => kind === 'system');
  const roles = people.flatMap((one) => textsOf(one.claims(fhirBase).roles));
  return {
    realm: 'demo',
    enabled: true,
    sslRequired: 'none',
    accessTokenLifespan: 900,
    roles: { realm: [...new Set(roles)].map((name) => ({ name })) },
    clientScopes: scopes.map((name) => ({
      name,
      protocol: 'openid-connect',
      attributes: { 'include.in.token.scope': 'true', 'display.on.consent.screen': 'false' },
    })),
    clients: [
      {
        clientId: appClientId,
        publicClient: true,
        standardFlowEnabled: true,
        directAccessGrantsEnabled: false,
        redirectUris: [redirectUri],
        attributes: { 'pkce.code.challenge.method': 'S256' },
        defaultClientScopes: [],
        optionalClientScopes: scopes,
        protocolMappers: [
          ...commonMappers(fhirBase),
          mapper(
            'roles',
            'oidc-usermodel-realm-role-mapper',
            claim('realm_access.roles', 'String', { multivalued: 'true' }),
          ),
          mapper('name', 'oidc-full-name-mapper', { 'access.token.claim': 'true' }),
          ...['fhirUser', 'organization', 'patient'].map((name) => attribute(name, false)),
          attribute('purpose_of_use', true),
        ],
      },
      ...systems.map((system) => ({
        clientId: system.id,
        secret: systemSecret,
        serviceAccountsEnabled: true,
        standardFlowEnabled: false,
        defaultClientScopes: [],
        optionalClientScopes: scopes,
        protocolMappers: [
          ...commonMappers(fhirBase),
          ...Object.entries(system.claims(fhirBase)).map(([name, value]) =>
            mapper(name, 'oidc-hardcoded-claim-mapper', claim(name, 'JSON', { 'claim.value': JSON.stringify(value) })),
          ),
        ],
      })),
    ],
    users: people.map((person) => userOf(person, fhirBase)),
    components: {
      // Attributes that no profile of the realm lists are kept all the same.
      'org.keycloak.userprofile.UserProfileProvider': [
        {
          providerId: 'declarative-user-profile',
          config: {
            'kc.user.profile.config': [
              JSON.stringify({
                attributes: ['username', 'email', 'firstName', 'lastName'].map((name) => ({ name })),
                unmanagedAttributePolicy: 'ENABLED',
              }),
            ],
          },
        },
      ],
    },
  };
}

function userOf(person: DemoRequester, fhirBase: string): object {
  const { name, roles, ...attributes } = person.claims(fhirBase);
  const [firstName = '', lastName = ''] = String(name).split(' ');
  return {
    username: person.id,
    enabled: true,
    emailVerified: true,
    email: `${person.id}@demo.example`,
    firstName,
    lastName,
    realmRoles: roles,
    credentials: [{ type: 'password', value: password, temporary: false }],
    attributes: Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, textsOf(value)])),
  };
}

function textsOf(value: unknown): readonly string[] {
  return (Array.isArray(value) ? value : [value]).map(String);
}

const mapper = (name: string, protocolMapper: string, config: Readonly<Record<string, string>>): object => ({
  name,
  protocol: 'openid-connect',
  protocolMapper,
  config,
});

const claim = (name: string, type: string, more: Readonly<Record<string, string>> = {}): Record<string, string> => ({
  'claim.name': name,
  'jsonType.label': type,
  'access.token.claim': 'true',
  ...more,
});

const attribute = (name: string, multivalued: boolean): object =>
  mapper(
    name,
    'oidc-usermodel-attribute-mapper',
    claim(name, 'String', { 'user.attribute': name, multivalued: String(multivalued) }),
  );

const commonMappers = (fhirBase: string): readonly object[] => [
  mapper('audience', 'oidc-audience-mapper', { 'included.custom.audience': fhirBase, 'access.token.claim': 'true' }),
  mapper('sub', 'oidc-sub-mapper', { 'access.token.claim': 'true' }),
];

async function systemToken(issuer: string, { id, scope }: DemoRequester): Promise<string> {
  return tokenFrom(issuer, {
    grant_type: 'client_credentials',
    client_id: id,
    client_secret: systemSecret,
    scope,
  });
}

/** As a browser would: the sign-in page, its form with name and password, and the code that comes back. */
async function personToken(issuer: string, { id, scope }: DemoRequester): Promise<string> {
  const verifier = randomBytes(32).toString('base64url');
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: appClientId,
    redirect_uri: redirectUri,
    scope,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  });
  const page = await fetch(`${issuer}/protocol/openid-connect/auth?${query}`, { redirect: 'manual' });
  const html = await page.text();
  const action = /<form[^>]*action="([^"]+)"/.exec(html)?.[1]?.replaceAll('&amp;', '&');
  if (action === undefined) throw new Error(`Keycloak shows ${id} no sign-in page: ${page.status}`);
  const cookie = page.headers
    .getSetCookie()
    .map((one) => one.split(';')[0])
    .join('; ');
  const signedIn = await fetch(action, {
    method: 'POST',
    redirect: 'manual',
    headers: { cookie },
    body: new URLSearchParams({ username: id, password }),
  });
  const code = new URL(signedIn.headers.get('location') ?? 'none:').searchParams.get('code');
  if (code === null) throw new Error(`Keycloak did not sign ${id} in: ${signedIn.status}`);
  return tokenFrom(issuer, {
    grant_type: 'authorization_code',
    client_id: appClientId,
    redirect_uri: redirectUri,
    code,
    code_verifier: verifier,
  });
}

async function tokenFrom(issuer: string, form: Readonly<Record<string, string>>): Promise<string> {
  const answer = await fetch(`${issuer}/protocol/openid-connect/token`, {
    method: 'POST',
    body: new URLSearchParams(form),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`Keycloak gives no token for ${form.client_id}: ${answer.status} ${text}`);
  return (JSON.parse(text) as { access_token: string }).access_token;
}
