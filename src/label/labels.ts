import type { Coding } from '../fhir/coding.ts';

/** v3-Confidentiality, in the order of HL7 HCS: U < L < M < N < R < V. */
export type Confidentiality = 'U' | 'L' | 'M' | 'N' | 'R' | 'V';
export const confidentialityOrder: readonly Confidentiality[] = ['U', 'L', 'M', 'N', 'R', 'V'];

/** The effective labels of one resource: own, computed and inherited, normalised. Immutable; sets are sorted. */
export interface Labels {
  /** Highest confidentiality that a label states; undefined when none does. */
  readonly stated?: Confidentiality;
  /**
   * What each Consent is asked about, one by one: `42CFRPart2`, `SUDCN`, `PSYTHPN` and sensitivity codes of v3-ActCode.
   * The substance class is reduced to its most specific members (`ETHUD`, `OPIOIDUD`, else `SUD`, which also stands for `ETH`).
   */
  readonly topics: readonly string[];
  /** Other label codes that rules may read: NOPAT, NORDSCLCD, REDACTED ... as `system|code`. */
  readonly caveats: readonly string[];
  /** Why: one line per label, in order of first finding. */
  readonly origins: readonly LabelOrigin[];
  /** Canonical text of stated + topics + caveats: equal exactly when the labels are equal. */
  readonly key: string;
}

export interface LabelOrigin {
  readonly label: string;
  /**
   * `own`, `code` (a table row), `text` and `attachment` (words or codes in prose or a file), `questionnaire` (its canonical URL), `rule` (an
   * expression), `source` (a configured program or sensitive actor), `inherited`, `unknown-code`.
   */
  readonly by:
    | 'own'
    | 'code'
    | 'text'
    | 'attachment'
    | 'questionnaire'
    | 'rule'
    | 'source'
    | 'inherited'
    | 'unknown-code';
  /** Table and version, parent key or configuration entry. Never content. */
  readonly rule: string;
}

/** Unlabelled is N; a topic implies R (HL7 HCS: sensitivity implies restricted). */
export function effectiveConfidentiality(labels: Labels): Confidentiality {
  const stated = labels.stated ?? 'N';
  if (labels.topics.length === 0) return stated;
  return stated === 'V' ? 'V' : 'R';
}

/** The level of what is left when the topics are set apart: the R that topics imply does not count. */
export function restConfidentiality(labels: Labels): Confidentiality {
  const stated = labels.stated ?? 'N';
  return labels.topics.length > 0 && stated === 'R' ? 'N' : stated;
}

/** What would be there without some topics; the R that these explain goes with them. */
export function withoutTopics(labels: Labels, without: ReadonlySet<string>): Labels {
  const { caveats, origins } = labels;
  const topics = labels.topics.filter((topic) => !without.has(topic));
  const stated = restConfidentiality(labels);
  return { stated, topics, caveats, origins, key: JSON.stringify([stated, topics, caveats]) };
}

export function atMost(level: Confidentiality, ceiling: Confidentiality): boolean {
  return confidentialityOrder.indexOf(level) <= confidentialityOrder.indexOf(ceiling);
}

/** What labelling reads of one resource. */
export interface LabelInputs {
  readonly type: string;
  /** `meta.security` of the resource and of what it contains, and inline labels (HL7 DS4P) found in it; systems as they stand. */
  readonly own: readonly Coding[];
  /** Every Coding in it, contained resources included; systems as they stand. */
  readonly codings: readonly Coding[];
  /** Local references to organizations, locations, practitioners and services in it, and absolute URLs elsewhere: sensitive actors and programs are looked up here. */
  readonly actors: readonly string[];
  /** Identifiers in references, and of contained organizations, practitioners and the like, as `system|value`. */
  readonly actorIdentifiers: readonly string[];
}
