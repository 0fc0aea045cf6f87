import type { RequesterContext } from '../context/requester-context.ts';

/** Answer of the role rules, with the ids of the policies that made it. An evaluation error counts as a forbid. */
export interface PolicyAnswer {
  readonly allowed: boolean;
  readonly policies: readonly string[];
}

/** The role and attribute rules (Cedar). Every answer is a pure function of its arguments, so answers are remembered. */
export interface Policy {
  /** Name of the set, e.g. `us-part2`. */
  readonly id: string;
  /** SHA-256 over policies and schema, hex; goes into the record. */
  readonly hash: string;
  /** Step 1: may this requester ask for this interaction on this type at all? Static. */
  permitsRequest(context: RequesterContext, interaction: string, resourceType: string): PolicyAnswer;
  /** Step 1 for what comes along: may this requester receive resources of this type (included, referenced, or the thing asked for)? Static. */
  permitsKind(context: RequesterContext, resourceType: string): PolicyAnswer;
  /**
   * Step 3: does a rule forbid this kind of resource with these labels?
   * @param labels `Labels.topics` and the effective confidentiality, e.g. `['HIV', 'R']`, sorted.
   */
  forbids(context: RequesterContext, resourceType: string, labels: readonly string[]): PolicyAnswer;
  /** Steps 6 and 7: do the role rules clear this requester for a topic without a Consent? */
  clears(context: RequesterContext, topic: string): PolicyAnswer;
  /** The `unrestricted` grant. */
  unrestricted(context: RequesterContext): boolean;
}
