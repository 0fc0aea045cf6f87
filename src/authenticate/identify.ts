import { createHash } from 'node:crypto';
import type { IssuerConfig } from '../config/identity.ts';
import { isId } from '../fhir/ids.ts';
import { ClaimReader } from './claims.ts';
import type { Code } from './codes.ts';
import { localKey } from './local.ts';
import { assignedOrganization, claimedOrganization, type Directory } from './organizations.ts';
import { purposesOf } from './purposes.ts';
import type { Requester } from './requester.ts';
import { parseScopes } from './scopes.ts';
import type { VerifiedToken } from './verify.ts';

const npiSystem = 'http://hl7.org/fhir/sid/us-npi';
/** Resource types that stand for a user (SMART App Launch, fhirUser). */
const userTypes = new Set(['Patient', 'Practitioner', 'PractitionerRole', 'RelatedPerson', 'Person']);

export interface IdentitySettings {
  readonly publicBaseUrl: string;
  readonly directory: Directory;
}

/** Who a verified token is, in the gateway's own words: claims and the issuer's and client's configuration, nothing else. */
export function identify(
  token: string,
  { issuer, claims, expiresAt, boundTo }: VerifiedToken,
  settings: IdentitySettings,
): Requester {
  const { config } = issuer;
  const read = new ClaimReader(claims, config);
  const subject = textOf(claims.sub) ?? '';
  const clientId = textOf(claims.client_id) ?? textOf(claims.azp) ?? '';
  const client = Object.hasOwn(config.clients, clientId) ? config.clients[clientId] : undefined;
  const scopes = parseScopes(claims.scope ?? claims.scp);
  const bases = [settings.publicBaseUrl, ...config.fhirBases];
  const fhirUser = userOf(read.text('fhirUser'), config, bases);
  const claimed = read.first('organization');
  const { names: organizations, title } =
    claimed === undefined
      ? assignedOrganization(client?.organization ?? config.assign.organization, settings.directory, bases)
      : claimedOrganization(claimed, config, settings.directory, bases);
  const roleCodes = read.roleCodes();
  const tokenName = textOf(claims.jti);
  const npi = npiOf(read.text('npi'));
  const hasUser = subject !== '' && subject !== clientId;
  const onlySystem = scopes.length > 0 && scopes.every(({ context }) => context === 'system');
  const patient = patientOf(read.text('patient'), config, bases);
  return {
    issuer: config.issuer,
    subject,
    clientId,
    tokenId: tokenName === undefined ? token.slice(-32) : `urn:ietf:params:oauth:jti:${tokenName}`,
    tokenHash: hashOf(token),
    expiresAt,
    clientKind: client?.clientKind ?? config.assign.clientKind ?? (hasUser && !onlySystem ? 'app' : 'system'),
    scopes,
    identities: [
      ...(fhirUser === undefined ? [] : [fhirUser]),
      ...(npi === undefined ? [] : [`${npiSystem}|${npi}`]),
      ...(hasUser ? [`${config.issuer}|${subject}`] : []),
      `${config.issuer}|${clientId}`,
      ...(client?.identities ?? []),
    ],
    organizations,
    roles: rolesOf(roleCodes, config, client?.roles ?? config.assign.roles ?? []),
    roleCodes,
    purposes: purposesFor(read.first('purposes'), client?.purposes ?? config.assign.purposes ?? []),
    amr: Array.isArray(claims.amr) ? claims.amr.filter((one) => typeof one === 'string') : [],
    ...defined('boundTo', boundTo),
    ...defined('name', read.text('name') ?? client?.name),
    ...defined('fhirUser', fhirUser),
    ...defined('organizationName', title ?? read.text('organizationName')),
    ...defined('patient', patient),
    ...defined('acr', textOf(claims.acr)),
    ...(typeof claims.auth_time === 'number' ? { authenticatedAt: claims.auth_time * 1000 } : {}),
    ...residualsOf(claims.extensions),
  };
}

export function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('base64url');
}

/** A local key, or the absolute URL of a user elsewhere; a relative reference from an issuer without local users is neither. */
function userOf(stated: string | undefined, config: IssuerConfig, bases: readonly string[]): string | undefined {
  if (stated === undefined) return undefined;
  const key = localKey(stated, bases);
  if (key === undefined) return /^https?:\/\/\S+$/.test(stated) ? stated : undefined;
  return config.localUsers && userTypes.has(key.slice(0, key.indexOf('/'))) ? key : undefined;
}

/** SMART's `patient` is an id; some issuers send a reference. */
function patientOf(stated: string | undefined, config: IssuerConfig, bases: readonly string[]): string | undefined {
  if (stated === undefined || !config.localUsers) return undefined;
  if (isId(stated)) return stated;
  const key = localKey(stated, bases);
  return key?.startsWith('Patient/') === true ? key.slice('Patient/'.length) : undefined;
}

function npiOf(stated: string | undefined): string | undefined {
  return /^(?:urn:oid:2\.16\.840\.1\.113883\.4\.6[#|])?(\d{10})$/.exec(stated ?? '')?.[1];
}

function rolesOf(codes: readonly Code[], { roles }: IssuerConfig, assigned: readonly string[]): readonly string[] {
  const mapped = codes.flatMap(({ system, code }) => {
    const name = system === undefined ? code : `${system}|${code}`;
    return Object.hasOwn(roles, name) ? [roles[name] as string] : [];
  });
  return [...new Set([...mapped, ...assigned])].sort();
}

/** A purpose claim that is there, understood or not, leaves nothing to assign. */
function purposesFor(claim: unknown, assigned: readonly string[]): Requester['purposes'] {
  if (claim === undefined) return [...new Set(assigned)].map((code) => ({ code, assigned: true }));
  return purposesOf(claim).map((code) => ({ code, assigned: false }));
}

/** IHE PCF: residual rules of the Consent the token was issued under; an extension that is no object still counts as one. */
function residualsOf(extensions: unknown): { readonly pcf?: unknown } {
  if (typeof extensions !== 'object' || extensions === null || !Object.hasOwn(extensions, 'ihe_pcf')) return {};
  return { pcf: (extensions as Record<string, unknown>).ihe_pcf };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function defined<Name extends string, Value>(name: Name, value: Value | undefined): { readonly [N in Name]?: Value } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [N in Name]?: Value });
}
