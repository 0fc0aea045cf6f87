import { type ErrorCode, errorKinds } from '../errors/errors.ts';
import { fhirVersion } from '../fhir/version.ts';
import { parametersOf, refusedParametersOf } from './registry.ts';
import { refusedTypes, servedTypes } from './served.ts';

/** One thing that is refused by the shape of a request alone. */
interface StaticRefusal {
  readonly what: string;
  readonly why: string;
  readonly code: ErrorCode;
}

/** Everything refused statically; the CapabilityStatement and docs/refusals.md are written from it. */
export const staticRefusals: readonly StaticRefusal[] = [
  {
    what: 'Create, update, patch, delete; conditional writes',
    why: 'This gateway is read-only.',
    code: 'method-not-allowed',
  },
  {
    what: 'Batch and transaction (`POST` to the base)',
    why: 'Each entry would need its own decision and its own record.',
    code: 'method-not-allowed',
  },
  {
    what: 'Operations (`$everything`, `$export`, `$document`, `$graphql` and every other)',
    why: 'An operation reads what its answer does not show; none is passed through.',
    code: 'unknown-route',
  },
  {
    what: 'Type and system history',
    why: 'They tell which ids exist and when they changed.',
    code: 'unknown-route',
  },
  {
    what: 'System search, `Patient/[id]/*` and other wildcards',
    why: 'They reach types whose rules the request does not name.',
    code: 'unknown-route',
  },
  {
    what: 'Formats other than FHIR JSON of the version of the data',
    why: 'What is cut from one representation must not be left in another.',
    code: 'not-acceptable',
  },
  {
    what: '`_text`, `_content`, `_filter`, `_query`, `_list`, `_source`, `_contained`, `_containedType`, `_type`, `near`, `phonetic`',
    why: 'They ask about content that may be hidden, or cannot be evaluated on what the requester may see.',
    code: 'parameter-not-supported',
  },
  {
    what: 'Composite parameters and references by canonical URL',
    why: 'They cannot be evaluated with certainty on what the requester may see.',
    code: 'parameter-not-supported',
  },
  {
    what: 'Modifiers `:above`, `:below`, `:in`, `:not-in`, `:text`, `:of-type`, `:recurse`; prefix `ap`, and `sa`, `eb` on numbers',
    why: 'They need terminology or text that the gateway does not evaluate.',
    code: 'parameter-not-supported',
  },
  {
    what: 'References to a version or to another server, or by id alone where any type is possible; `system|code` where the element is a plain code',
    why: 'Servers differ in what these match.',
    code: 'parameter-not-supported',
  },
  {
    what: '`_sort` by references, by quantities or by what falls with a reference; with `labels.inline: element`, by anything but `_id` and `_lastUpdated`; any `_sort` in a compartment that several parameters make; `_score`',
    why: 'The order would tell what was cut; merged searches have no common order.',
    code: 'parameter-not-supported',
  },
  {
    what: '`_include=*`, `_revinclude=*`',
    why: 'Each reference followed is named, so that each is decided.',
    code: 'parameter-not-supported',
  },
  {
    what: "Upstream's own paging parameters",
    why: 'Offsets and counts would tell how many resources are hidden. Pages are led to by `next` links only.',
    code: 'parameter-not-supported',
  },
];

/** The text of docs/refusals.md, or of refusals-r5.md. */
export function renderRefusals(): string {
  const rows = staticRefusals.map(
    ({ what, why, code }) => `| ${what} | ${why} | ${errorKinds[code].status} \`${code}\` |`,
  );
  const types = refusedTypes().map(({ types, reason }) => `| ${types.join(', ')} | ${reason} |`);
  const parameters = servedTypes()
    .map((type) => ({ type, refused: refusedParametersOf(type) }))
    .filter(({ refused }) => refused.length > 0)
    .map(({ type, refused }) => `| ${type} | ${refused.map((name) => `\`${name}\``).join(', ')} |`);
  const served = servedTypes().reduce((sum, type) => sum + parametersOf(type).length, 0);
  return [
    `# What is refused, and why (data of FHIR ${fhirVersion()})`,
    '',
    'Generated from the tables in `src/plan`. Everything here is refused by the shape of the request alone, before anything',
    'is read: the answer is the same whatever the data hold. With `Prefer: handling=lenient`, search parameters that are',
    'not supported are left out instead, and are absent from the `self` link.',
    '',
    '| refused | because | answer |',
    '| --- | --- | --- |',
    ...rows,
    '',
    '## Resource types',
    '',
    `${servedTypes().length} types are served. These are not; a request for one is answered 404 \`unknown-route\`.`,
    '',
    '| types | because |',
    '| --- | --- |',
    ...types,
    '',
    `## Search parameters of FHIR ${fhirVersion()} that are not served`,
    '',
    `${served} combinations of type and parameter are served. Of the served types, these are not:`,
    '',
    '| type | parameters |',
    '| --- | --- |',
    ...parameters,
    '',
  ].join('\n');
}
