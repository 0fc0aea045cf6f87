import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AdministerEdges, calendarOf } from './administer/administer.ts';
import type { Recorder } from './audit/recorder.ts';
import { challenge, createAuthenticator } from './authenticate/authenticate.ts';
import { type Config, ConfigError, chooseVersionOf } from './config/config.ts';
import { rereadText } from './config/reread.ts';
import { sealingKeys } from './config/sealing-keys.ts';
import { secretFrom } from './config/secret.ts';
import { longestShadowMs } from './config/shadow.ts';
import { type Collectives, createCollectives } from './consent/collectives.ts';
import { type Consents, createConsents, filesNamed } from './consent/consents.ts';
import { createMemberships, type Memberships } from './consent/memberships.ts';
import { type ParseOptions, parseConsent } from './consent/parse.ts';
import { readResiduals } from './consent/residual.ts';
import type { ConsentSource } from './consent/source.ts';
import { buildContext, grantFor } from './context/context.ts';
import type { RequesterContext } from './context/requester-context.ts';
import { registered } from './decide/agreements.ts';
import { Rules } from './decide/decide.ts';
import type { DecisionSettings } from './decide/question.ts';
import { ShadowPermit } from './decide/shadow.ts';
import { PageTokens } from './discover/page-token.ts';
import { RequestRulings } from './discover/rulings.ts';
import type { SearchWorld } from './discover/search.ts';
import { type Labelling, Visibility } from './discover/visibility.ts';
import { Authored } from './document/content.ts';
import { type Memory, MemoryPool } from './document/memory.ts';
import type { Edges } from './edges.ts';
import { ViewVersions } from './enforce/version.ts';
import type { ViewSettings } from './enforce/view.ts';
import { intervalOf, type TimeReader, timeReader } from './fhir/dates.ts';
import { parseLocalReference } from './fhir/ids.ts';
import type { FhirRequest, Interaction } from './fhir/request.ts';
import { fhirVersion } from './fhir/version.ts';
import { isNeverTold, isPart2By, topicNamed } from './fhir/vocabulary.ts';
import { createAdmission } from './http/admission.ts';
import { createLimiters, type Limiters } from './http/limiters.ts';
import { createTokenGuard, type TokenGuard } from './http/token-guard.ts';
import { createClassifier, type LabelTable } from './label/classify.ts';
import { type CompileExpression, DeepReader } from './label/deep.ts';
import { actorName, inherit, type LabelSettings, ownLabels, withLabel } from './label/effective.ts';
import { toldOf } from './label/facts.ts';
import { pdfsIn } from './label/files.ts';
import type { Reading, ReadSettings } from './label/read.ts';
import { parseTable, shippedTable, shippedWords } from './label/tables.ts';
import {
  authorize,
  capabilityStatement,
  grantCriteria,
  type PlanSettings,
  patientParameterOf,
  planFor,
  servedTypeSet,
  servedTypes,
} from './plan/plan.ts';
import { createPolicy, type Policy, readPolicySet } from './policy/policy.ts';
import type { Log } from './telemetry/log.ts';
import type { Metrics } from './telemetry/metrics.ts';
import type { Watch } from './telemetry/watch.ts';
import { readingFiles } from './upstream/files.ts';
import { PdfReader } from './upstream/pdf-reader.ts';
import { upstreamTlsOf } from './upstream/tls.ts';
import { createUpstream, type Upstream, watchedLookups } from './upstream/upstream.ts';

export const version = '0.1.0';
/** When the capability statement last changed. */
const statementDate = '2026-11-25';
const strictSearchGridMs = 100;

/** What lives as long as the process, and holds no request's data. */
export interface House {
  readonly publicBase: string;
  readonly planSettings: PlanSettings;
  readonly policy: Policy;
  readonly authenticator: ReturnType<typeof createAuthenticator>;
  readonly upstream: Upstream;
  readonly consents: ConsentSource;
  readonly consentStores: Consents;
  readonly memberships: Memberships;
  readonly collectives: Collectives;
  readonly parseOptions: ParseOptions;
  readonly time: TimeReader;
  readonly labelling: Labelling;
  readonly readSettings: ReadSettings;
  readonly viewSettings: ViewSettings;
  readonly decisionSettings: DecisionSettings;
  readonly pageTokens: PageTokens;
  /** For what the replicas seal for each other. */
  readonly sharedKey: Uint8Array;
  readonly limiters: Limiters;
  /** Between the doors and whoever verifies tokens. */
  readonly tokenGuard: TokenGuard;
}

