import type { FhirRequest } from '../fhir/request.ts';

export interface Clock {
  readonly now: () => number;
  readonly sleep: (milliseconds: number) => Promise<void>;
}

/**
 * Waits until the next multiple of `gridMs` after the request came: what leaves then does not tell by its time how long the
 * search for it took.
 * @param gridMs milliseconds; 0: at once
 */
export async function waitForGrid(
  { receivedAt }: Pick<FhirRequest, 'receivedAt'>,
  gridMs: number,
  { now, sleep }: Clock,
): Promise<void> {
  if (gridMs === 0) return;
  const elapsed = now() - receivedAt;
  await sleep(Math.ceil((elapsed + 1) / gridMs) * gridMs - elapsed);
}
