import type { RequesterContext } from '../context/requester-context.ts';
import type { Decision, Reason, Release, Withhold } from './decision.ts';
import type { Candidate } from './question.ts';

/** An entry of the configuration: see `shadow` there. */
export interface ShadowEntry {
  readonly name: string;
  readonly until: string;
  readonly clients: readonly { readonly issuer: string; readonly clientId: string }[];
  readonly types: readonly string[];
  readonly alsoReleases: readonly ('denied-by-consent' | 'part2')[];
}

/** What Consents and labels withhold by these reasons passes in shadow; everything else stays withheld. */
const passing: ReadonlySet<string> = new Set([
  'no-permit-for-topic',
  'no-applicable-consent',
  'consent-uncovered',
  'consent-unreadable',
  'consent-needed',
]);
const denied: ReadonlySet<string> = new Set(['consent-deny']);
const part2: ReadonlySet<string> = new Set(['no-qualifying-permit']);

/**
 * The permission to let pass what would be withheld: for one request of a named client, before a named end. There is no
 * way to one but a configured entry, and nothing turns a Withhold into a Release but one.
 */
export class ShadowPermit {
  readonly name: string;
  /** As configured. */
  readonly until: string;
  readonly #types: readonly string[];
  readonly #passing: readonly ReadonlySet<string>[];

  private constructor({ name, until, types, alsoReleases }: ShadowEntry) {
    this.name = name;
    this.until = until;
    this.#types = types;
    this.#passing = [
      passing,
      ...(alsoReleases.includes('denied-by-consent') ? [denied] : []),
      ...(alsoReleases.includes('part2') ? [part2] : []),
    ];
  }

  /** Static: who asks, of which type, when. Emergencies are decided as they are. */
  static for(
    entries: readonly ShadowEntry[],
    { requester, at, emergency }: RequesterContext,
    type: string,
  ): ShadowPermit | undefined {
    if (emergency !== undefined) return undefined;
    const entry = entries.find(
      ({ clients, types, until }) =>
        at < Date.parse(until) &&
        clients.some(({ issuer, clientId }) => issuer === requester.issuer && clientId === requester.clientId) &&
        isNamed(types, type),
    );
    return entry === undefined ? undefined : new ShadowPermit(entry);
  }

  /**
   * The decision as it is carried out in shadow. One reason that does not pass keeps it withheld, and so does a type that
   * is not named, whatever brings it along: only references to it stay.
   */
  carriedOut(decision: Decision, { facts, asTarget }: Pick<Candidate, 'facts' | 'asTarget'>): Decision {
    if (decision.outcome === 'release' || !this.#passes(decision)) return decision;
    if (!asTarget && !isNamed(this.#types, facts.type)) return decision;
    const [{ step }] = decision.reasons;
    // Consents that said no govern no disclosure: the reasons stay, without them.
    const reasons = decision.reasons.map(({ consent: _consent, provision: _provision, ...reason }): Reason => reason);
    return {
      outcome: 'release',
      reasons: [{ code: 'released-in-shadow', step, rule: this.name }, ...reasons],
      obligations: [],
    } satisfies Release;
  }

  #passes({ reasons }: Withhold): boolean {
    return reasons.every(({ code }) => this.#passing.some((codes) => codes.has(code)));
  }
}

function isNamed(types: readonly string[], type: string): boolean {
  return types.includes(type) || types.includes('*');
}

/** Whether a resource left that is withheld once everything is enforced. */
export function isInShadow(reasons: readonly Reason[]): boolean {
  return reasons[0]?.code === 'released-in-shadow';
}
