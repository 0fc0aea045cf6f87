import { expectedOf, type R5Case, r5Cases, r5Full, r5Plain } from './r5-worlds.ts';
import { type Bench, type Difference, entriesOf, report, type Twins } from './twins.ts';

/** What is wrong with a gateway before R5 data, or '' when nothing is: hidden things that show, visible ones that do not. */

/** All requests of a case, over both worlds. */
export async function toldApart(twins: Twins, { asker, requests }: R5Case): Promise<string> {
  const found: Difference[] = [];
  for (const path of requests) found.push(...(await twins.compare(asker, { method: 'GET', path })));
  return report(found);
}

/** Everything visible of a type comes to somebody exactly once, on pages of four. */
export async function missing(twins: Twins, asker: string, resourceType: string): Promise<string> {
  const pages = await twins.pages(1, asker, { method: 'GET', path: `${resourceType}?_count=4` });
  const received = pages[0]?.status === 200 ? entriesOf(pages).map(({ key }) => key) : [`${pages[0]?.status}`];
  const [is, should] = [received, expectedOf(asker, resourceType)].map((keys) => keys.toSorted().join());
  return is === should ? '' : `${asker}: ${resourceType} brings ${is} instead of ${should}`;
}

/** The types of which somebody has something to receive in a case. */
export function typesShown({ visible }: R5Case): readonly string[] {
  return [...new Set(visible.map(({ resourceType }) => resourceType))].filter((type) => type !== 'Consent');
}

/**
 * The first case in which a gateway is wrong; undefined when it is right in all.
 * @param source the gateway's source folder
 * @param by how the names of those cases begin that are tried first
 */
export async function firstR5Caught(bench: Bench, source: string, by: string): Promise<string | undefined> {
  const twins = await bench.start([r5Plain, r5Full], { source, shared: true, fhirVersion: 'R5' });
  try {
    const first = r5Cases.filter(({ name }) => name.startsWith(by));
    for (const one of [...first, ...r5Cases.filter((other) => !first.includes(other))]) {
      if ((await toldApart(twins, one)) !== '') return `told apart: ${one.name}`;
      for (const type of typesShown(one))
        if ((await missing(twins, one.asker, type)) !== '') return `missing: ${one.name}`;
    }
    return undefined;
  } finally {
    await twins.close();
  }
}
