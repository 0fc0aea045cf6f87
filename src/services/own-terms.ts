import { randomUUID } from 'node:crypto';
import { allHold, isReadable } from '../administer/administer.ts';
import type { DescribedRequester } from '../authenticate/authenticate.ts';
import type { SearchWorld } from '../discover/search.ts';
import { type ResourceKey, resourceKey, typeOf } from '../fhir/ids.ts';

/** Worlds that an answer's words are made of beside what it is about: they have to hold as well when it leaves. */
export class WorldsBeside {
  readonly #open: () => SearchWorld;
  readonly #opened: SearchWorld[] = [];

  constructor(open: () => SearchWorld) {
    this.#open = open;
  }

  open(): SearchWorld {
    const world = this.#open();
    this.#opened.push(world);
    return world;
  }

  /** With these, what the answer is about. */
  holdWith(itself: () => Promise<boolean>): Promise<boolean> {
    return allHold([itself, ...this.#opened.map(({ stillInForce }) => stillInForce)]);
  }
}

/** What stands for something that nobody has. */
const anyNobody = /[A-Z][A-Za-z]+\/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;
/** What is looked up when a Consent names it as actor; other actors are compared by name alone. */
const lookedUp = new Set(['CareTeam', 'Group', 'PractitionerRole']);

export interface ReadableDrafts {
  readonly drafts: readonly object[];
  /** Something that they name is not there, or cannot be read by who tries them. */
  readonly namesUnread: boolean;
  /** A text about these drafts, with what they name called as they call it. */
  readonly inTheirWords: (text: string) => string;
}

/**
 * Drafts as who tries them may know what they do: what they name and he cannot read becomes what nobody has, whether it is there or
 * not.
 * @param keyOf resource of the FHIR server that a reference means
 */
export async function readableDrafts(
  drafts: readonly object[],
  world: SearchWorld,
  keyOf: (reference: string) => ResourceKey | undefined,
): Promise<ReadableDrafts> {
  const wanted = new Set<ResourceKey>();
  for (const draft of drafts) replaced(draft, (key) => void wanted.add(key), keyOf);
  await world.visibility.load([...wanted]);
  const nobodys = new Map<ResourceKey, string>();
  for (const key of wanted) {
    const item = world.visibility.item(key);
    if (item === undefined || !isReadable(item, world)) nobodys.set(key, resourceKey(typeOf(key), randomUUID()));
  }
  const named = new Map<string, ResourceKey>([...nobodys].map(([key, nobody]) => [nobody, key]));
  return {
    drafts: drafts.map((draft) => replaced(draft, (key) => nobodys.get(key), keyOf) as object),
    namesUnread: nobodys.size > 0,
    inTheirWords: (text) => text.replaceAll(anyNobody, (one) => named.get(one) ?? one),
  };
}

/**
 * A requester whom she describes as somebody whom she cannot read: he has that name, and nothing is looked up of who that is.
 */
export async function readableRequester(
  described: DescribedRequester,
  world: SearchWorld,
  keyOf: (reference: string) => ResourceKey | undefined,
): Promise<DescribedRequester> {
  const { user, ...rest } = described;
  const key = user === undefined ? undefined : keyOf(user);
  if (user === undefined || key === undefined) return described;
  await world.visibility.load([key]);
  const item = world.visibility.item(key);
  if (item !== undefined && isReadable(item, world)) return described;
  return { ...rest, identities: [...rest.identities, user] };
}

/** A copy in which what a Consent names, and is looked up for it, is called otherwise where `nameOf` says so. */
function replaced(
  value: unknown,
  nameOf: (key: ResourceKey) => string | undefined,
  keyOf: (reference: string) => ResourceKey | undefined,
  within?: 'actor' | 'data',
): unknown {
  if (Array.isArray(value)) return value.map((one) => replaced(one, nameOf, keyOf, within));
  if (typeof value !== 'object' || value === null) return value;
  const rename = (reference: string): string => {
    const key = keyOf(reference);
    if (key === undefined || (within === 'actor' && !lookedUp.has(typeOf(key)))) return reference;
    return nameOf(key) ?? reference;
  };
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => {
      if (within !== undefined && name === 'reference' && typeof one === 'string') return [name, rename(one)];
      const inner = name === 'actor' || name === 'data' ? name : within;
      return [name, replaced(one, nameOf, keyOf, inner)];
    }),
  );
}
