import { GatewayError } from '../errors/errors.ts';

const maximumAttempts = 3;

/**
 * Does work again while Consents change under it: nothing is told by what is no longer in force.
 * @throws {GatewayError} `consent-unavailable` when they do not keep still
 */
export async function whileCurrent<Result>(
  work: () => Promise<{ readonly result: Result; readonly stillHolds: () => Promise<boolean> }>,
): Promise<Result> {
  for (let attempt = 0; attempt < maximumAttempts; attempt++) {
    const { result, stillHolds } = await work();
    if (await stillHolds()) return result;
  }
  throw new GatewayError('consent-unavailable');
}

/**
 * Whether all holds that one answer rests on. Looked at twice: while some of it is read again the rest may grow too old; the
 * second time there is nothing to read.
 */
export async function allHold(looks: readonly (() => Promise<boolean>)[]): Promise<boolean> {
  for (let turn = 0; turn < 2; turn++)
    if ((await Promise.all(looks.map((look) => look()))).includes(false)) return false;
  return true;
}
