import { hkdfSync } from 'node:crypto';
import { EncryptJWT, errors, jwtDecrypt } from 'jose';
import { z } from 'zod';

const proposal = z.strictObject({
  /** `Type/id` of the resource. */
  key: z.string(),
  /** The stored version that it is about. */
  version: z.string(),
  system: z.string(),
  code: z.string(),
  reason: z.string(),
  /** Who proposed it: issuer and subject of his token. */
  issuer: z.string(),
  subject: z.string(),
  /** Who that is among the practitioners, where the token says it. */
  fhirUser: z.string().optional(),
});

/** That one label of one version of a resource be taken away, by whom and why. */
export type Proposal = z.infer<typeof proposal>;

const purpose = 'label-downgrade';
const header = { alg: 'dir', enc: 'A256GCM' } as const;

/** Proposals travel sealed from who makes one to who confirms it: nobody can make or change one, and nothing is kept meanwhile. */
export class Proposals {
  readonly #key: Uint8Array;
  readonly #lifetimeMs: number;

  /** @param secret shared by the replicas */
  constructor(secret: Uint8Array, lifetimeMs: number) {
    this.#key = new Uint8Array(hkdfSync('sha256', secret, '', purpose, 32));
    this.#lifetimeMs = lifetimeMs;
  }

  /** @param now epoch milliseconds */
  async seal(proposed: Proposal, now: number): Promise<{ readonly sealed: string; readonly until: number }> {
    const until = Math.floor((now + this.#lifetimeMs) / 1_000);
    const sealed = await new EncryptJWT({ proposed })
      .setProtectedHeader(header)
      .setAudience(purpose)
      .setIssuedAt(Math.floor(now / 1_000))
      .setExpirationTime(until)
      .encrypt(this.#key);
    return { sealed, until: until * 1_000 };
  }

  /** @returns undefined for what was not sealed here, was changed, or is too old */
  async open(sealed: string, now: number): Promise<Proposal | undefined> {
    try {
      const { payload } = await jwtDecrypt(sealed, this.#key, {
        audience: purpose,
        currentDate: new Date(now),
        contentEncryptionAlgorithms: [header.enc],
        keyManagementAlgorithms: [header.alg],
      });
      return proposal.parse(payload.proposed);
    } catch (error) {
      if (error instanceof errors.JOSEError || error instanceof z.ZodError) return undefined;
      throw error;
    }
  }
}
