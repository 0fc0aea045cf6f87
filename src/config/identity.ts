import { z } from 'zod';

const loopbackHosts = new Set(['127.0.0.1', '[::1]', 'localhost']);
/** Asymmetric signature algorithms (RFC 7518, RFC 8037, RFC 9864); there is no symmetric one and no `none`. */
const signatureAlgorithms = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
] as const;
const pointer = z
  .string()
  .regex(/^(?:\/(?:[^~/]|~[01])+)+$/, 'must be a JSON Pointer (RFC 6901), for example /realm_access/roles');
const purposeCode = z.string().regex(/^[A-Z]{2,20}$/, 'must be a code of v3-ActReason, for example TREAT');
export const roleName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,63}$/, 'must be a role name of the policy set, for example front-desk');
/** `Organization/x`, an absolute URI, or `system|value`. */
const organizationName = z
  .string()
  .regex(
    /^(?:Organization\/[A-Za-z0-9\-.]{1,64}|[^\s|]+\|\S+|[a-z][a-z0-9+.-]*:[^\s|]+)$/i,
    'must be Organization/id, a URI, or system|value',
  );

const assignment = {
  purposes: z
    .array(purposeCode)
    .max(8)
    .optional()
    .describe(
      'Purposes of use (v3-ActReason) that tokens without a purpose claim count as asserting; the record says that they were assigned. A token with a purpose claim of its own, understood or not, is never given more.',
    ),
  roles: z.array(roleName).max(16).optional().describe('Roles of the policy set, beside those mapped from claims.'),
  organization: organizationName
    .optional()
    .describe('The organization behind tokens that name none: Organization/id, a URI, or system|value.'),
  clientKind: z
    .enum(['app', 'system'])
    .optional()
    .describe(
      'app: acts for a person. system: a backend service. Without it: system when the token has no user or only system/ scopes.',
    ),
};

const clientConfig = z
  .strictObject({
    ...assignment,
    name: z.string().min(1).max(200).optional().describe('Name of the client for the record.'),
    identities: z
      .array(z.string().min(3).max(500))
      .max(16)
      .default([])
      .describe('How Consents may name this client beside issuer|client_id: Device/id or system|value.'),
  })
  .describe('What one client of an issuer is given; each key goes before the same key of the issuer.');

const claimsConfig = z
  .strictObject({
    roles: z.array(pointer).max(8).optional().describe('Role codes, all of them together.'),
    purposes: z.array(pointer).max(8).optional().describe('Purposes of use; the first claim present counts.'),
    organization: z.array(pointer).max(8).optional().describe('Organization; the first claim present counts.'),
    organizationName: z.array(pointer).max(8).optional().describe("The organization's name, for the record."),
    name: z.array(pointer).max(8).optional().describe("The person's name, for the record."),
    fhirUser: z.array(pointer).max(8).optional().describe('FHIR resource of the user (SMART fhirUser).'),
    patient: z.array(pointer).max(8).optional().describe('Patient in the launch context (SMART patient).'),
    npi: z.array(pointer).max(8).optional().describe("The user's National Provider Identifier."),
  })
  .describe('Claim paths (JSON Pointers into the token) that replace those of the presets.');

