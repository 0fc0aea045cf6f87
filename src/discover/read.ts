import { type ResourceKey, resourceKey } from '../fhir/ids.ts';
import { isGranted, type SearchWorld } from './search.ts';
import type { Visible } from './visibility.ts';

/**
 * One resource in the requester's world. What is absent takes the same way as what is withheld: the same look-ups of
 * parents and Consents, for ids that nobody has.
 * @returns undefined when the requester may not know it, for whatever reason
 */
export async function readOne(key: ResourceKey, world: SearchWorld): Promise<Visible | undefined> {
  const content = await world.upstream.read(key, world.errand);
  if (content === undefined) {
    await world.visibility.loadAbsent(standIns(key));
    return undefined;
  }
  const [item] = await world.visibility.admit([content]);
  if (item === undefined) return undefined;
  const visible = world.visibility.visible(item);
  if (visible === undefined || !isGranted(visible, world)) {
    world.withheld.add(item);
    await world.visibility.establishAny();
    return undefined;
  }
  return visible;
}

/** Keys of the kinds a clinical resource refers to, under the id that was asked for: nobody has them. */
export function standIns(key: ResourceKey): readonly [patient: ResourceKey, encounter: ResourceKey] {
  const id = key.slice(key.indexOf('/') + 1);
  return [resourceKey('Patient', id), resourceKey('Encounter', id)];
}
