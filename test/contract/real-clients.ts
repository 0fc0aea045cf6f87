/** Apps as they are in the world: they know a base URL and a token, and follow next links until there are no more. */
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { Client } from 'fhir-kit-client';
import smart from 'fhirclient';

export type Found = { readonly resourceType: string; readonly id: string; readonly [element: string]: unknown };
type Page = { readonly entry?: readonly { readonly resource: Found; readonly search?: { readonly mode?: string } }[] };

type RealClient = {
  readonly name: string;
  /** Every resource that a search gives, page by page, in order; with the number of pages it took. */
  readonly searchAll: (
    base: string,
    token: string | undefined,
    type: string,
    parameters: Readonly<Record<string, string>>,
  ) => Promise<{ readonly resources: readonly Found[]; readonly pages: number }>;
  readonly read: (base: string, token: string | undefined, type: string, id: string) => Promise<Found>;
};

const most = 1_000; // pages; a server that never ends must not keep a test

const fhirKitClient: RealClient = {
  name: 'fhir-kit-client',
  async searchAll(base, token, resourceType, parameters) {
    const client = kit(base, token);
    const resources: Found[] = [];
    let page: unknown = await client.search({ resourceType, searchParams: { ...parameters } });
    let pages = 0;
    while (page !== undefined && pages < most) {
      pages++;
      resources.push(...resourcesOf(page as Page));
      page = await client.nextPage({ bundle: page as Parameters<typeof client.nextPage>[0]['bundle'] });
    }
    return { resources, pages };
  },
  async read(base, token, resourceType, id) {
    return (await kit(base, token).read({ resourceType, id })) as unknown as Found;
  },
};

const fhirclient: RealClient = {
  name: 'fhirclient',
  async searchAll(base, token, type, parameters) {
    const pages: Page[] = [];
    await js(base, token).request(`${type}?${new URLSearchParams({ ...parameters })}`, {
      pageLimit: most,
      onPage: (page: unknown) => {
        pages.push(page as Page);
      },
    });
    return { resources: pages.flatMap(resourcesOf), pages: pages.length };
  },
  async read(base, token, type, id) {
    return (await js(base, token).request(`${type}/${id}`)) as Found;
  },
};

export const realClients: readonly RealClient[] = [fhirKitClient, fhirclient];

function kit(base: string, token: string | undefined): Client {
  return new Client({ baseUrl: base, ...(token === undefined ? {} : { bearerToken: token }) });
}

/** fhirclient in Node is made for a web server's request and response, which only its login flow uses. */
function js(base: string, token: string | undefined) {
  const request = new IncomingMessage(new Socket());
  return smart(request, new ServerResponse(request)).client({
    serverUrl: base,
    ...(token === undefined ? {} : { tokenResponse: { access_token: token, token_type: 'Bearer' } }),
  });
}

function resourcesOf(page: Page): Found[] {
  return (page.entry ?? []).map(({ resource }) => resource);
}
