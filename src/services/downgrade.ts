import { z } from 'zod';
import type { Requester } from '../authenticate/requester.ts';
import type { Labelling } from '../discover/visibility.ts';
import { Content } from '../document/content.ts';
import { scan } from '../document/tape.ts';
import { GatewayError } from '../errors/errors.ts';
import type { Coding } from '../fhir/coding.ts';
import { type PatientKey, parseRelativeReference, type ResourceKey, typeOf } from '../fhir/ids.ts';
import { toldOf } from '../label/facts.ts';
import type { Labels } from '../label/labels.ts';
import { type ReadSettings, readResource } from '../label/read.ts';
import type { Proposal, Proposals } from '../steward/proposals.ts';
import { withoutLabel } from '../steward/removals.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { Asked, Service, ServiceAnswer } from './service.ts';

export const downgradeName = 'label-downgrade';

export interface DowngradeParts {
  readonly upstream: Pick<Upstream, 'read'>;
  /** With the credential that may write labels; made for one write. */
  readonly writer: () => Pick<Upstream, 'relabel' | 'close'>;
  readonly proposals: Proposals;
  readonly labelling: Labelling;
  readonly readSettings: ReadSettings;
  readonly servedTypes: ReadonlySet<string>;
}

const proposing = z.strictObject({
  resource: z.string().max(130),
  label: z.strictObject({ system: z.string().min(1).max(500), code: z.string().min(1).max(100) }),
  /** Printable, and enough to be one. */
  reason: z.string().regex(/^[\x20-\x7e\xa0-\xff]{8,300}$/),
});
const confirming = z.strictObject({ proposal: z.string().max(4_000) });

/** What a resource would be without a label. */
interface Lowered {
  readonly key: ResourceKey;
  readonly version: string;
  readonly text: string;
  readonly patients: readonly PatientKey[];
  /** Its labels then, by itself: what codes and sources show is shown again. */
  readonly left: Labels;
}

/**
 * A label that a resource bears wrongly is taken away by two people: one proposes it with a reason, another confirms it. Nobody else
 * ever lowers one. What codes, words and sources show is no label that could be taken away: that is a matter of the tables.
 */
export function downgradeServices(parts: DowngradeParts): readonly Service[] {
  return [
    {
      name: downgradeName,
      method: 'POST',
      path: '/labels/downgrades',
      async answer(asked) {
        const { data } = proposing.safeParse(asked.body);
        const key = data === undefined ? undefined : parseRelativeReference(data.resource);
        if (data === undefined || key === undefined || !parts.servedTypes.has(typeOf(key)))
          throw new GatewayError('service-body-invalid');
        const lowered = await loweredFrom(key, data.label, asked, parts);
        const { reason, label } = data;
        const proposed = { key, version: lowered.version, ...label, reason, ...personOf(asked.context.requester) };
        const { sealed, until } = await parts.proposals.seal(proposed, asked.at);
        return answerOf({ proposal: sealed, until: new Date(until).toISOString() }, 'proposed', proposed, lowered);
      },
    },
    {
      name: downgradeName,
      method: 'POST',
      path: '/labels/downgrades/confirm',
      async answer(asked) {
        const { data } = confirming.safeParse(asked.body);
        const proposed = data === undefined ? undefined : await parts.proposals.open(data.proposal, asked.at);
        if (proposed === undefined) throw new GatewayError('service-body-invalid');
        if (isProposer(asked.context.requester, proposed)) throw new GatewayError('downgrade-needs-another');
        const lowered = await loweredFrom(proposed.key as ResourceKey, proposed, asked, parts);
        if (lowered.version !== proposed.version) throw new GatewayError('downgrade-not-possible');
        return {
          ...answerOf({}, 'confirmed', proposed, lowered),
          carriedOut: () => write(lowered, proposed, asked.signal, parts),
        };
      },
    },
  ];
}

/** A system is nobody who could answer for it. */
function personOf({ clientKind, issuer, subject, fhirUser }: Requester) {
  if (clientKind === 'system') throw new GatewayError('service-not-granted');
  return { issuer, subject, ...(fhirUser === undefined ? {} : { fhirUser }) };
}

/** Two accounts of one practitioner are one person. */
function isProposer(requester: Requester, proposed: Proposal): boolean {
  const { issuer, subject, fhirUser } = personOf(requester);
  if (issuer === proposed.issuer && subject === proposed.subject) return true;
  return fhirUser !== undefined && fhirUser === proposed.fhirUser;
}

async function loweredFrom(
  key: ResourceKey,
  label: Coding,
  { signal, watch }: Asked,
  { upstream, labelling, readSettings }: DowngradeParts,
): Promise<Lowered> {
  const content = await watch.timed('upstream', () => upstream.read(key, { authorization: undefined, signal }));
  if (content === undefined) throw new GatewayError('not-found');
  const { text, reading } = content.examine((resource) => ({
    text: withoutLabel(resource, { system: label.system, code: label.code }),
    reading: readResource(resource, readSettings),
  }));
  const version = reading?.facts.versionId;
  if (text === undefined || reading === undefined || version === undefined)
    throw new GatewayError('downgrade-not-possible');
  const then = Content.received(scan(Buffer.from(text), limits), 0);
  const thenRead = then.examine((resource) => ({ reading: readResource(resource, readSettings) })).reading ?? reading;
  return { key, version, text, patients: toldOf(reading.facts), left: labelling.own(thenRead, then) };
}

/** Of what the FHIR server sent, and the upstream's reader took. */
const limits = { maximumDepth: 64, maximumMembers: 10_000, maximumNodes: 5_000_000, maximumStringBytes: 67_108_864 };

/**
 * Done once it is recorded; a version that is no longer the newest is left as it is. A FHIR server may take it and keep the label all
 * the same: so it is read again.
 */
async function write(
  { key, version, text }: Lowered,
  label: Coding,
  signal: AbortSignal,
  parts: DowngradeParts,
): Promise<void> {
  const errand = { authorization: undefined, signal };
  const writer = parts.writer();
  try {
    const outcome = await writer.relabel(key, { version, json: text, lowers: true }, errand);
    if (outcome !== 'written') throw new GatewayError('downgrade-not-possible');
  } finally {
    await writer.close();
  }
  const content = await parts.upstream.read(key, errand);
  const isStillThere = content?.examine((resource) => ({ is: withoutLabel(resource, label) !== undefined })).is;
  if (isStillThere === true) throw new GatewayError('downgrade-not-possible');
}

function answerOf(
  more: object,
  step: 'proposed' | 'confirmed',
  { system, code, reason, issuer, subject }: Proposal,
  { key, version, patients, left }: Lowered,
): ServiceAnswer {
  const { topics, origins, stated } = left;
  const details = [
    ['step', step],
    ['resource', `${key}/_history/${version}`],
    ['label', `${system}|${code}`],
    ['reason', reason],
    ['proposed-by', `${issuer}|${subject}`],
  ] as const;
  return {
    status: 200,
    contentType: 'application/json; charset=utf-8',
    body: JSON.stringify({
      ...more,
      resource: key,
      version,
      label: { system, code },
      // What it would still be withheld for, and why.
      left: { ...(stated === undefined ? {} : { confidentiality: stated }), topics, shownBy: origins },
    }),
    disclosed: {
      released: [],
      withheld: [],
      judged: [],
      patients:
        patients.length === 0
          ? [{ patient: undefined, consents: [] }]
          : patients.map((patient) => ({ patient, consents: [] })),
      details,
    },
  };
}
