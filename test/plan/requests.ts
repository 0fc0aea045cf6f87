import { searchConfig } from '../../src/config/search.ts';
import type { FhirRequest, Parameter } from '../../src/fhir/request.ts';
import { type Plan, type PlanSettings, planFor, type Refusal, type SearchPlan } from '../../src/plan/plan.ts';

export const settings: PlanSettings = {
  ...searchConfig.parse({}),
  publicBase: 'https://gateway.example/fhir',
  otherBases: ['http://upstream.internal/fhir'],
  leavesOutElements: false,
  timeZone: 'UTC',
};

interface Shape {
  readonly method?: FhirRequest['method'];
  readonly form?: readonly Parameter[];
  readonly headers?: FhirRequest['headers'];
}

/** A request from a relative URL, as the door hands it on. */
export function requestOf(url: string, { method = 'GET', form = [], headers = {} }: Shape = {}): FhirRequest {
  const [path = '', query = ''] = url.split('?', 2);
  return {
    id: 'request',
    method,
    path: path === '' ? [] : path.split('/'),
    query: [...new URLSearchParams(query)],
    form,
    headers,
    receivedAt: 0,
    remoteAddress: '127.0.0.1',
  };
}

export function plan(url: string, shape: Shape = {}, under: PlanSettings = settings): Plan | Refusal {
  return planFor(requestOf(url, shape), under);
}

export function search(url: string, shape: Shape = {}, under: PlanSettings = settings): SearchPlan {
  const made = plan(url, shape, under);
  if (made.outcome !== 'search') throw new Error(`${url}: ${JSON.stringify(made)}`);
  return made;
}

/** Whether the criteria of `Type?query` all hold on a resource of that type. */
export function matches(query: string, resource: Readonly<Record<string, unknown>>): boolean {
  const { forwarded, local } = search(`${String(resource.resourceType)}?${query}`);
  return [...forwarded, ...local].every((criterion) => criterion.matches(resource));
}
