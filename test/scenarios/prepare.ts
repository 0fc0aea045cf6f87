import { identify } from '../../src/authenticate/identify.ts';
import { directoryOf } from '../../src/authenticate/organizations.ts';
import type { Config } from '../../src/config/config.ts';
import type { FhirVersion } from '../../src/consent/parse.ts';
import { buildContext } from '../../src/context/context.ts';
import type { RequesterContext } from '../../src/context/requester-context.ts';
import type { Standing } from '../../src/decide/question.ts';
import { isMinor, relationOf, standingFrom } from '../../src/discover/standing.ts';
import type { Labelling } from '../../src/discover/visibility.ts';
import { Content } from '../../src/document/content.ts';
import { scan } from '../../src/document/tape.ts';
import { GatewayError } from '../../src/errors/errors.ts';
import { type PatientKey, parseRelativeReference, type ResourceKey } from '../../src/fhir/ids.ts';
import type { Interaction } from '../../src/fhir/request.ts';
import { createLabelling } from '../../src/house.ts';
import type { Facts } from '../../src/label/facts.ts';
import type { Labels } from '../../src/label/labels.ts';
import { type Reading, readResource } from '../../src/label/read.ts';
import { sourcesOf, type Traced } from '../../src/label/sources.ts';
import type { Resource } from './expand.ts';
import type { Asker } from './requesters.ts';
import { policy, time } from './shipped.ts';

/** What is asked of the rules: a store, one who asks, an interaction. */
export interface Enquiry {
  readonly config: Config;
  readonly at: number;
  readonly asker: Asker;
  readonly interaction: Interaction;
  readonly type: string;
  readonly stored: readonly Resource[];
  /** Version of the Consents in it; R4 when unset. */
  readonly fhirVersion?: FhirVersion;
}

/** All that the rules are told but the Consents themselves. */
export interface Prepared {
  readonly context: RequesterContext;
  readonly bases: readonly string[];
  readonly resources: readonly {
    readonly facts: Facts;
    readonly labels: Labels;
    readonly sources: readonly string[];
  }[];
  readonly patients: readonly {
    readonly patient: PatientKey;
    readonly standing: Standing;
    readonly consents: readonly Resource[];
  }[];
}

/** Prepared once for each thing that is asked: what the rules answer may be asked again, by other rules. */
const known = new Map<string, Prepared | { readonly refused: string }>();
const configs = new WeakMap<Config, number>();
let count = 0;

/** The same context, facts and labels as in the gateway, without anything that is fetched; or the code of the static refusal. */
export function prepare(enquiry: Enquiry): Prepared | { readonly refused: string } {
  const { config, ...rest } = enquiry;
  const number = configs.get(config) ?? ++count;
  configs.set(config, number);
  const key = JSON.stringify([number, rest]);
  const prepared = known.get(key) ?? prepareAnew(enquiry);
  known.set(key, prepared);
  return prepared;
}

function prepareAnew(enquiry: Enquiry): Prepared | { readonly refused: string } {
  try {
    const context = contextOf(enquiry);
    if (!policy.permitsRequest(context, enquiry.interaction, enquiry.type).allowed)
      return { refused: 'policy-refused' };
    return factsOf(enquiry, context);
  } catch (error) {
    if (error instanceof GatewayError) return { refused: error.code };
    throw error;
  }
}

function contextOf({ config, asker, at }: Enquiry): RequesterContext {
  const issuer = config.identity.issuers[0];
  if (issuer === undefined) throw new Error('no issuer');
  const claims = {
    ...asker.claims,
    iss: issuer.issuer,
    sub: asker.id,
    client_id: asker.client,
    scope: asker.scope,
    jti: '1',
  };
  const requester = identify(
    'token',
    { issuer: { config: issuer } as never, claims, expiresAt: at + 3_600_000 }, // keys are not asked for
    { publicBaseUrl: config.listener.publicBaseUrl, directory: directoryOf(config.identity) },
  );
  const request = {
    id: '1',
    method: 'GET',
    path: [],
    query: [],
    form: [],
    headers: asker.headers ?? {},
    receivedAt: at,
    remoteAddress: '',
  } as const;
  return buildContext(requester, request, policy, config.emergency);
}

