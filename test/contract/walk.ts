import type { Found } from './real-clients.ts';

/** Where and how to search: a FHIR base, how it leads to the next page, and a token if it wants one. */
export type Searched = { readonly url: string; readonly paging: 'link' | 'offset'; readonly token?: string };

/**
 * Every match of a search, over all pages, as the server's JSON has it.
 * @param query `Type?parameters`, without `_count`
 * @throws {Error} with status and text of an answer that is not 200
 */
export async function searchAll({ url, paging, token }: Searched, query: string, count = 500): Promise<Found[]> {
  const found: Found[] = [];
  const first = `${url}/${query}${query.includes('?') ? '&' : '?'}_count=${count}`;
  let next: string | undefined = first;
  while (next !== undefined) {
    const answer: Response = await fetch(next, {
      headers: {
        accept: 'application/fhir+json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
    });
    const text = await answer.text();
    if (answer.status !== 200) throw new Error(`${next}: ${answer.status} ${text}`);
    const { entry = [], link = [] } = JSON.parse(text) as {
      entry?: { resource: Found; search?: { mode?: string } }[];
      link?: { relation: string; url: string }[];
    };
    const matches = entry.filter(({ search }) => (search?.mode ?? 'match') === 'match');
    found.push(...matches.map(({ resource }) => resource));
    if (paging === 'link') next = link.find(({ relation }) => relation === 'next')?.url;
    else next = matches.length < count ? undefined : `${first}&_offset=${found.length}`;
  }
  return found;
}
