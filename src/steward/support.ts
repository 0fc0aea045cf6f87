import type { Labelling } from '../discover/visibility.ts';
import type { Content } from '../document/content.ts';
import { GatewayError } from '../errors/errors.ts';
import type { ResourceKey } from '../fhir/ids.ts';
import { isSubstance, part2, sensitivityCovers, topicsOf } from '../fhir/vocabulary.ts';
import { atMost, type Labels } from '../label/labels.ts';
import { type Reading, type ReadSettings, readResource } from '../label/read.ts';
import type { Errand, Upstream } from '../upstream/upstream.ts';

export interface SupportParts {
  readonly upstream: Pick<Upstream, 'read'>;
  /** With every strength of rows: a weak match supports a label too. */
  readonly every: Labelling;
  readonly readSettings: ReadSettings;
  readonly errand: Errand;
}

/** What one resource shows, and where it inherits from. */
interface Seen {
  readonly shown: Labels;
  readonly parents: readonly ResourceKey[];
}

/** Of one resource: further ones that are read for what they show. */
const maximumReads = 50;
const maximumRemembered = 10_000;

/**
 * Which stored labels nothing supports: neither codes, words, questionnaires, rules and sources of the resource itself, nor those of
 * what it inherits labels from. A stored label supports none, its own or a parent's: each would say that the other is right.
 */
export class Support {
  readonly #parts: SupportParts;
  readonly #seen = new Map<ResourceKey, Seen | undefined>();
  /** Resources that were read for it so far. */
  reads = 0;

  constructor(parts: SupportParts) {
    this.#parts = parts;
  }

  /**
   * @param labels that the resource bears by itself
   * @returns topics that it states, and `R` or `V`, without support; sorted
   */
  async unsupported(reading: Reading, content: Content<'undecided'>, labels: Labels): Promise<readonly string[]> {
    const { every } = this.#parts;
    const stated = statedIn(labels);
    if (stated.length === 0) return stated;
    let shown = shownBy(reading, content, every);
    const without = (): readonly string[] => stated.filter((label) => !isSupported(label, shown, every));
    const start = this.reads;
    const reached = new Set([reading.facts.key, ...reading.parents]);
    for (const key of reached) {
      if (without().length === 0 || this.reads - start >= maximumReads) break;
      const parent = key === reading.facts.key ? undefined : await this.#at(key);
      if (parent === undefined) continue;
      shown = every.inherit(shown, [{ key, labels: parent.shown }]);
      for (const further of parent.parents) reached.add(further); // a Set is walked to what is added meanwhile
    }
    return without();
  }

  async #at(key: ResourceKey): Promise<Seen | undefined> {
    if (this.#seen.has(key)) return this.#seen.get(key);
    const { upstream, every, readSettings, errand } = this.#parts;
    this.reads++;
    const content = await upstream.read(key, errand).catch(absentIfInvalid);
    const reading = content?.examine((resource) => ({ reading: readResource(resource, readSettings) })).reading;
    const seen =
      content === undefined || reading === undefined
        ? undefined
        : { shown: shownBy(reading, content, every), parents: reading.parents };
    if (this.#seen.size >= maximumRemembered) this.#seen.clear();
    this.#seen.set(key, seen);
    return seen;
  }
}

/** A server need not have every type that its resources refer to. */
function absentIfInvalid(error: unknown): undefined {
  if (!(error instanceof GatewayError) || error.code !== 'upstream-invalid') throw error;
}

/** The labels of a resource by everything but those that are stored in it. */
export function shownBy(reading: Reading, content: Content<'undecided'>, labelling: Labelling): Labels {
  const bare = { ...reading.facts.labelInputs, own: [] };
  const facts = Object.create(reading.facts, { labelInputs: { value: bare } }) as Reading['facts'];
  return labelling.own({ ...reading, facts }, content);
}

/** Topics that it states itself, and a level above N that it states, or that a label nobody knows gives. */
function statedIn({ stated, origins }: Labels): readonly string[] {
  const topics = topicsOf(origins.flatMap(({ label, by }) => (by === 'own' ? label : [])));
  return stated === undefined || atMost(stated, 'N') ? topics : [...topics, stated].sort();
}

/** Mental health by three names, none of which v3-ActCode draws over another. */
const mental: ReadonlySet<string> = new Set(['BH', 'MH', 'PSY']);

/**
 * A broader topic is supported by a finer one (SPI by SUD; v3-ActCode), a finer one of the substance class by its generic one too, the
 * law by whatever counts as its data here (42 CFR Part 2; `decision.sudIsPart2`), and a level by any topic, as a topic implies it.
 */
function isSupported(label: string, shown: Labels, { isPart2 }: Labelling): boolean {
  if (label === 'R' || label === 'V') return shown.topics.length > 0;
  if (label === part2) return isPart2(shown);
  return shown.topics.some(
    (topic) =>
      sensitivityCovers(label, topic) ||
      (topic === 'SUD' && isSubstance(label)) ||
      (mental.has(topic) && mental.has(label)),
  );
}
