import { createHash, timingSafeEqual } from 'node:crypto';
import type { SubscriptionConfig } from '../config/consent.ts';
import { GatewayError } from '../errors/errors.ts';
import { isId } from '../fhir/ids.ts';
import { type Errand, pagesOf, type Upstream } from '../upstream/upstream.ts';
import { isObject, type Json, list, own, text } from './json.ts';

export interface SubscriptionParts {
  readonly store: string;
  readonly upstream: Upstream;
  readonly config: SubscriptionConfig;
  /** The secret that notifications bring along; undefined while there is none to read. */
  readonly secret: () => string | undefined;
  /** Authorization for registering; undefined: the store's own. */
  readonly authorization: () => string | undefined;
  /** Called once when it cannot be registered, and once when it can again. */
  readonly onState: (store: string, failure: string | undefined) => void;
}

const criteria = 'Consent?';
const shortestSecret = 32;
const retryMs = 10_000;

/**
 * The gateway's own Subscription in a store (FHIR R4 Subscription, rest-hook without payload): the store calls whenever
 * some Consent changed and says nothing of which. It is looked up again now and then, as stores turn off what fails.
 */
export class ConsentSubscription {
  readonly #parts: SubscriptionParts;
  readonly #abort = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #isFailing = false;

  constructor(parts: SubscriptionParts) {
    this.#parts = parts;
  }

  start(): void {
    void this.#renew();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#abort.abort();
  }

  /**
   * Whether a notification bears the secret. All that one with it can do is to make the gateway ask what changed.
   * @param authorization value of the header as it came
   */
  isFromStore(authorization: string | undefined): boolean {
    const secret = this.#parts.secret();
    if (secret === undefined || secret.length < shortestSecret) return false;
    const digest = (value: string): Buffer => createHash('sha256').update(value).digest();
    return timingSafeEqual(digest(authorization ?? ''), digest(`Bearer ${secret}`));
  }

  async #renew(): Promise<void> {
    const { store, config, onState } = this.#parts;
    let failure: string | undefined;
    try {
      await this.#register();
    } catch (error) {
      failure = error instanceof GatewayError ? error.code : 'internal';
    }
    if (this.#abort.signal.aborted) return;
    if ((failure !== undefined) !== this.#isFailing) onState(store, failure);
    this.#isFailing = failure !== undefined;
    this.#timer = setTimeout(() => void this.#renew(), failure === undefined ? config.renewMs : retryMs);
    this.#timer.unref();
  }

  async #register(): Promise<void> {
    const { upstream, authorization } = this.#parts;
    const errand: Errand = { authorization: undefined, signal: this.#abort.signal };
    const mine = await this.#mine(errand);
    const wanted = this.#wanted();
    if (mine.some((one) => isRunning(one, wanted))) return;
    const id = mine.map((one) => text(one.id)).find((one) => one !== undefined && isId(one));
    const resource = JSON.stringify({ ...wanted, ...(id === undefined ? {} : { id }) });
    await upstream.keep('Subscription', id, resource, authorization(), errand);
  }

  /** Those in the store that call this gateway. */
  async #mine(errand: Errand): Promise<readonly Json[]> {
    const { upstream, config } = this.#parts;
    const search = {
      type: 'Subscription',
      parameters: [['url', config.endpoint] as const],
      pageSize: 50,
      unsorted: true,
    };
    const found: Json[] = [];
    for await (const { page } of pagesOf(upstream, search, undefined, errand)) {
      for (const content of page.contents) {
        const { json } = content.examine(({ tape, node }) => ({ json: JSON.parse(tape.raw(node)) as unknown }));
        if (isObject(json) && own(json.channel, 'endpoint') === config.endpoint) found.push(json);
      }
    }
    return found;
  }

  #wanted(): Json {
    const { secret, config } = this.#parts;
    const bearer = secret();
    if (bearer === undefined || bearer.length < shortestSecret) throw new GatewayError('internal');
    return {
      resourceType: 'Subscription',
      status: 'requested',
      reason: 'Consents that change must count at once.',
      criteria,
      channel: { type: 'rest-hook', endpoint: config.endpoint, header: [`Authorization: Bearer ${bearer}`] },
    };
  }
}

/** Not off, in error, or of another secret. A store may keep its headers to itself. */
function isRunning(subscription: Json, wanted: Json): boolean {
  const headers = list(own(subscription.channel, 'header'));
  const [header] = list(own(wanted.channel, 'header'));
  return (
    (subscription.status === 'active' || subscription.status === 'requested') &&
    subscription.criteria === wanted.criteria &&
    (headers.length === 0 || headers.includes(header))
  );
}
