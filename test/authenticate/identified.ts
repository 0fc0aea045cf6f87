import { decodeJwt } from 'jose';
import { identify } from '../../src/authenticate/identify.ts';
import { directoryOf } from '../../src/authenticate/organizations.ts';
import type { Requester } from '../../src/authenticate/requester.ts';
import { identityConfig } from '../../src/config/identity.ts';
import { encoded } from './sign.ts';

export const base = 'https://gateway.example/fhir';
export const issuerUrl = 'https://issuer.example';

/** Who the gateway takes a verified token with these claims for; given as JSON text they reach it as they stand. */
export function identified(
  claims: object | string,
  issuer: object = {},
  organizations: readonly object[] = [],
): Requester {
  const config = identityConfig.parse({ issuers: [{ issuer: issuerUrl, ...issuer }], organizations });
  const fixed = '"iss":"https://issuer.example","sub":"someone","client_id":"client","jti":"id-1"';
  const text = typeof claims === 'string' ? claims : JSON.stringify(claims);
  const token = `e30.${encoded(text === '{}' ? `{${fixed}}` : `{${fixed},${text.slice(1)}`)}.c2lnbmF0dXJl`;
  const [one] = config.issuers;
  if (one === undefined) throw new Error('no issuer');
  const unread = () => Promise.reject(new Error('no keys are needed'));
  return identify(
    token,
    { issuer: { config: one, keys: unread, metadata: unread }, claims: decodeJwt(token), expiresAt: 0 },
    { publicBaseUrl: base, directory: directoryOf(config) },
  );
}
