import type { PlanSettings } from './plan.ts';

/**
 * Upstream page size for a page of visible resources: room for some that are hidden, and a function of the request alone,
 * so that neither number nor size of upstream pages tells how many are.
 */
export function upstreamPageSize(pageSize: number, { maximumPageSize }: PlanSettings): number {
  return Math.min(Math.ceil(maximumPageSize * 1.25), Math.ceil(pageSize * 1.25) + 10);
}
