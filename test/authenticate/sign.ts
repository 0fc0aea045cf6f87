import { constants, createHmac, KeyObject, randomUUID, sign } from 'node:crypto';
import { exportJWK, generateKeyPair } from 'jose';

export interface Pair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export async function pairFor(alg: string): Promise<Pair> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { privateKey: KeyObject.from(privateKey), publicKey: KeyObject.from(publicKey) };
}

export async function publicJwk({ publicKey }: Pair, members: object): Promise<object> {
  return { ...(await exportJWK(publicKey)), use: 'sig', ...members };
}

export function encoded(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
}

/** JWS compact serialization (RFC 7515) of any header and payload, fit or not; a text stands as it is. */
export function jws(header: unknown, payload: unknown, signature: (input: string) => Buffer): string {
  const input = `${encoded(header)}.${encoded(payload)}`;
  return `${input}.${signature(input).toString('base64url')}`;
}

export const es256 =
  ({ privateKey }: Pair) =>
  (input: string): Buffer =>
    sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' });

export const rsa =
  ({ privateKey }: Pair, hash = 'sha256') =>
  (input: string): Buffer =>
    sign(hash, Buffer.from(input), privateKey);

export const pss =
  ({ privateKey }: Pair) =>
  (input: string): Buffer =>
    sign('sha256', Buffer.from(input), { key: privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 });

export const hs256 =
  (secret: string | Buffer) =>
  (input: string): Buffer =>
    createHmac('sha256', secret).update(input).digest();

/** Claims of a token that passes: a clinician's, for treatment. */
export function claimsOf(issuer: string, audience: string): Readonly<Record<string, unknown>> {
  const now = Math.floor(Date.now() / 1000);
  return {
    iss: issuer,
    aud: audience,
    sub: 'dr-grey',
    client_id: 'demo-app',
    jti: randomUUID(),
    iat: now,
    exp: now + 300,
    scope: 'user/*.rs',
    fhirUser: 'Practitioner/dr-grey',
    organization: 'Organization/mercy-hospital',
    roles: ['clinician'],
    purpose_of_use: ['TREAT'],
  };
}