function factsOf({ config, stored, at, fhirVersion = 'R4' }: Enquiry, context: RequesterContext): Prepared {
  const bases = [config.listener.publicBaseUrl, config.upstream.baseUrl, ...config.upstream.otherBaseUrls];
  const byElement = config.labels.inline === 'element';
  const contents = stored.map(received);
  const readings = contents.map((content) => read(content, bases, byElement));
  const labelling = createLabelling(config);
  const labels = labelsOf(
    readings.map((reading, index) => ({ reading, content: contents[index] as Content<'undecided'> })),
    labelling,
  );
  const all = [...labels.values()];
  const find = (key: ResourceKey) => all.find(({ reading }) => reading.facts.key === key);
  const patients = new Set(readings.flatMap(({ facts }) => [...facts.patients, ...(facts.participants ?? [])]));
  return {
    context,
    bases,
    resources: all.map((one) => ({
      facts: one.reading.facts,
      labels: one.labels,
      sources: sourcesOf(one, one.own, find, labelling),
    })),
    patients: [...patients].map((patient) => ({
      patient,
      standing: standingOf(patient, contents, context, config, at),
      consents: consentsOf(patient, stored, bases, fhirVersion),
    })),
  };
}

const limits = { maximumDepth: 64, maximumMembers: 2_000, maximumNodes: 100_000, maximumStringBytes: 1_000_000 };

function received(resource: Resource): Content<'undecided'> {
  return Content.received(scan(Buffer.from(JSON.stringify(resource)), limits), 0);
}

function read(content: Content<'undecided'>, localBases: readonly string[], inlineByElement = false): Reading {
  const { reading } = content.examine((resource) => ({
    reading: readResource(resource, { localBases, time, inlineByElement }),
  }));
  if (reading === undefined) throw new Error('a resource cannot be read');
  return reading;
}

/** Own labels and those of parents, which only grow. */
function labelsOf(
  read: readonly { readonly content: Content<'undecided'>; readonly reading: Reading }[],
  { own, inherit }: Labelling,
): ReadonlyMap<string, Traced> {
  const labels = new Map(
    read.map(({ reading, content }): [string, Traced] => {
      const bears = own(reading, content);
      return [reading.facts.key, { reading, own: bears, labels: bears }];
    }),
  );
  for (let changed = true; changed; ) {
    changed = false;
    for (const { facts, parents } of read.map(({ reading }) => reading)) {
      const before = labels.get(facts.key) as Traced;
      const from = parents.flatMap((key) => {
        const parent = labels.get(key);
        return parent === undefined ? [] : [{ key, labels: parent.labels }];
      });
      const after = inherit(before.labels, from);
      if (after.key === before.labels.key) continue;
      labels.set(facts.key, { ...before, labels: after });
      changed = true;
    }
  }
  return labels;
}

function consentsOf(
  patient: PatientKey,
  stored: readonly Resource[],
  bases: readonly string[],
  fhirVersion: FhirVersion,
): readonly Resource[] {
  const names = [patient, ...bases.map((base) => `${base}/${patient}`)];
  return stored.filter(({ resourceType, patient: r4, subject: r5 }) => {
    const reference = ((fhirVersion === 'R5' ? r5 : r4) as { reference?: string } | undefined)?.reference;
    return resourceType === 'Consent' && names.includes(reference ?? '');
  });
}

function standingOf(
  patient: PatientKey,
  contents: readonly Content<'undecided'>[],
  context: RequesterContext,
  config: Config,
  at: number,
): Standing {
  if (context.self === patient) return { kind: 'self', patientIsMinor: false };
  const find = (key: string) => contents.find((content) => read(content, []).facts.key === key);
  const key = context.relatedPerson === undefined ? undefined : parseRelativeReference(context.relatedPerson);
  const record = key === undefined ? undefined : find(key);
  const relation = key === undefined || record === undefined ? undefined : relationOf(key, record, at, time, []);
  const minor = isMinor(find(relation?.patient ?? ''), at, config.representation.ageOfMajorityYears, time);
  return standingFrom(relation, patient, minor, config.representation);
}