/**
 * What of a configuration the house needs, without opening a connection or writing a file.
 * @throws {ConfigError} naming what cannot be used
 */
export function checkHouse(config: Config): void {
  createPolicy(readPolicySet(config.policy), config.policy.rememberedAnswers);
  labelSettingsOf(config);
  for (const code of config.labels.unreadAttachments) configuredTopic('unreadAttachments', code);
  announcedTopics(config);
  checkShadow(config, Date.now());
  for (const file of config.sealing.previousKeyFiles) secretFrom(file, false);
  if (!config.sealing.createKeyFile) secretFrom(config.sealing.keyFile, false);
  for (const file of [config.upstream.authorizationFile, ...filesNamed(config)]) rereadText(file, () => 0);
  upstreamTlsOf(
    config.upstream,
    () => 0,
    () => undefined,
  );
}

/**
 * Builds what every request shares; opens no listener and asks the FHIR server nothing.
 * @throws {ConfigError} naming what cannot be used
 */
export function buildHouse(config: Config, log: Log, metrics: Metrics, now: () => number): House {
  chooseVersionOf(config);
  checkShadow(config, now());
  const publicBase = config.listener.publicBaseUrl.replace(/\/$/, '');
  const upstreamBase = config.upstream.baseUrl.replace(/\/$/, '');
  const localBases = localBasesOf(config);
  const time = timeReader(config.decision.timeZone);
  const unusable = (part: string) => (): void =>
    log.error('files with secrets were changed to something that cannot be used', { part });
  const upstream = createUpstream(config.upstream, {
    now,
    authorization: rereadText(config.upstream.authorizationFile, now),
    tls: upstreamTlsOf(config.upstream, now, unusable('upstream')),
    onClock(isRight) {
      if (isRight) log.info('the clock agrees with that of the FHIR server again', { part: 'clock' });
      else log.error('the clock differs from that of the FHIR server: not ready', { part: 'clock' });
    },
    onOtherVersion: () =>
      log.error('the FHIR server is not of the version of FHIR that it is configured as: nothing of it is read', {
        part: 'upstream',
      }),
  });
  const parseOptions: ParseOptions = {
    fhirVersion: config.upstream.fhirVersion,
    time,
    localBases,
    harmlessExtensions: config.decision.harmlessExtensions,
    part2PolicyUris: config.decision.part2PolicyUris,
  };
  const labelSettings = labelSettingsOf(config);
  const programs = programNames(config);
  const keys = sealingKeys(config.sealing, config.answers.pageLifetimeMs, { now, onFault: unusable('sealing') });
  const clock = { now, steady: () => performance.now() };
  const consentStores = createConsents(config, {
    upstream,
    clock,
    parseOptions,
    reread: (path) => rereadText(path, now),
    key: keys.shared,
    log,
    metrics,
  });
  return {
    publicBase,
    planSettings: {
      ...config.search,
      publicBase,
      otherBases: localBases.slice(1),
      leavesOutElements: config.labels.inline === 'element',
      timeZone: config.decision.timeZone,
    },
    policy: createPolicy(readPolicySet(config.policy), config.policy.rememberedAnswers),
    authenticator: createAuthenticator(config.identity, { publicBaseUrl: publicBase, now }),
    upstream: withTexts(upstream, config.labels),
    consents: consentStores.source,
    consentStores,
    memberships: createMemberships(config.consent, { upstream, clock, localBases, time }),
    collectives: createCollectives(config.consent, { upstream, now, localBases, time }),
    parseOptions,
    time,
    labelling: createLabelling(config, labelSettings),
    readSettings: { localBases, time, inlineByElement: config.labels.inline === 'element' },
    viewSettings: {
      narrative: config.answers.narrative,
      publicBase,
      upstreamBase,
      shownProfiles: config.answers.shownProfiles,
      shownTagSystems: config.answers.shownTagSystems,
      versions: new ViewVersions(keys.views),
      statement: config.part2.statement,
      masked: new Set(config.labels.masked.map((code) => configuredTopic('masked', code))),
      announced: announcedTopics(config),
    },
    decisionSettings: {
      ...config.decision,
      organizations: everyName(config.decision.organizations, config),
      instantOf: (text) => (text === undefined ? undefined : intervalOf(text, time)),
      programs,
      handling: {
        handlers: new Map(
          Object.entries(config.labels.handlers).map(([code, names]) => [
            code,
            (names ?? []).map((entry) => actorName(entry, localBases)),
          ]),
        ),
        isEncrypted: config.listener.tls !== undefined || config.listener.behindTls,
      },
      part2: {
        agreements: registered(
          config.part2,
          time,
          (entry) => actorName(entry, localBases),
          (entry) => programNamed(entry, programs, localBases),
        ),
        coveredEntities: config.part2.coveredEntities.map((entry) => actorName(entry, localBases)),
        intermediaries: config.part2.intermediaries.map((entry) => actorName(entry, localBases)),
        lawEnforcement: config.part2.lawEnforcement.map((entry) => actorName(entry, localBases)),
        lawfulHolders: config.part2.lawfulHolders.map((entry) => actorName(entry, localBases)),
        forms: config.part2.forms,
      },
    },
    tokenGuard: createTokenGuard(config.listener.behindTls ? 0 : config.limits.failedTokensPerMinute),
    sharedKey: keys.shared,
    limiters: createLimiters(config.limits, config.redis, keys.shared),
    pageTokens: new PageTokens({
      keys: keys.pages,
      lifetimeMs: config.answers.pageLifetimeMs,
      maximumKept: config.answers.keptPages,
    }),
  };
}

