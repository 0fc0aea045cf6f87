import { identify } from '../../src/authenticate/identify.ts';
import { directoryOf } from '../../src/authenticate/organizations.ts';
import type { Config } from '../../src/config/config.ts';
import { type FhirVersion, type ParseOptions, parseConsent } from '../../src/consent/parse.ts';
import { namedData, type PatientConsents } from '../../src/consent/parsed.ts';
import { readResiduals } from '../../src/consent/residual.ts';
import { buildContext } from '../../src/context/context.ts';
import type { RequesterContext } from '../../src/context/requester-context.ts';
import { registered } from '../../src/decide/agreements.ts';
import { Rules } from '../../src/decide/decide.ts';
import type { Decision } from '../../src/decide/decision.ts';
import type { NamedData, Standing } from '../../src/decide/question.ts';
import { isMinor, relationOf, standingFrom } from '../../src/discover/standing.ts';
import type { Labelling } from '../../src/discover/visibility.ts';
import { Content } from '../../src/document/content.ts';
import { scan } from '../../src/document/tape.ts';
import { GatewayError } from '../../src/errors/errors.ts';
import { intervalOf, timeReader } from '../../src/fhir/dates.ts';
import { type PatientKey, parseRelativeReference, type ResourceKey } from '../../src/fhir/ids.ts';
import type { Interaction } from '../../src/fhir/request.ts';
import { createLabelling } from '../../src/house.ts';
import type { Labels } from '../../src/label/labels.ts';
import { type Reading, readResource } from '../../src/label/read.ts';
import { createPolicy, readPolicySet } from '../../src/policy/policy.ts';
import type { Resource } from './expand.ts';
import type { Asker } from './requesters.ts';

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

/** The code of the static refusal, or the decision on each stored resource by its key. */
export type Ruled =
  | { readonly refused: string }
  | { readonly refused?: never; readonly decisions: ReadonlyMap<string, Decision> };

const time = timeReader('UTC');
const limits = { maximumDepth: 64, maximumMembers: 2_000, maximumNodes: 100_000, maximumStringBytes: 1_000_000 };
const policy = createPolicy(readPolicySet({ set: 'us-part2', rememberedAnswers: 1_000 }), 1_000);

/** The same rules, labels and Consents as in the gateway, without anything that is fetched. */
export function ruleOn(enquiry: Enquiry): Ruled {
  try {
    const context = contextOf(enquiry);
    if (!policy.permitsRequest(context, enquiry.interaction, enquiry.type).allowed)
      return { refused: 'policy-refused' };
    return { decisions: decideAll(enquiry, context) };
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

function decideAll(
  { config, stored, at, fhirVersion = 'R4' }: Enquiry,
  context: RequesterContext,
): ReadonlyMap<string, Decision> {
  const bases = [config.listener.publicBaseUrl, config.upstream.baseUrl, ...config.upstream.otherBaseUrls];
  const parseOptions: ParseOptions = {
    fhirVersion,
    time,
    localBases: bases,
    harmlessExtensions: config.decision.harmlessExtensions,
    part2PolicyUris: config.decision.part2PolicyUris,
  };
  const byElement = config.labels.inline === 'element';
  const contents = stored.map(received);
  const readings = new Map(
    contents.map((content) => read(content, bases, byElement)).map((one) => [one.facts.key, one]),
  );
  const labels = labelsOf(
    contents.map((content) => ({ content, reading: read(content, bases, byElement) })),
    createLabelling(config),
  );
  const settings = {
    ...config.decision,
    instantOf: (text: string | undefined) => (text === undefined ? undefined : intervalOf(text, time)),
    programs: config.labels.programs,
    handling: {
      handlers: new Map(Object.entries(config.labels.handlers).map(([code, names = []]) => [code, names])),
      isEncrypted: config.listener.behindTls,
    },
    part2: {
      agreements: registered(config.part2, time, (entry) => entry),
      coveredEntities: config.part2.coveredEntities,
      intermediaries: config.part2.intermediaries,
    },
  };
  const { pcf } = context.requester;
  const rules = new Rules(context, policy, settings, pcf === undefined ? undefined : readResiduals(pcf, parseOptions));
  const named = new Map<ResourceKey, NamedData>();
  for (const { facts } of readings.values())
    for (const patient of [...facts.patients, ...(facts.participants ?? [])]) {
      const consents = consentsOf(patient, stored, parseOptions);
      rules.establish(patient, { consents, standing: standingOf(patient, contents, context, config, at) });
      for (const key of [...namedData(consents.consents), ...rules.namedByToken]) {
        const target = readings.get(key);
        if (target !== undefined) named.set(key, { references: target.facts.references });
      }
    }
  const decisions = new Map<string, Decision>();
  for (const [key, { facts }] of readings)
    decisions.set(key, rules.decide({ facts, labels: labels.get(key) as Labels, asTarget: false, named }));
  return decisions;
}

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
): ReadonlyMap<string, Labels> {
  const readings = read.map(({ reading }) => reading);
  const labels = new Map(read.map(({ reading, content }) => [reading.facts.key, own(reading, content)]));
  for (let changed = true; changed; ) {
    changed = false;
    for (const { facts, parents } of readings) {
      const before = labels.get(facts.key) as Labels;
      const from = parents.flatMap((key) => {
        const parent = labels.get(key);
        return parent === undefined ? [] : [{ key, labels: parent }];
      });
      const after = inherit(before, from);
      if (after.key === before.key) continue;
      labels.set(facts.key, after);
      changed = true;
    }
  }
  return labels;
}

function consentsOf(patient: PatientKey, stored: readonly Resource[], options: ParseOptions): PatientConsents {
  const isHers = ({ patient: r4, subject: r5 }: Resource): boolean => {
    const reference = ((options.fhirVersion === 'R5' ? r5 : r4) as { reference?: string } | undefined)?.reference;
    return [patient, ...options.localBases.map((base) => `${base}/${patient}`)].includes(reference ?? '');
  };
  const parsed = stored
    .filter((resource) => resource.resourceType === 'Consent' && isHers(resource))
    .map((consent) => parseConsent(consent, options));
  return { consents: parsed.filter((one) => one.readable), unreadable: parsed.some(({ readable }) => !readable) };
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
