import { isObject } from './embedded/path.ts';
import type { Json, JsonObject } from './embedded/store.ts';
import type { EmbeddedServer } from './embedded-server.ts';

/** What the record says of one answer. */
export interface Recorded {
  readonly events: readonly JsonObject[];
  /** Ids of the Consents named as governing. */
  readonly consents: readonly string[];
  /** `Type/id` of each resource, with the reasons of its decision. */
  readonly resources: ReadonlyMap<string, readonly string[]>;
}

const patienceMs = 10_000;
const pauseMs = 50;

/**
 * The AuditEvents of one request, found by the X-Request-Id that its client sent. Delivery follows the answer, so this
 * waits a little. Each page and each patient has events of its own, so it waits until all that left is listed.
 * @param ids of what left
 * @returns undefined when none arrives
 */
export async function recordOf(
  repository: EmbeddedServer,
  requestId: string,
  ids: readonly string[],
): Promise<Recorded | undefined> {
  let recorded: Recorded | undefined;
  for (let waited = 0; waited < patienceMs; waited += pauseMs) {
    const events = eventsOf(repository, requestId);
    recorded = events.length === 0 ? undefined : { events, ...readEvents(events) };
    const listed = new Set([...(recorded?.resources.keys() ?? [])].map((key) => key.split('/')[1]));
    if (recorded !== undefined && ids.every((id) => listed.has(id))) return recorded;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  return recorded;
}

function eventsOf(repository: EmbeddedServer, requestId: string): JsonObject[] {
  const line = `X-Request-Id: ${requestId}`;
  return [...repository.repo.all('AuditEvent')].flatMap(({ resource }) =>
    resource !== undefined && entitiesOf(resource).some(({ query }) => decoded(query).split('\r\n').includes(line))
      ? [resource]
      : [],
  );
}

/** What these events say left, and under which Consents. */
export function readEvents(events: readonly JsonObject[]): Omit<Recorded, 'events'> {
  const consents = new Set<string>();
  const resources = new Map<string, readonly string[]>();
  for (const entity of events.flatMap(entitiesOf)) {
    const reference = isObject(entity.what) && typeof entity.what.reference === 'string' ? entity.what.reference : '';
    const [type = '', id = ''] = reference.split('/');
    const role = isObject(entity.role) ? entity.role.code : undefined;
    if (role === '13' && type === 'Consent') consents.add(id);
    if (role === '4') resources.set(`${type}/${id}`, reasonsOf(entity));
  }
  return { consents: [...consents].sort(), resources };
}

function reasonsOf(entity: JsonObject): string[] {
  return list(entity.detail).flatMap((detail) =>
    isObject(detail) && detail.type === 'reason' && typeof detail.valueString === 'string' ? [detail.valueString] : [],
  );
}

function entitiesOf(event: JsonObject): JsonObject[] {
  return list(event.entity).filter(isObject);
}

function list(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : [];
}

function decoded(query: Json | undefined): string {
  return typeof query === 'string' ? Buffer.from(query, 'base64').toString('utf8') : '';
}
