import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair } from 'jose';
import Provider, { type Context, type Grant, type ResourceServer, type Token } from 'oidc-provider';
import { MemoryAdapter } from './memory-adapter.ts';
import { appClientId, type DemoRequester, requesterById, requesters, systemSecret } from './requesters.ts';

export interface IdentityProvider {
  /** Issuer; discovery is below it. */
  readonly url: string;
  /** A fresh access token: systems get it by client credentials, people from the route `POST /demo/token?user=...`. */
  readonly tokenFor: (requesterId: string) => Promise<string>;
  readonly close: () => Promise<void>;
}

export interface IdentityProviderOptions {
  /** 0, the default: any free one. */
  readonly port?: number;
  /** FHIR base of the gateway, without trailing slash: the audience of every token. */
  readonly fhirBase: string;
  /** Redirect URIs of the SMART app, if one is to sign people in by the authorization code flow. */
  readonly redirectUris?: readonly string[];
  readonly tokenLifetimeSeconds?: number;
}

const defaultLifetimeSeconds = 3_600;
const signingAlgorithm = 'ES256';

/**
 * An OpenID provider on loopback (oidc-provider): discovery, JWKS, client credentials for systems, authorization code
 * with PKCE for the SMART app (its sign-in page lists the people; `login_hint` picks one without asking), and a route that hands out
 * people's tokens without a browser. Access tokens are JWTs (RFC 9068) for the gateway alone (RFC 8707).
 * It believes everybody: it is for demonstrations and tests.
 */
export async function startIdentityProvider(options: IdentityProviderOptions): Promise<IdentityProvider> {
  const server = createServer();
  server.listen(options.port ?? 0, '127.0.0.1');
  await new Promise<void>((resolve, reject) => server.once('listening', resolve).once('error', reject));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider = new Provider(url, await configuration(options));
  // SMART App Launch 2.2: the patient in context is a parameter of the token response.
  provider.use(async (context, next) => {
    await next();
    const patient = patientOf(context.oidc?.entities.Account?.accountId, options.fhirBase);
    if (context.oidc?.route === 'token' && patient !== undefined && isObject(context.body)) {
      context.body = { ...context.body, patient };
    }
  });
  const handleOpenId = provider.callback();
  server.on('request', (request, response) => {
    if (request.url?.startsWith('/demo/token?')) void handOut(provider, options, request, response);
    else if (request.url?.startsWith('/demo/sign-in/')) void signIn(provider, request, response);
    else handleOpenId(request, response);
  });
  return {
    url,
    tokenFor: (requesterId) => obtainToken(url, options.fhirBase, requesterId),
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}

async function configuration({
  fhirBase,
  redirectUris,
  tokenLifetimeSeconds,
}: IdentityProviderOptions): Promise<object> {
  const { privateKey } = await generateKeyPair(signingAlgorithm, { extractable: true });
  const key = { ...(await exportJWK(privateKey)), use: 'sig', alg: signingAlgorithm, kid: 'demo' };
  const resourceServer = resourceServerOf(fhirBase, tokenLifetimeSeconds ?? defaultLifetimeSeconds);
  const systems = requesters.filter(({ kind }) => kind === 'system');
  return {
    adapter: MemoryAdapter,
    jwks: { keys: [key] },
    clients: [
      {
        client_id: appClientId,
        token_endpoint_auth_method: 'none',
        application_type: 'web',
        redirect_uris: redirectUris ?? ['http://127.0.0.1/app'],
        grant_types: ['authorization_code'],
        response_types: ['code'],
        id_token_signed_response_alg: signingAlgorithm,
      },
      ...systems.map(({ id, scope }) => ({
        client_id: id,
        client_secret: systemSecret,
        redirect_uris: [],
        grant_types: ['client_credentials'],
        response_types: [],
        scope,
        id_token_signed_response_alg: signingAlgorithm,
      })),
    ],
    scopes: ['openid', 'fhirUser', 'launch/patient', ...resourceServer.scope.split(' ')],
    extraParams: ['aud'],
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => fhirBase,
        useGrantedResource: () => true,
        getResourceServerInfo: () => resourceServer,
      },
    },
    findAccount: (_context: unknown, id: string) =>
      requesterById(id) === undefined
        ? undefined
        : { accountId: id, claims: () => ({ sub: id, ...claimsOf(id, fhirBase) }) },
    interactions: { url: (_context: unknown, { uid }: { uid: string }) => `/demo/sign-in/${uid}` },
    loadExistingGrant: (context: Context) => grantFor(context, fhirBase),
    claims: { openid: ['sub'], fhirUser: ['fhirUser', 'name'] },
    conformIdTokenClaims: false,
    extraTokenClaims: (_context: unknown, token: Token) => claimsOf(token.accountId ?? token.clientId ?? '', fhirBase),
    ttl: {
      AccessToken: () => resourceServer.accessTokenTTL,
      ClientCredentials: () => resourceServer.accessTokenTTL,
      AuthorizationCode: 60,
      Grant: 3_600,
      IdToken: 3_600,
      Interaction: 600,
      Session: 600,
    },
    cookies: { keys: ['for-the-demonstration-only'] },
  };
}

