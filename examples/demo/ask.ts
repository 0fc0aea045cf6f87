import { type ExactObject, isExactObject, parseExact } from './embedded/exact.ts';

/** All pages of one search, as its client sees them. */
export interface Found {
  readonly status: number;
  /** Ids of the matches, in order, with repeats if there are any. */
  readonly ids: readonly string[];
  readonly resources: readonly ExactObject[];
  /** `Bundle.total` of the first page. */
  readonly total: string | undefined;
  /** The bodies of all pages, as text. */
  readonly text: string;
  readonly milliseconds: number;
}

const maximumPages = 50;

/**
 * Runs a search and follows its next links to the end.
 * @param url absolute
 */
export async function search(url: string, headers: Readonly<Record<string, string>>): Promise<Found> {
  const resources: ExactObject[] = [];
  const texts: string[] = [];
  const started = performance.now();
  let status = 200;
  let total: string | undefined;
  for (let next: string | undefined = url; next !== undefined && texts.length < maximumPages; ) {
    const answer: Response = await fetch(next, { headers: { accept: 'application/fhir+json', ...headers } });
    const text = await answer.text();
    texts.push(text);
    status = answer.status;
    const bundle: unknown = status === 200 ? parseExact(text) : undefined;
    if (!isObject(bundle)) break;
    if (texts.length === 1 && bundle.total !== undefined) total = JSON.stringify(bundle.total);
    resources.push(...matchesOf(bundle));
    next = nextOf(bundle);
  }
  return {
    status,
    ids: resources.map(({ id }) => String(id)),
    resources,
    total,
    text: texts.join('\n'),
    milliseconds: performance.now() - started,
  };
}

function isObject(value: unknown): value is ExactObject {
  return isExactObject(value as ExactObject);
}

function matchesOf(bundle: ExactObject): ExactObject[] {
  return (Array.isArray(bundle.entry) ? bundle.entry : []).flatMap((entry) => {
    if (!isExactObject(entry) || !isExactObject(entry.resource)) return [];
    const mode = isExactObject(entry.search) ? entry.search.mode : 'match';
    return mode === 'match' ? [entry.resource] : [];
  });
}

function nextOf(bundle: ExactObject): string | undefined {
  for (const link of Array.isArray(bundle.link) ? bundle.link : []) {
    if (isExactObject(link) && link.relation === 'next' && typeof link.url === 'string') return link.url;
  }
  return undefined;
}