/** Of large answers, between requests: some dozens of the greatest page. */
const keptMemoryBytes = 67_108_864;

/** What `handle` may reach of the house. */
export function edgesOf(config: Config, house: House, recorder: Recorder, now: () => number): Edges {
  const { policy, planSettings } = house;
  const statement = Authored.json(capabilityStatement(planSettings, { version, date: statementDate }));
  const headers = { 'content-type': 'application/fhir+json; charset=utf-8' };
  return {
    authenticate: house.tokenGuard(house.authenticator),
    admit: createAdmission(config.limits, house.limiters),
    contextOf: (requester, request) => buildContext(requester, request, policy, config.emergency),
    planFor: (request) => planFor(request, planSettings),
    authorize: (plan, context) => authorize(plan, context, policy),
    grantFor,
    shadowFor: (context, type) => ShadowPermit.for(config.shadow, context, type),
    worldFor: (context, request, signal, interaction, shadow, means) =>
      worldFor(config, house, { context, request, signal, interaction, shadow, ...means }),
    memory: new MemoryPool(keptMemoryBytes),
    capabilities: () => ({ status: 200, headers, body: [statement] }),
    challenge,
    pageTokens: house.pageTokens,
    recorder,
    publicBase: house.publicBase,
    policyHash: policy.hash,
    statement: config.part2.statement,
    fdaNotices: config.part2.agreements.flatMap(({ id: agreement, notice }) => {
      if (notice === undefined) return [];
      const { reference, product, error, disclosedBy } = notice;
      return [{ agreement, reference, product, error, disclosedBy }];
    }),
    negativeGridMs: config.answers.negativeGridMs,
    searchGridMs: config.answers.timing === 'strict' ? strictSearchGridMs : 0,
    now,
    sleep: (milliseconds) => sleep(milliseconds),
  };
}

/**
 * What administration may reach of the house: worlds, plans and rules as requests have them.
 * @param consents in place of the house's own, for what is tried out
 */
export function administerEdgesOf(
  config: Config,
  built: House,
  consents: ConsentSource = built.consents,
): AdministerEdges {
  const house: House = { ...built, consents };
  const { policy, planSettings, parseOptions } = house;
  return {
    consents,
    parse: (json) => parseConsent(json, parseOptions),
    settings: house.decisionSettings,
    calendar: calendarOf(config.decision.timeZone),
    contextOf: (requester, request) => buildContext(requester, request, policy, config.emergency),
    worldFor: (context, request, signal, interaction, means) =>
      worldFor(config, house, { context, request, signal, interaction, ...means }),
    planFor: (request) => planFor(request, planSettings),
    authorize: (plan, context) => authorize(plan, context, policy),
    upstream: house.upstream,
    keyOf: (reference) => parseLocalReference(reference, parseOptions.localBases),
    patientParameter: patientParameterOf,
    servedTypes: servedTypes(),
  };
}

export interface Errands {
  readonly context: RequesterContext;
  readonly request: FhirRequest;
  readonly signal: AbortSignal;
  readonly interaction: Interaction;
  readonly shadow?: ShadowPermit | undefined;
  /** Where what is read for it lives, when it ends with the request. */
  readonly memory?: Memory | undefined;
  /** Told where its time goes. */
  readonly watch?: Watch | undefined;
}

