import type { RequesterContext } from '../context/requester-context.ts';
import type { FhirRequest } from '../fhir/request.ts';
import type { SearchPlan } from '../plan/plan.ts';
import type { PageState, PageTokens } from './page-token.ts';

/** What links between pages are made with. */
export interface PagingEdges {
  readonly pageTokens: PageTokens;
  readonly policyHash: string;
  readonly now: () => number;
}

export interface Link {
  readonly relation: 'self' | 'next';
  readonly url: string;
}

/**
 * What a page token of this requester stands for.
 * @throws {GatewayError} `page-not-found`
 */
export function openPage(token: string, context: RequesterContext, edges: PagingEdges): PageState {
  return edges.pageTokens.open(token, bindingOf(context, edges.policyHash), edges.now());
}

/** Who may use a page token: the same person or system with the same client, organization, roles, scopes, purposes and policy. */
function bindingOf({ requester, purposes, emergency }: RequesterContext, policyHash: string): string {
  const scopes = requester.scopes.map((scope) => JSON.stringify(scope)).sort();
  return JSON.stringify([
    requester.issuer,
    requester.subject,
    requester.clientId,
    [...requester.organizations].sort(),
    [...requester.roles].sort(),
    scopes,
    requester.patient ?? '',
    [...purposes].sort(),
    emergency?.patient ?? '',
    policyHash,
  ]);
}

/** Where the next page goes on, and what was established before it. */
interface GoingOn {
  readonly position: PageState['position'];
  readonly total?: number | undefined;
  readonly shadow: string | undefined;
}

/** The place that the next page goes on from, in the request as it was first made. */
export function pageState(
  request: FhirRequest,
  page: PageState | undefined,
  { position, total, shadow }: GoingOn,
  edges: PagingEdges,
): PageState {
  const parameters = page?.parameters ?? [...request.query, ...request.form];
  return {
    path: pathOf(request, page),
    parameters,
    position,
    ...(total === undefined ? {} : { total }),
    ...(shadow === undefined ? {} : { shadow }),
    issuedAt: edges.now(),
  };
}

/** Path of the first request; a search by POST is one by GET from then on. */
export function pathOf(request: FhirRequest, page: PageState | undefined): readonly string[] {
  return page?.path ?? (request.path.at(-1) === '_search' ? request.path.slice(0, -1) : request.path);
}

/** The request as it was understood, and the way on if there is one. */
export function linksOf(
  url: string,
  self: SearchPlan['self'],
  nextUrl: string,
  next: PageState | undefined,
  context: RequesterContext,
  edges: PagingEdges,
): Link[] {
  const query = printed(self);
  const links: Link[] = [{ relation: 'self', url: query === '' ? url : `${url}?${query}` }];
  if (next === undefined) return links;
  const token = edges.pageTokens.seal(next, bindingOf(context, edges.policyHash));
  links.push({ relation: 'next', url: `${nextUrl}?_page=${token}` });
  return links;
}

export function printed(parameters: SearchPlan['self']): string {
  return new URLSearchParams(parameters.map(([name, value]): [string, string] => [name, value])).toString();
}
