import type { Recorder } from './audit/recorder.ts';
import type { Requester } from './authenticate/requester.ts';
import type { Config } from './config/config.ts';
import type { EstablishedConsents } from './consent/source.ts';
import { Content } from './document/content.ts';
import { scan } from './document/tape.ts';
import { type ResourceKey, resourceKey } from './fhir/ids.ts';
import type { FhirRequest } from './fhir/request.ts';
import { part2, systems } from './fhir/vocabulary.ts';
import { type Answer, handle } from './gateway.ts';
import { edgesOf, type House } from './house.ts';
import type { Log } from './telemetry/log.ts';
import type { Upstream } from './upstream/upstream.ts';

const everyMs = 10_000;
const timeoutMs = 5_000;
const canary = 'self-probe-secret';
const limits = { maximumDepth: 16, maximumMembers: 64, maximumNodes: 1_000, maximumStringBytes: 10_000 };

export interface SelfProbe {
  /** Whether the last try showed that what must be withheld is withheld. */
  readonly isEnforcing: boolean;
  stop(): void;
}

const resources = new Map<ResourceKey, string>(
  [
    { resourceType: 'Patient', id: 'self-probe' },
    {
      resourceType: 'Observation',
      id: 'self-probe',
      meta: {
        versionId: '1',
        security: [
          { system: systems.actCode, code: part2 },
          { system: systems.confidentiality, code: 'R' },
        ],
      },
      status: 'final',
      code: { text: canary },
      subject: { reference: 'Patient/self-probe' },
    },
  ].map((resource) => [resourceKey(resource.resourceType, resource.id) as ResourceKey, JSON.stringify(resource)]),
);

/** A clinician of nowhere in particular, who asks for treatment. */
const asker: Requester = {
  issuer: 'urn:fhir-consent-gateway:self-probe',
  subject: 'self-probe',
  clientId: 'self-probe',
  tokenId: 'self-probe',
  tokenHash: '',
  expiresAt: Number.MAX_SAFE_INTEGER,
  clientKind: 'app',
  scopes: [{ context: 'user', resourceType: '*', read: true, search: true, query: [] }],
  identities: ['urn:fhir-consent-gateway:self-probe|self-probe'],
  organizations: [],
  roles: ['clinician'],
  roleCodes: [],
  purposes: [{ code: 'TREAT', assigned: false }],
  amr: [],
};

/**
 * Asks the gateway again and again, through its own decisions, rules and assembly, for a record that it must withhold: a
 * 42 CFR Part 2 record in memory that no Consent covers. Nothing of it leaves the process or stands in the record.
 * @returns once the first try is over
 */
export async function startSelfProbe(config: Config, house: House, log: Log): Promise<SelfProbe> {
  let isEnforcing = false;
  const probed: House = {
    ...house,
    upstream: memory,
    consents: noConsents,
    memberships: { of: async ({ identities }) => ({ identities, organizations: [], elsewhere: [], roles: [] }) },
    collectives: { of: async () => new Map(), ofNobody: async () => undefined },
  };
  const edges = {
    ...edgesOf({ ...config, shadow: [] }, probed, nothingRecorded, Date.now),
    authenticate: async () => asker,
    admit: async () => ({ leave: () => undefined }),
    negativeGridMs: 0,
  };
  const tryIt = async (): Promise<void> => {
    const before = isEnforcing;
    try {
      isEnforcing = isWithheld(await handle(requestNow(), edges, AbortSignal.timeout(timeoutMs)));
    } catch {
      isEnforcing = false;
    }
    if (before && !isEnforcing)
      log.error('the self-probe received what must be withheld: not ready', { part: 'self-probe' });
  };
  await tryIt();
  if (!isEnforcing) log.error('the self-probe received what must be withheld: not ready', { part: 'self-probe' });
  const timer = setInterval(() => void tryIt(), everyMs);
  timer.unref();
  return {
    get isEnforcing() {
      return isEnforcing;
    },
    stop: () => clearInterval(timer),
  };
}

/** Decided and withheld; or refused by the role rules before anything was read, where they know no such clinician. */
function isWithheld({ reply, withheld, chunks }: Answer): boolean {
  const text = Buffer.concat([...chunks]).toString('latin1');
  if (text.includes(canary)) return false;
  return reply.status === 403 || (reply.status === 404 && withheld === 1);
}

function requestNow(): FhirRequest {
  return {
    id: 'self-probe',
    method: 'GET',
    path: ['Observation', 'self-probe'],
    query: [],
    form: [],
    headers: {},
    receivedAt: Date.now(),
    remoteAddress: '',
  };
}

const contentOf = (json: string) => Content.received(scan(Buffer.from(json), limits), 0);
const refuse = async (): Promise<never> => {
  throw new Error('the self-probe reads by id alone');
};

const memory: Upstream = {
  async read(key) {
    const json = resources.get(key);
    return json === undefined ? undefined : contentOf(json);
  },
  async search({ type, parameters }) {
    const ids = parameters.find(([name]) => name === '_id')?.[1].split(',') ?? [];
    const found = ids.flatMap((id) => resources.get(resourceKey(type, id) as ResourceKey) ?? []);
    return { contents: found.map(contentOf), next: undefined };
  },
  changes: refuse,
  history: refuse,
  keep: refuse,
  relabel: refuse,
  running: 0,
  clock: { differenceMs: undefined, isRight: true },
  version: { start: async () => undefined, other: undefined },
  close: async () => undefined,
};

const noConsents: House['consents'] = {
  async of(patients) {
    const none: EstablishedConsents = { consents: [], unreadable: false, begun: { wall: 0, steady: 0 }, mark: '' };
    return new Map(patients.map((patient) => [patient, none]));
  },
  ofNobody: async () => new Map(),
  stillHold: async () => true,
  heard: async () => undefined,
  failed: () => undefined,
};

const nothingRecorded: Recorder = {
  record: async () => ({ complete: () => undefined }),
  note: () => undefined,
  healthy: true,
  close: async () => undefined,
};
