import { z } from 'zod';

/** How searches are read and answered; limits that a deployment may set per kind of client are set here for all. */
export const searchConfig = z
  .strictObject({
    defaultPageSize: z.int().min(1).max(1000).default(50).describe('Matches on a page when a search names no _count.'),
    maximumPageSize: z
      .int()
      .min(1)
      .max(1000)
      .default(1000)
      .describe('Most matches on a page. A larger _count is reduced to it; upstream pages follow from it.'),
    totals: z
      .enum(['exact', 'none'])
      .default('exact')
      .describe(
        'exact: Bundle.total counts what the requester may see: given when asked for, or when the first page proves the end. none: never given, and searches that ask for it are refused.',
      ),
    scanBudget: z
      .int()
      .min(1000)
      .max(1_000_000)
      .default(20_000)
      .describe('Most resources that one search may read from the FHIR server before it is refused as too costly.'),
    maximumParameters: z.int().min(1).max(1000).default(100).describe('Most parameters of one search.'),
    maximumValues: z.int().min(1).max(1000).default(100).describe('Most comma-separated values of one parameter.'),
    maximumChainDepth: z.int().min(0).max(2).default(2).describe('Most hops of one chain or nested _has.'),
    maximumIncludes: z.int().min(0).max(50).default(10).describe('Most _include and _revinclude of one search.'),
    maximumHopIds: z
      .int()
      .min(1)
      .max(1000)
      .default(1000)
      .describe('Most resources that one chain, _has or _revinclude may lead through.'),
    maximumQueryCharacters: z
      .int()
      .min(256)
      .max(65_536)
      .default(8192)
      .describe('Most characters of the names and values of one search, in the query and the form together.'),
    forwardedModifiers: z
      .array(z.enum(['exact', 'contains', 'identifier']))
      .default(['exact'])
      .describe(
        'Search modifiers that the FHIR server understands. The others are evaluated by the gateway, which reads more for it.',
      ),
    refusedParameters: z
      .array(
        z
          .string()
          .regex(
            /^([A-Z][A-Za-z]+\.)?_?[a-z][A-Za-z-]*$/,
            'name or Type.name of a search parameter, for example Patient.email',
          ),
      )
      .default([])
      .describe('Search parameters to refuse besides those that are never served: name, or Type.name.'),
  })
  .refine(({ defaultPageSize, maximumPageSize }) => defaultPageSize <= maximumPageSize, {
    message: 'defaultPageSize is larger than maximumPageSize',
    path: ['defaultPageSize'],
  })
  .describe('Searches: page sizes, totals, limits and refused parameters.');