const issuerConfig = z
  .strictObject({
    issuer: z.url({ protocol: /^https?$/ }).describe("Issuer, exactly as the tokens' iss claim states it."),
    discovery: z
      .enum(['oidc', 'oauth2', 'none'])
      .default('oidc')
      .describe(
        'Where its metadata is: oidc: /.well-known/openid-configuration; oauth2: /.well-known/oauth-authorization-server (RFC 8414); none: jwksUri says where the keys are.',
      ),
    jwksUri: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe('Where its signing keys are. Without it, discovery tells.'),
    allowInsecureHttp: z
      .boolean()
      .default(false)
      .describe('Let this issuer be reached by plain http; loopback addresses only, for demonstrations and tests.'),
    audiences: z
      .array(z.string().min(1).max(500))
      .max(16)
      .default([])
      .describe("Audiences, one of which a token's aud claim must contain. Empty: the public FHIR base URL."),
    algorithms: z
      .array(z.enum(signatureAlgorithms))
      .min(1)
      .default(['RS256', 'RS384', 'ES256', 'ES384'])
      .describe('Signature algorithms it uses; every other is refused.'),
    tokenTypes: z
      .array(z.string().regex(/^[a-z0-9+.-]{1,40}$/, 'must be a lower-case media subtype such as at+jwt'))
      .min(1)
      .max(4)
      .default(['at+jwt'])
      .describe(
        'Accepted typ headers of access tokens, in lower case without "application/" (RFC 9068: at+jwt). Issuers such as Keycloak need jwt; ID tokens are refused all the same.',
      ),
    requiredClaims: z
      .array(z.enum(['sub', 'client_id', 'jti']))
      .default(['sub', 'client_id', 'jti'])
      .describe(
        'Claims without which a token is refused; azp stands for client_id. iss, aud, exp and iat are always required.',
      ),
    boundTokens: z
      .enum(['allowed', 'required'])
      .default('allowed')
      .describe(
        "required: only tokens that are bound to the certificate of the client's connection are taken (RFC 8705, cnf.x5t#S256; needs listener.tls.clientCaFile). A bound token is never taken without its certificate.",
      ),
    maximumLifetimeMs: z
      .int()
      .min(1_000)
      .max(86_400_000)
      .default(3_600_000)
      .describe('Longest lifetime (exp minus iat) of a token, in milliseconds; one that lives longer is refused.'),
    presets: z
      .array(z.enum(['plain', 'hl7-b2b', 'ihe-iua', 'keycloak']))
      .min(1)
      .default(['plain'])
      .describe(
        'Where identity facts stand in its tokens, in order of precedence: plain claims (roles, purpose_of_use, organization), HL7 UDAP extensions.hl7-b2b, IHE IUA extensions.ihe_iua, Keycloak realm_access, resource_access and groups.',
      ),
    claims: claimsConfig.prefault({}),
    roles: z
      .record(z.string().min(1).max(500), roleName)
      .default({})
      .describe(
        'Role codes of its tokens (code, or system|code; for Keycloak client roles client|role) to roles of the policy set. A code that is not listed gives no role.',
      ),
    localUsers: z
      .boolean()
      .default(true)
      .describe(
        "Whether its fhirUser and patient claims may name this server's own resources. Turn off for other organizations' issuers.",
      ),
    fhirBases: z
      .array(z.url())
      .max(8)
      .default([])
      .describe(
        'Further base URLs under which its fhirUser, patient and organization claims name resources of this server.',
      ),
    assertableOrganizations: z
      .array(organizationName)
      .max(1_000)
      .optional()
      .describe('Organizations this issuer may speak for; a token that names another names none. Without it: any.'),
    assign: z.strictObject(assignment).prefault({}).describe('What every token of this issuer is given.'),
    clients: z.record(z.string().min(1).max(500), clientConfig).default({}).describe('Clients by client_id.'),
  })
  .superRefine((issuer, context) => {
    if (issuer.discovery === 'none' && issuer.jwksUri === undefined)
      context.addIssue({ code: 'custom', path: ['jwksUri'], message: 'is needed where discovery is none' });
    for (const key of ['issuer', 'jwksUri'] as const) {
      const url = issuer[key];
      if (url !== undefined && !isReachable(url, issuer.allowInsecureHttp))
        context.addIssue({
          code: 'custom',
          path: [key],
          message: 'must be https (plain http needs allowInsecureHttp and a loopback address)',
        });
    }
  })
  .describe('One trusted issuer of access tokens.');

const organizationConfig = z
  .strictObject({
    id: z
      .string()
      .regex(/^Organization\/[A-Za-z0-9\-.]{1,64}$/)
      .describe('Its resource on this server: Organization/id.'),
    identifiers: z
      .array(organizationName)
      .max(32)
      .default([])
      .describe('Other ways to name it: system|value, URI (for example urn:oid:...), absolute URL.'),
    name: z.string().min(1).max(200).optional().describe('Its name, for the record.'),
    partOf: z
      .string()
      .regex(/^Organization\/[A-Za-z0-9\-.]{1,64}$/)
      .optional()
      .describe(
        'The organization that it is a unit of: who acts for the unit acts for that one too, never the other way.',
      ),
  })
  .describe('One organization and all its names.');

