import { isGranted, type SearchWorld } from '../discover/search.ts';
import { parseRelativeReference } from '../fhir/ids.ts';
import { displaySafe } from './terms.ts';

const maximumNames = 200;

/**
 * Names of directory resources as the reader sees them: one whose organization is hidden from him reads its key alone.
 * @param keys local keys; others have no name here
 */
export async function namesOf(keys: readonly string[], world: SearchWorld): Promise<ReadonlyMap<string, string>> {
  const { visibility } = world;
  const wanted = keys.flatMap((key) => parseRelativeReference(key) ?? []).slice(0, maximumNames);
  await visibility.load(wanted);
  const names = new Map<string, string>();
  for (const key of wanted) {
    const item = visibility.item(key);
    const visible = item === undefined ? undefined : visibility.visible(item);
    if (visible === undefined || !isGranted(visible, world)) continue;
    const name = nameIn(visible.item.content.release(visible.decision, visible.view.edits).parsed().name);
    if (name !== '') names.set(key, name);
  }
  return names;
}

/** A string, or the first HumanName (FHIR R4 datatypes). */
function nameIn(value: unknown): string {
  if (typeof value === 'string') return displaySafe(value);
  const [first]: readonly unknown[] = Array.isArray(value) ? value : [];
  if (typeof first !== 'object' || first === null) return '';
  const { text, prefix, given, family } = first as Readonly<Record<string, unknown>>;
  if (typeof text === 'string') return displaySafe(text);
  const parts: readonly unknown[] = [prefix, given, family].flat();
  return displaySafe(parts.filter((part) => typeof part === 'string').join(' '));
}