/** What one request sees of the world: nothing of it outlives the request. */
export function worldFor(
  config: Config,
  house: House,
  { context, request, signal, interaction, shadow, memory, watch }: Errands,
): SearchWorld {
  const { decisionSettings, policy, planSettings } = house;
  const upstream = watch === undefined ? house.upstream : watchedLookups(house.upstream, watch);
  const errand = { authorization: request.headers.authorization, signal, memory };
  const residuals =
    context.requester.pcf === undefined ? undefined : readResiduals(context.requester.pcf, house.parseOptions);
  const rulings = new RequestRulings({
    context,
    rules: new Rules(context, policy, decisionSettings, residuals),
    consents: house.consents,
    memberships: house.memberships,
    collectives: house.collectives,
    upstream: house.upstream,
    errand,
    representation: config.representation,
    time: house.time,
    localBases: house.readSettings.localBases,
    shadow,
    ...(watch === undefined ? {} : { watch }),
  });
  const visibility = new Visibility({
    upstream,
    errand,
    context,
    rulings,
    labelling: house.labelling,
    readSettings: house.readSettings,
    viewSettings: house.viewSettings,
    servedTypes: servedTypeSet(),
    isCleared: (reading) => isCleared(reading, context, config),
    limits: config.limits,
  });
  const grants = new Map<string, ReturnType<typeof grantFor>>();
  return {
    visibility,
    upstream,
    errand,
    context,
    grantFor: (type) => {
      const known = grants.get(type) ?? grantFor(context, interaction, type);
      grants.set(type, known);
      return known;
    },
    grantCriteria: (type, query) => grantCriteria(query, type, planSettings),
    patientParameter: patientParameterOf,
    withheld: new Set(),
    budget: config.search.scanBudget,
    stillInForce: () => rulings.stillInForce(),
  };
}

/** Static clearance: roles cleared for everything, and the patient on what is about her alone. */
function isCleared({ facts }: Reading, context: RequesterContext, { decision }: Config): boolean {
  if (context.unrestricted) return true;
  if (context.self === undefined || decision.withholdFromPatient || facts.patientUnknown) return false;
  const patients = toldOf(facts);
  return patients.length === 1 && patients[0] === context.self;
}

/** An organization that is configured with several names is meant by any of them. */
function everyName(names: readonly string[], { identity }: Config): readonly string[] {
  const known = identity.organizations.map(({ id, identifiers }) => [id, ...identifiers]);
  return [...new Set(names.flatMap((name) => [name, ...known.filter((all) => all.includes(name)).flat()]))];
}

/** Bases under which a reference is one into this store, without trailing slash; the public one first. */
export function localBasesOf({ listener, upstream }: Config): readonly string[] {
  return [
    ...new Set(
      [listener.publicBaseUrl, upstream.baseUrl, ...upstream.otherBaseUrls].map((base) => base.replace(/\/$/, '')),
    ),
  ];
}

function labelSettingsOf(config: Config): LabelSettings {
  const { labels } = config;
  const localBases = localBasesOf(config);
  const own = tablesOf(labels.tables);
  return {
    classifier: createClassifier(own.length > 0 ? own : [shippedTable()], labels.strengths),
    programs: new Set(programNames(config).keys()),
    sensitiveActors: new Map(
      Object.entries(labels.sensitiveActors).map(([entry, codes]) => [
        actorName(entry, localBases),
        codes.map((code) => configuredTopic('sensitiveActors', code)),
      ]),
    ),
    part2Source: labels.part2Source,
    ignoredLabelSystems: new Set(labels.ignoredLabelSystems),
    mappedLabels: new Map(
      Object.entries(labels.mappedLabels).map(([label, code]) => [label, configuredTopic('mappedLabels', code)]),
    ),
  };
}

/**
 * Topics of which a search says that something was withheld.
 * @throws {ConfigError}
 */
function announcedTopics({ labels }: Config): ReadonlySet<string> {
  const topics = labels.announced.map((code) => configuredTopic('announced', code));
  const secret = topics.find(isNeverTold);
  if (secret !== undefined) throw new ConfigError(`labels.announced: of ${secret} nothing may be told.`);
  return new Set(topics);
}

