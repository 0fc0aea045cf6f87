import type { Requester } from '../authenticate/requester.ts';
import type { LimitsConfig } from '../config/listener.ts';
import type { Admission } from '../edges.ts';
import { GatewayError } from '../errors/errors.ts';
import type { Limiters } from './limiters.ts';

/**
 * Who may come in now. Static: it counts what clients ask, never what was found; a refusal says nothing about data.
 * Negative answers have a limit of their own, so that sampling them stays dear.
 */
export function createAdmission(
  limits: LimitsConfig,
  { requests, negatives, nameOf }: Limiters,
): (requester: Requester) => Promise<Admission> {
  const perSubject = new Map<string, number>();
  const queue: (() => void)[] = [];
  let inFlight = 0;

  const place = async (): Promise<void> => {
    if (inFlight < limits.maximumInFlight) {
      inFlight++;
      return;
    }
    if (queue.length >= limits.maximumQueued) throw new GatewayError('overloaded');
    await new Promise<void>((resolve, reject) => {
      const enter = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        queue.splice(queue.indexOf(enter), 1);
        reject(new GatewayError('overloaded'));
      }, limits.queueTimeoutMs);
      queue.push(enter);
    });
  };
  const giveBack = (): void => {
    const next = queue.shift();
    if (next === undefined) inFlight--;
    else next();
  };

  return async (requester) => {
    const kind = requester.clientKind;
    const subject = nameOf(requester);
    const spent = await negatives[kind].get(subject);
    if (spent !== null && spent.consumedPoints >= limits[kind].negativesPerMinute)
      throw new GatewayError('rate-limited');
    try {
      await requests[kind].consume(subject);
    } catch {
      throw new GatewayError('rate-limited');
    }
    const mine = perSubject.get(subject) ?? 0;
    if (mine >= limits[kind].inFlight) throw new GatewayError('rate-limited');
    perSubject.set(subject, mine + 1);
    try {
      await place();
    } catch (error) {
      leaveSubject(perSubject, subject);
      throw error;
    }
    return {
      leave(negative) {
        giveBack();
        leaveSubject(perSubject, subject);
        if (negative) negatives[kind].penalty(subject, 1).catch(() => undefined);
      },
    };
  };
}

function leaveSubject(perSubject: Map<string, number>, subject: string): void {
  const left = (perSubject.get(subject) ?? 1) - 1;
  if (left <= 0) perSubject.delete(subject);
  else perSubject.set(subject, left);
}