/** Who may ask: trusted issuers of access tokens, and what their claims mean. */
export const identityConfig = z
  .strictObject({
    issuers: z.array(issuerConfig).min(1).max(100).describe('Trusted issuers of access tokens.'),
    organizations: z
      .array(organizationConfig)
      .max(10_000)
      .default([])
      .describe(
        'Organizations with all their names, so that a token may name one by identifier and a Consent by reference.',
      ),
    clockSkewMs: z
      .int()
      .min(0)
      .max(60_000)
      .default(30_000)
      .describe("Tolerated difference to the issuers' clocks, in milliseconds."),
    maximumTokenBytes: z.int().min(512).max(16_384).default(8_192).describe('Longest access token read, in bytes.'),
    rememberedTokens: z
      .int()
      .min(0)
      .max(1_000_000)
      .default(10_000)
      .describe('Verified tokens that are remembered; 0 verifies each time.'),
    rememberTokenMs: z
      .int()
      .min(0)
      .max(3_600_000)
      .default(300_000)
      .describe(
        'How long a verified token is remembered, in milliseconds, and never beyond its expiry. Also the bound on how long tokens signed by a withdrawn key still pass.',
      ),
    keys: z
      .strictObject({
        refreshMs: z
          .int()
          .min(1_000)
          .max(86_400_000)
          .default(300_000)
          .describe("Age at which an issuer's keys are read again, in milliseconds."),
        maximumAgeMs: z
          .int()
          .min(1_000)
          .max(604_800_000)
          .default(3_600_000)
          .describe('Age up to which known keys are used while they cannot be read again, in milliseconds.'),
        cooldownMs: z
          .int()
          .min(100)
          .max(3_600_000)
          .default(30_000)
          .describe('Least time between two readings caused by tokens with unknown keys, in milliseconds.'),
        retryMs: z
          .int()
          .min(100)
          .max(600_000)
          .default(2_000)
          .describe('Least time after a reading that failed, in milliseconds.'),
        timeoutMs: z
          .int()
          .min(100)
          .max(30_000)
          .default(3_000)
          .describe('Time for metadata or keys to arrive, in milliseconds.'),
        maximumBytes: z
          .int()
          .min(1_024)
          .max(4_194_304)
          .default(262_144)
          .describe('Largest metadata or key set read, in bytes.'),
        maximumKeys: z.int().min(1).max(1_000).default(100).describe('Most keys in a set.'),
      })
      .prefault({})
      .superRefine((keys, context) => {
        if (keys.maximumAgeMs < keys.refreshMs)
          context.addIssue({ code: 'custom', path: ['maximumAgeMs'], message: 'must not be below refreshMs' });
      })
      .describe("Issuers' signing keys."),
    smartCapabilities: z
      .array(
        z.enum([
          'launch-ehr',
          'authorize-post',
          'context-banner',
          'context-style',
          'context-ehr-patient',
          'context-ehr-encounter',
          'context-standalone-encounter',
          'permission-online',
          'smart-app-state',
        ]),
      )
      .default([])
      .describe(
        "Capabilities of the first issuer's authorization server (SMART App Launch) that its metadata does not tell; added to /.well-known/smart-configuration.",
      ),
  })
  .superRefine(({ issuers }, context) => {
    issuers.forEach(({ issuer }, index) => {
      if (issuers.findIndex((other) => other.issuer === issuer) !== index)
        context.addIssue({ code: 'custom', path: ['issuers', index, 'issuer'], message: 'is configured twice' });
    });
  })
  .describe('Who may ask.');

export type IdentityConfig = z.infer<typeof identityConfig>;
export type IssuerConfig = IdentityConfig['issuers'][number];
export type OrganizationConfig = IdentityConfig['organizations'][number];

/** https anywhere, plain http on loopback when the configuration allows it. */
export function isReachable(url: string, allowInsecureHttp: boolean): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname, username, password } = new URL(url);
  if (username !== '' || password !== '') return false;
  return protocol === 'https:' || (protocol === 'http:' && allowInsecureHttp && loopbackHosts.has(hostname));
}
