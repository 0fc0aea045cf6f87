type Payload = Record<string, unknown> & { uid?: string; userCode?: string; grantId?: string };

/** Keeps what oidc-provider stores (sessions, codes, grants) in memory; gone with the process. */
export class MemoryAdapter {
  static readonly #stored = new Map<string, Payload>();
  readonly #model: string;

  constructor(model: string) {
    this.#model = model;
  }

  async upsert(id: string, payload: Payload): Promise<void> {
    MemoryAdapter.#stored.set(this.#key(id), payload);
  }

  async find(id: string): Promise<Payload | undefined> {
    return MemoryAdapter.#stored.get(this.#key(id));
  }

  async findByUid(uid: string): Promise<Payload | undefined> {
    return this.#first((payload) => payload.uid === uid);
  }

  async findByUserCode(userCode: string): Promise<Payload | undefined> {
    return this.#first((payload) => payload.userCode === userCode);
  }

  async consume(id: string): Promise<void> {
    const payload = await this.find(id);
    if (payload !== undefined) payload.consumed = Math.floor(Date.now() / 1000);
  }

  async destroy(id: string): Promise<void> {
    MemoryAdapter.#stored.delete(this.#key(id));
  }

  async revokeByGrantId(grantId: string): Promise<void> {
    for (const [key, payload] of MemoryAdapter.#stored) {
      if (payload.grantId === grantId) MemoryAdapter.#stored.delete(key);
    }
  }

  #key(id: string): string {
    return `${this.#model}:${id}`;
  }

  #first(matches: (payload: Payload) => boolean): Payload | undefined {
    for (const [key, payload] of MemoryAdapter.#stored) {
      if (key.startsWith(`${this.#model}:`) && matches(payload)) return payload;
    }
    return undefined;
  }
}
