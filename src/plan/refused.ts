import type { ErrorCode } from '../errors/errors.ts';
import type { Refusal } from './plan.ts';

/**
 * Carries a refusal out of the depth of the parser; `planFor` turns it back into the value that it returns.
 * It never leaves this room.
 */
export class Refused extends Error {
  readonly refusal: Refusal;
  constructor(code: ErrorCode, about?: string) {
    super(code);
    this.refusal = about === undefined ? { outcome: 'refuse', code } : { outcome: 'refuse', code, about };
  }
}