/** Where texts are read, PDF files are read as they come from the FHIR server: deciding is pure. */
export function withTexts(upstream: Upstream, { readText, maximumAttachmentBytes }: Config['labels']): Upstream {
  if (!readText) return upstream;
  return readingFiles(upstream, new PdfReader(), (resource) => pdfsIn(resource, maximumAttachmentBytes));
}

/** Labels of a resource by itself, and by what it comes with. */
export function createLabelling(config: Config, settings: LabelSettings = labelSettingsOf(config)): Labelling {
  const { labels } = config;
  const sources = sourceNames(config);
  const reader = new DeepReader(
    tablesInUse(config),
    labels.strengths,
    {
      text: labels.readText,
      classifier: settings.classifier,
      maximumAttachmentBytes: labels.maximumAttachmentBytes,
      unread: labels.unreadAttachments.map((code) => configuredTopic('unreadAttachments', code)),
    },
    compileExpression,
  );
  return {
    own: ({ facts: { labelInputs } }, content) => {
      const { found } = content.examine((resource) => ({
        found: reader.read(resource, labelInputs.type, labelInputs.codings)?.found,
      }));
      return ownLabels(labelInputs, settings, found);
    },
    withLabel: (labels, label) => withLabel(labels, label, settings),
    inherit,
    isPart2: ({ topics }) => isPart2By(topics, config.decision.sudIsPart2),
    programsIn: ({ actors, actorIdentifiers }) => {
      const named = [...actors, ...actorIdentifiers].flatMap((name) => sources.get(name) ?? []);
      return named.length > 1 ? [...new Set(named)] : named;
    },
  };
}

/** Every name of a Part 2 program, to its first. */
export function programNames(config: Config): ReadonlyMap<string, string> {
  const localBases = localBasesOf(config);
  return new Map(
    config.labels.programs.flatMap((entry) => {
      const names = [entry].flat().map((name) => actorName(name, localBases));
      return names.map((name) => [name, names[0] as string] as const);
    }),
  );
}

/** A program by the first of its names. */
function programNamed(entry: string, programs: ReadonlyMap<string, string>, localBases: readonly string[]): string {
  const name = actorName(entry, localBases);
  return programs.get(name) ?? name;
}

/** What names a source: the programs, and whatever else an agreement calls one. */
function sourceNames(config: Config): ReadonlyMap<string, string> {
  const known = programNames(config);
  const agreed = config.part2.agreements.flatMap(({ programs }) =>
    programs.map((entry) => programNamed(entry, known, localBasesOf(config))),
  );
  return new Map([...agreed.map((name) => [name, name] as const), ...known]);
}

/** The library takes a third of a second to load, so it is loaded when there is a rule. */
const compileExpression: CompileExpression = (expression) => {
  const load = createRequire(import.meta.url);
  const fhirpath = load('fhirpath') as typeof import('fhirpath').default;
  try {
    return fhirpath.compile(expression, load(`fhirpath/fhir-context/${fhirVersion().toLowerCase()}`)) as (
      resource: unknown,
    ) => unknown[];
  } catch {
    throw new ConfigError(`labels.tables: ${expression} is no FHIRPath expression.`);
  }
};

/** `id@version` of every table in use. @throws {ConfigError} naming what is wrong with one */
export function tableVersions(config: Config): readonly string[] {
  return tablesInUse(config).map(({ id, version }) => `${id}@${version}`);
}

function tablesInUse({ labels }: Config): readonly LabelTable[] {
  const own = tablesOf(labels.tables);
  return own.length > 0 ? own : [shippedTable(), shippedWords()];
}

function tablesOf(files: readonly string[]): readonly LabelTable[] {
  return files.map((file) => {
    try {
      return parseTable(JSON.parse(readFileSync(file, 'utf8')));
    } catch (error) {
      throw new ConfigError(`labels.tables: ${file}: ${error instanceof Error ? error.message : 'cannot be read'}`);
    }
  });
}

/** A topic that no Consent can name would be neither permitted nor denied by name. */
function configuredTopic(key: string, code: string): string {
  const topic = topicNamed(code);
  if (topic === undefined) throw new ConfigError(`labels.${key}: ${code} is no sensitivity code of v3-ActCode`);
  return topic;
}

/** @throws {ConfigError} when an entry would last longer than anybody remembers it */
function checkShadow({ shadow }: Config, now: number): void {
  for (const { name, until } of shadow)
    if (Date.parse(until) - now > longestShadowMs)
      throw new ConfigError(`shadow: ${name} ends more than 92 days ahead (until).`);
}
