import { RateLimiterMemory } from 'rate-limiter-flexible';
import type { Authenticator } from '../authenticate/authenticate.ts';
import { GatewayError } from '../errors/errors.ts';
import type { FhirRequest } from '../fhir/request.ts';

type Authenticate = Authenticator['authenticate'];

/** Counts tokens that were not valid by the address that they came from. */
export type TokenGuard = (authenticator: Pick<Authenticator, 'authenticate' | 'remembers'>) => Authenticate;

const minuteSeconds = 60;

/**
 * From an address that sent too many tokens that were not valid, only tokens that are known are taken for the rest of the
 * minute: others are not even looked at. Who has a token goes on, whoever shares the address.
 * @param perMinute 0: any number
 */
export function createTokenGuard(perMinute: number): TokenGuard {
  if (perMinute === 0) return ({ authenticate }) => authenticate;
  const failures = new RateLimiterMemory({ points: perMinute, duration: minuteSeconds });
  return ({ authenticate, remembers }) =>
    async (request) => {
      if (request.headers.authorization === undefined) return authenticate(request); // it costs nothing to refuse
      const address = addressOf(request);
      const spent = await failures.get(address);
      if (spent !== null && spent.consumedPoints >= perMinute && !remembers(request))
        throw new GatewayError('rate-limited');
      try {
        return await authenticate(request);
      } catch (error) {
        if (error instanceof GatewayError && error.code === 'token-invalid') await failures.penalty(address, 1);
        throw error;
      }
    };
}

/** One IPv4 address, or the network of an IPv6 one: who has one address of it has them all (RFC 6177). */
function addressOf({ remoteAddress }: FhirRequest): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(remoteAddress)?.[1];
  if (mapped !== undefined || !remoteAddress.includes(':')) return mapped ?? remoteAddress;
  const [head = '', tail = ''] = remoteAddress.split('%')[0]?.split('::') ?? [];
  const [first, last] = [head, tail].map((part) => (part === '' ? [] : part.split(':')));
  const zeros = new Array<string>(Math.max(0, 8 - (first?.length ?? 0) - (last?.length ?? 0))).fill('0');
  return [...(first ?? []), ...zeros, ...(last ?? [])].slice(0, 4).join(':');
}
