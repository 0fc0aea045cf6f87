import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign, X509Certificate } from 'node:crypto';

/** An X.509 certificate (RFC 5280) with its key, as PEM texts. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
  /** SHA-256 of the DER, base64url (RFC 8705 section 3.1). */
  readonly thumbprint: string;
}

export interface Authority extends Certificate {
  /** A certificate of this authority for a server or client of that name, valid for 127.0.0.1 too. */
  issue(name: string): Certificate;
}

const der = (tag: number, ...contents: readonly Buffer[]): Buffer => {
  const content = Buffer.concat(contents);
  const length =
    content.length < 0x80
      ? [content.length]
      : content.length < 0x100
        ? [0x81, content.length]
        : [0x82, content.length >> 8, content.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
};
const sequence = (...contents: readonly Buffer[]): Buffer => der(0x30, ...contents);
const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'));
const ecdsaWithSha256 = sequence(oid('2a8648ce3d040302'));
const distinguishedName = (name: string): Buffer =>
  sequence(der(0x31, sequence(oid('550403'), der(0x0c, Buffer.from(name)))));
const utcTime = (at: Date): Buffer =>
  der(0x17, Buffer.from(`${at.toISOString().slice(2, 19).replaceAll(/[-:T]/g, '')}Z`));
const day = 86_400_000;

function extensionsOf(name: string, isAuthority: boolean): Buffer {
  const critical = der(0x01, Buffer.from([0xff]));
  const constraints = sequence(oid('551d13'), critical, der(0x04, sequence(...(isAuthority ? [critical] : []))));
  const names = sequence(der(0x82, Buffer.from(name)), der(0x87, Buffer.from([127, 0, 0, 1])));
  return der(0xa3, sequence(constraints, ...(isAuthority ? [] : [sequence(oid('551d11'), der(0x04, names))])));
}

function certificate(subject: string, isAuthority: boolean, by?: { readonly name: string; readonly key: KeyObject }) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(12)])),
    ecdsaWithSha256,
    distinguishedName(by?.name ?? subject),
    sequence(utcTime(new Date(Date.now() - day)), utcTime(new Date(Date.now() + day))),
    distinguishedName(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    extensionsOf(subject, isAuthority),
  );
  const signature = sign('sha256', body, by?.key ?? privateKey);
  const raw = sequence(body, ecdsaWithSha256, der(0x03, Buffer.from([0]), signature));
  return {
    cert: new X509Certificate(raw).toString(),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    thumbprint: createHash('sha256').update(raw).digest('base64url'),
    privateKey,
  };
}

/** An authority of a test's own; nothing of it outlives the test. */
export function authority(name: string): Authority {
  const own = certificate(name, true);
  return { ...own, issue: (subject) => certificate(subject, false, { name, key: own.privateKey }) };
}
