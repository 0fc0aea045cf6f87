import type { ResourceKey } from '../fhir/ids.ts';
import { standIns } from './read.ts';
import { isGranted, type SearchWorld } from './search.ts';
import type { Visible } from './visibility.ts';

/**
 * The versions of one resource as the requester could have seen them: newest first, runs of equal views collapsed into
 * their oldest member. Deletions are not shown.
 * @returns undefined when the requester may not know the resource as it is now
 */
export async function versionsOf(key: ResourceKey, world: SearchWorld): Promise<readonly Visible[] | undefined> {
  const versions = await world.upstream.history(key, world.errand);
  const contents = versions?.flatMap(({ content }) => content ?? []) ?? [];
  if (versions === undefined || versions[0]?.content === undefined) {
    await world.visibility.loadAbsent(standIns(key));
    return undefined;
  }
  const all = await world.visibility.versions(contents);
  const [newest] = all;
  if (newest?.visible === undefined || !isGranted(newest.visible, world)) {
    if (newest !== undefined) world.withheld.add(newest.item);
    await world.visibility.establishAny();
    return undefined;
  }
  const distinct: Visible[] = [];
  for (const { visible: view } of all) {
    if (view === undefined || !isGranted(view, world)) continue;
    if (distinct.at(-1)?.view.versionId === view.view.versionId) distinct[distinct.length - 1] = view;
    else distinct.push(view);
  }
  return distinct;
}
