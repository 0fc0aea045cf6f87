import { z } from 'zod';
import type { Labelling } from '../discover/visibility.ts';
import type { Content } from '../document/content.ts';
import { GatewayError } from '../errors/errors.ts';
import { type PatientKey, parseRelativeReference, type ResourceKey, typeOf } from '../fhir/ids.ts';
import { toldOf } from '../label/facts.ts';
import { type Reading, type ReadSettings, readResource } from '../label/read.ts';
import { additionsTo } from '../steward/additions.ts';
import { Support, shownBy } from '../steward/support.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { Asked, Service } from './service.ts';

export const labelReviewName = 'label-review';

export interface LabelReviewParts {
  readonly upstream: Pick<Upstream, 'read'>;
  readonly labelling: Labelling;
  /** As `labelling`, with every strength of rows: what it finds beyond is for a person to look at. */
  readonly every: Labelling;
  readonly readSettings: ReadSettings;
  readonly servedTypes: ReadonlySet<string>;
}

const maximumReviewed = 50;
const reviewing = z.strictObject({ resources: z.array(z.string().max(130)).min(1).max(maximumReviewed) });

/** A topic, what shows it, and by which rule. */
interface Finding {
  readonly topic: string;
  readonly by: string;
  readonly rule: string;
}

/** `POST /labels/review`: what stands behind the labels of resources, for the steward who decides what becomes of them. */
export function labelReviewService(parts: LabelReviewParts): Service {
  return {
    name: labelReviewName,
    method: 'POST',
    path: '/labels/review',
    async answer(asked) {
      const { data } = reviewing.safeParse(asked.body);
      const keys = data?.resources.map((text) => keyOf(text, parts.servedTypes));
      if (keys === undefined) throw new GatewayError('service-body-invalid');
      const reviewed = [];
      const support = new Support({ ...parts, errand: { authorization: undefined, signal: asked.signal } });
      for (const key of keys) reviewed.push(await review(key, asked, support, parts));
      const patients = new Set<PatientKey | undefined>(reviewed.flatMap(({ about }) => about));
      return {
        status: 200,
        contentType: 'application/json; charset=utf-8',
        body: JSON.stringify({ resources: reviewed.map(({ told }) => told) }),
        disclosed: {
          released: [],
          withheld: [],
          judged: [],
          patients: [...(patients.size === 0 ? [undefined] : patients)].map((patient) => ({ patient, consents: [] })),
          details: reviewed.map(({ told: { resource, version } }) => ['resource', `${resource}/_history/${version}`]),
        },
      };
    },
  };
}

async function review(key: ResourceKey, { signal, watch }: Asked, support: Support, parts: LabelReviewParts) {
  const content = await watch.timed('upstream', () => parts.upstream.read(key, { authorization: undefined, signal }));
  const reading = content?.examine((resource) => ({ reading: readResource(resource, parts.readSettings) })).reading;
  if (content === undefined || reading === undefined) throw new GatewayError('not-found');
  const labels = parts.labelling.own(reading, content);
  const shown = shownIn(reading, content, parts.every);
  const told = {
    resource: key,
    version: reading.facts.versionId,
    topics: labels.topics,
    /** Labels that it should bear itself and does not. */
    lacking: additionsTo(reading.facts.labelInputs, labels).map(({ system, code, origin: { by, rule } }) => ({
      system,
      code,
      by,
      rule,
    })),
    /** Topics that weak rows alone show. */
    ambiguous: shown.filter(({ topic }) => !labels.topics.includes(topic)),
    /** Topics and levels that it states, and nothing supports, in it or in what it inherits from. */
    unexplained: await support.unsupported(reading, content, labels),
  };
  return { told, about: toldOf(reading.facts) };
}

/** The topics of a resource by everything but its own labels. */
function shownIn(reading: Reading, content: Content<'undecided'>, every: Labelling): readonly Finding[] {
  const { origins, topics } = shownBy(reading, content, every);
  return origins
    .filter(({ label }) => topics.includes(label))
    .map(({ label, by, rule }) => ({ topic: label, by, rule }));
}

/** @throws {GatewayError} `service-body-invalid` */
function keyOf(text: string, servedTypes: ReadonlySet<string>): ResourceKey {
  const key = parseRelativeReference(text);
  if (key === undefined || !servedTypes.has(typeOf(key))) throw new GatewayError('service-body-invalid');
  return key;
}
