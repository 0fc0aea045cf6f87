import type { KeptUses } from './ledger.ts';
import type { RecordedRequester } from './record.ts';
import { requesterName } from './subjects.ts';

/** One who asked in a period, for recertification. */
export interface Reviewed {
  readonly name: string;
  readonly issuer: string;
  readonly subject: string;
  readonly organization: string | undefined;
  /** As of the last time. */
  readonly roles: readonly string[];
  readonly kind: RecordedRequester['clientKind'];
  /** Requests, and answers with something restricted or of a sensitive topic. */
  readonly requests: number;
  readonly sensitive: number;
  /** Epoch milliseconds. */
  readonly last: number;
  readonly lastSensitive: number | undefined;
  readonly denied: number;
  /** Not seen for the days asked for. */
  readonly isDormant: boolean;
}

/** A role, with who bore it and who of them used it for something sensitive. */
export interface ReviewedRole {
  readonly role: string;
  readonly holders: number;
  readonly users: number;
  /** Those who bore it and received nothing sensitive: who may not need it. */
  readonly unused: readonly string[];
}

export interface Review {
  readonly requesters: readonly Reviewed[];
  readonly roles: readonly ReviewedRole[];
}

export interface ReviewUses {
  readonly requests: readonly KeptUses[];
  readonly sensitive: readonly KeptUses[];
  readonly denied: readonly KeptUses[];
}

/** @param dormantBefore Epoch milliseconds: who was last seen before that is dormant. */
export function reviewOf({ requests, sensitive, denied }: ReviewUses, dormantBefore: number): Review {
  const sensitiveOf = bySubject(sensitive);
  const deniedOf = bySubject(denied);
  const requesters = [...bySubject(requests)].map(([key, { requester, count, to }]): Reviewed => {
    const used = sensitiveOf.get(key);
    return {
      name: requester.name ?? requester.fhirUser ?? requester.clientId,
      issuer: requester.issuer,
      subject: requester.subject,
      organization: requester.organizationName ?? requester.organizations[0],
      roles: requester.roleCodes.map(({ system, code }) => `${system}|${code}`).sort(),
      kind: requester.clientKind,
      requests: count,
      sensitive: used?.count ?? 0,
      last: to,
      lastSensitive: used?.to,
      denied: deniedOf.get(key)?.count ?? 0,
      isDormant: to < dormantBefore,
    };
  });
  requesters.sort((one, other) => one.last - other.last);
  const names = [...new Set(requesters.flatMap(({ roles }) => roles))].sort();
  return { requesters, roles: names.map((role) => roleOf(role, requesters)) };
}

function roleOf(role: string, requesters: readonly Reviewed[]): ReviewedRole {
  const holders = requesters.filter(({ roles }) => roles.includes(role));
  const unused = holders.filter(({ sensitive }) => sensitive === 0);
  return {
    role,
    holders: holders.length,
    users: holders.length - unused.length,
    unused: unused.map(({ name }) => name),
  };
}

interface SubjectUses {
  readonly requester: RecordedRequester;
  readonly count: number;
  readonly to: number;
}

/** One each: a person may stand in several files, under several keys. */
function bySubject(uses: readonly KeptUses[]): Map<string, SubjectUses> {
  const subjects = new Map<string, SubjectUses>();
  for (const { count, to, last } of uses) {
    if (last.record.kind === 'activity' || last.record.requester === undefined) continue;
    const { requester } = last.record;
    const key = requesterName(requester);
    const known = subjects.get(key);
    const isLater = known === undefined || to >= known.to;
    subjects.set(key, {
      requester: isLater ? requester : known.requester,
      count: count + (known?.count ?? 0),
      to: Math.max(to, known?.to ?? 0),
    });
  }
  return subjects;
}
