import type { ServerMetadata } from 'openid-client';
import type { IdentityConfig } from '../config/identity.ts';

/** Metadata that is passed on as it stands (SMART App Launch 2.2, Conformance: fields of smart-configuration). */
const passed = [
  'issuer',
  'jwks_uri',
  'authorization_endpoint',
  'token_endpoint',
  'token_endpoint_auth_methods_supported',
  'token_endpoint_auth_signing_alg_values_supported',
  'registration_endpoint',
  'response_types_supported',
  'introspection_endpoint',
  'revocation_endpoint',
] as const;

/**
 * `/.well-known/smart-configuration`: the authorization server's endpoints, and of SMART's capabilities those that its
 * metadata or the configuration tells and that this gateway keeps.
 */
export function smartConfiguration(
  metadata: Partial<ServerMetadata>,
  { smartCapabilities }: Pick<IdentityConfig, 'smartCapabilities'>,
): Readonly<Record<string, unknown>> {
  const scopes = metadata.scopes_supported ?? [];
  const methods = metadata.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
  const says = (list: readonly string[], ...wanted: readonly string[]): boolean =>
    wanted.some((one) => list.includes(one));
  const capabilities = [
    ...(metadata.authorization_endpoint === undefined ? [] : ['launch-standalone']),
    ...(says(methods, 'none') ? ['client-public'] : []),
    ...(says(methods, 'client_secret_basic', 'client_secret_post') ? ['client-confidential-symmetric'] : []),
    ...(says(methods, 'private_key_jwt') ? ['client-confidential-asymmetric'] : []),
    ...(says(scopes, 'openid') && says(scopes, 'fhirUser') ? ['sso-openid-connect'] : []),
    ...(says(scopes, 'launch/patient') ? ['context-standalone-patient'] : []),
    ...(says(scopes, 'offline_access') ? ['permission-offline'] : []),
    ...['permission-patient', 'permission-user', 'permission-v1', 'permission-v2'],
    ...smartCapabilities,
  ];
  return {
    ...Object.fromEntries(passed.flatMap((name) => (metadata[name] === undefined ? [] : [[name, metadata[name]]]))),
    grant_types_supported: metadata.grant_types_supported ?? ['authorization_code'],
    scopes_supported:
      scopes.length > 0 ? scopes : ['openid', 'fhirUser', 'launch/patient', 'patient/*.rs', 'user/*.rs'],
    code_challenge_methods_supported: (metadata.code_challenge_methods_supported ?? ['S256']).filter(
      (one) => one !== 'plain',
    ),
    capabilities: [...new Set(capabilities)],
  };
}