function resourceServerOf(fhirBase: string, accessTokenTTL: number): ResourceServer {
  return {
    scope: [...new Set(requesters.flatMap(({ scope }) => scope.split(' ')))].filter(isResourceScope).join(' '),
    audience: fhirBase,
    accessTokenFormat: 'jwt',
    accessTokenTTL,
    jwt: { sign: { alg: signingAlgorithm } },
  };
}

function claimsOf(requesterId: string, fhirBase: string): Readonly<Record<string, unknown>> {
  return requesterById(requesterId)?.claims(fhirBase) ?? {};
}

function patientOf(requesterId: string | undefined, fhirBase: string): unknown {
  return requesterId === undefined ? undefined : claimsOf(requesterId, fhirBase).patient;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** Whoever signs in agrees to what is theirs; the provider asks no more questions. */
async function grantFor(context: Context, fhirBase: string): Promise<Grant | undefined> {
  const { oidc } = context;
  const requester = oidc === undefined ? undefined : requesterById(oidc.session.accountId);
  if (oidc === undefined || requester === undefined) return undefined;
  const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: requester.id });
  grant.addOIDCScope(requester.scope);
  grant.addResourceScope(fhirBase, requester.scope.split(' ').filter(isResourceScope).join(' '));
  await grant.save();
  return grant;
}

function isResourceScope(scope: string): boolean {
  return /^(patient|user|system)\//.test(scope);
}

/** The sign-in page: a list of the people. */
async function signIn(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const { prompt, params } = await provider.interactionDetails(request, response);
    const chosen = new URL(request.url ?? '/', 'http://loopback').searchParams.get('user') ?? params.login_hint;
    if (prompt.name !== 'login') {
      const error = { error: 'access_denied', error_description: 'Not a scope of this person.' };
      await provider.interactionFinished(request, response, error);
    } else if (typeof chosen === 'string' && requesterById(chosen)?.kind === 'person') {
      await provider.interactionFinished(request, response, { login: { accountId: chosen } });
    } else {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
      response.end(signInPage());
    }
  } catch {
    response.writeHead(400, { 'content-type': 'text/plain' });
    response.end('This sign-in is no longer open.');
  }
}

function signInPage(): string {
  const people = requesters.filter(({ kind }) => kind === 'person');
  const links = people.map(({ id, title }) => `<li><a href="?user=${id}">${title}</a></li>`).join('\n');
  return `<!doctype html><html lang="en"><title>Who are you?</title><h1>Who are you?</h1><ul>\n${links}\n</ul></html>`;
}

/** `POST /demo/token?user=dr-grey`: minted by the provider's own token model, signed by its own key. */
async function handOut(
  provider: Provider,
  options: IdentityProviderOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const user = new URL(request.url ?? '/', 'http://loopback').searchParams.get('user') ?? '';
  const requester = requesterById(user);
  const found = request.method === 'POST' && requester?.kind === 'person';
  const body = found
    ? { access_token: await mint(provider, options, requester), token_type: 'Bearer', scope: requester.scope }
    : { error: 'invalid_request', error_description: 'POST /demo/token?user= takes the id of a person.' };
  response.writeHead(found ? 200 : 400, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}

async function mint(provider: Provider, options: IdentityProviderOptions, requester: DemoRequester): Promise<string> {
  const client = await provider.Client.find(appClientId);
  if (client === undefined) throw new Error('The app is not registered.');
  const token = new provider.AccessToken({ accountId: requester.id, client, scope: requester.scope, gty: 'demo' });
  const lifetime = options.tokenLifetimeSeconds ?? defaultLifetimeSeconds;
  token.resourceServer = new provider.ResourceServer(options.fhirBase, resourceServerOf(options.fhirBase, lifetime));
  token.extra = requester.claims(options.fhirBase);
  return token.save();
}

async function obtainToken(issuer: string, fhirBase: string, requesterId: string): Promise<string> {
  const requester = requesterById(requesterId);
  if (requester === undefined) throw new Error(`Nobody is called ${requesterId}`);
  const answer =
    requester.kind === 'person'
      ? await fetch(`${issuer}/demo/token?user=${requesterId}`, { method: 'POST' })
      : await fetch(`${issuer}/token`, {
          method: 'POST',
          headers: { authorization: `Basic ${Buffer.from(`${requesterId}:${systemSecret}`).toString('base64')}` },
          body: new URLSearchParams({ grant_type: 'client_credentials', scope: requester.scope, resource: fhirBase }),
        });
  const { access_token: token } = (await answer.json()) as { access_token?: string };
  if (token === undefined) throw new Error(`No token for ${requesterId}: ${answer.status}`);
  return token;
}
