import type { Config } from '../config/config.ts';
import type { ChangesConfig, StoreConfig, SubscriptionConfig } from '../config/consent.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { createUpstream, type Upstream } from '../upstream/upstream.ts';
import { ChangeFeed } from './changes.ts';
import type { Clock } from './clock.ts';
import { type Epochs, RedisEpochs } from './epochs.ts';
import { ConsentMemory } from './memory.ts';
import { type FhirVersion, type ParseOptions, parseConsent } from './parse.ts';
import { connectRedis } from './redis.ts';
import { type ConsentSource, createConsentSource, type StoreObserver } from './source.ts';
import { type ConsentStore, createDataStore, createOtherStore, ParsedVersions } from './store.ts';
import { ConsentSubscription } from './subscription.ts';
import { ChangeWatch } from './watch.ts';

/** All that is done about Consents as long as the process lives. */
export interface Consents {
  readonly source: ConsentSource;
  /** Connects to Redis and begins to look for changes. Not needed for answers: without it the bound alone counts. */
  start(): void;
  /**
   * Somebody says that a Consent changed in a store. True or not, it makes the gateway ask that store and no more.
   * @param authorization header of the notification
   * @returns false when it does not bear the secret of that store's Subscription
   */
  notified(store: string, authorization: string | undefined): boolean;
  close(): Promise<void>;
}

export interface ConsentParts {
  /** The FHIR server behind the gateway. */
  readonly upstream: Upstream;
  readonly clock: Clock;
  readonly parseOptions: ParseOptions;
  /** The text of a file, read again when it changes. */
  readonly reread: (path: string | undefined) => () => string | undefined;
  /** Alike in all replicas: what patients are called in Redis is made with it. */
  readonly key: Uint8Array;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** Longer than the bound, so that an epoch outlives what was remembered under it. */
const shortestEpochMs = 60_000;
const redisRestMs = 1_000;
const longestSendingMs = 500;

/** Of the bound, so much is left for the way from the last look to the network, on a machine that is busy. */
function rememberMs(boundMs: number): number {
  return boundMs - Math.min(longestSendingMs, boundMs / 5);
}

/** Files with secrets and certificates that the configuration of stores and of Redis names. */
export function filesNamed({ consent, redis }: Config): readonly string[] {
  const subscriptions = [consent.dataServer, ...consent.stores].map(({ subscription }) => subscription);
  const sentinel = redis?.servers.kind === 'sentinel' ? redis.servers.sentinelPasswordFile : undefined;
  return [
    ...consent.stores.map(({ authorizationFile }) => authorizationFile),
    ...subscriptions.flatMap((one) => [one?.secretFile, one?.authorizationFile]),
    redis?.passwordFile,
    sentinel,
    redis?.tls?.caFile,
    redis?.tls?.certificateFile,
    redis?.tls?.keyFile,
  ].filter((file) => file !== undefined);
}

/** @throws {ConfigError} when a file that the configuration names cannot be read */
export function createConsents(config: Config, parts: ConsentParts): Consents {
  const stores = storesOf(config, parts);
  const isRemembering = config.consent.maximumAgeMs > 0;
  let memory: ConsentMemory | undefined;
  const epochs = isRemembering ? epochsOf(config, parts, (marks) => memory?.dropMarks(marks)) : undefined;
  memory = new ConsentMemory({
    maximum: config.consent.rememberedPatients,
    boundMs: rememberMs(config.consent.maximumAgeMs),
    clock: parts.clock,
    epochs,
    markKey: parts.key,
  });
  const source = createConsentSource(config.consent, {
    stores,
    clock: parts.clock,
    epochs,
    memory,
    observer: observerOf(parts),
  });
  const watch = new ChangeWatch({
    stores,
    source,
    everyMs: config.consent.changesEveryMs,
    onSilence: (store, isSilent) =>
      isSilent
        ? parts.log.warn('a consent store does not tell what changed', { store })
        : parts.log.info('a consent store tells what changed', { store }),
  });
  const subscriptions = isRemembering ? subscriptionsOf(config, stores, parts) : new Map<string, ConsentSubscription>();
  return {
    source,
    start: () => {
      epochs?.start();
      if (isRemembering) watch.start(); // else nothing is remembered that could go out of date
      for (const subscription of subscriptions.values()) subscription.start();
    },
    notified: (store, authorization) => {
      const isFromStore = subscriptions.get(store)?.isFromStore(authorization) === true;
      return isFromStore && watch.notify(store);
    },
    close: async () => {
      for (const subscription of subscriptions.values()) subscription.close();
      watch.close();
      await epochs?.close();
      await Promise.all(stores.flatMap(({ upstream }) => (upstream === parts.upstream ? [] : upstream.close())));
    },
  };
}

function storesOf(config: Config, parts: ConsentParts): readonly ConsentStore[] {
  const { consent } = config;
  const { upstream, parseOptions, clock, log, metrics } = parts;
  const versions = new ParsedVersions(consent.rememberedVersions, (construct) => {
    metrics.consentFindings.inc({ construct });
    log.warn('a construct in a Consent was not understood', { construct });
  });
  const common = { versions, maximumPerPatient: consent.maximumPerPatient };
  const groupsOf = (version: FhirVersion) =>
    version === 'R5' ? { time: parseOptions.time, now: clock.now } : undefined;
  const data = createDataStore({
    ...common,
    name: 'data',
    upstream,
    feed: feedOf(upstream, consent.dataServer.changes, parts),
    bases: parseOptions.localBases,
    parse: (json) => parseConsent(json, parseOptions),
    groups: groupsOf(parseOptions.fhirVersion),
  });
  const others = consent.stores.map((store) => {
    const there = upstreamOf(config, store, parts);
    return createOtherStore({
      ...common,
      name: store.name,
      upstream: there,
      feed: feedOf(there, store.changes, parts),
      bases: [store.baseUrl, ...store.otherBaseUrls].map((base) => base.replace(/\/$/, '')),
      parse: (json) => parseConsent(json, { ...parseOptions, fhirVersion: store.fhirVersion }),
      groups: groupsOf(store.fhirVersion),
      patients: store.patients,
      data: { upstream, bases: parseOptions.localBases },
    });
  });
  return consent.dataServer.holdsConsents ? [data, ...others] : others;
}

function subscriptionsOf(
  { consent }: Config,
  stores: readonly ConsentStore[],
  { reread, log }: ConsentParts,
): ReadonlyMap<string, ConsentSubscription> {
  const configured = new Map<string, SubscriptionConfig | undefined>([
    ['data', consent.dataServer.subscription],
    ...consent.stores.map(({ name, subscription }) => [name, subscription] as const),
  ]);
  return new Map(
    stores.flatMap(({ name, upstream }) => {
      const subscription = configured.get(name);
      if (subscription === undefined) return [];
      const made = new ConsentSubscription({
        store: name,
        upstream,
        config: subscription,
        secret: reread(subscription.secretFile),
        authorization: reread(subscription.authorizationFile),
        onState: (store, code) =>
          code === undefined
            ? log.info('the subscription is registered', { store })
            : log.warn('the subscription cannot be registered', { store, code }),
      });
      return [[name, made] as const];
    }),
  );
}

/** Limits of time, size and connections are those of the FHIR server behind the gateway. */
function upstreamOf({ upstream }: Config, store: StoreConfig, { clock, reread }: ConsentParts): Upstream {
  const { baseUrl, otherBaseUrls, paging, authorizationFile } = store;
  const { authorizationFile: _, ...shared } = upstream;
  return createUpstream(
    {
      ...shared,
      baseUrl,
      otherBaseUrls,
      paging,
      credential: 'gateway',
      ...(authorizationFile === undefined ? {} : { authorizationFile }),
    },
    { now: clock.now, authorization: reread(authorizationFile) },
  );
}

function feedOf(upstream: Upstream, changes: ChangesConfig, { clock }: ConsentParts): ChangeFeed | undefined {
  if (changes === 'none') return undefined;
  return new ChangeFeed(upstream, changes === 'discover' ? ['history', 'lastUpdated'] : [changes], clock.now);
}

function epochsOf(
  { redis, consent }: Config,
  { clock, key, log, metrics }: ConsentParts,
  onRaised: (marks: readonly string[]) => void,
): Epochs | undefined {
  if (redis === undefined) return undefined;
  return new RedisEpochs({
    redis: connectRedis(redis),
    subscriber: connectRedis(redis),
    prefix: redis.prefix,
    key,
    lifetimeMs: Math.max(shortestEpochMs, 2 * consent.maximumAgeMs),
    timeoutMs: redis.commandTimeoutMs,
    restMs: redisRestMs,
    steady: clock.steady,
    onRaised,
    onState: (isAnswering) => {
      metrics.redisUp.set(isAnswering ? 1 : 0);
      if (isAnswering) log.info('redis answers', { part: 'redis' });
      else log.warn('redis does not answer: each replica keeps to its own bound', { part: 'redis' });
    },
  });
}

/** Log lines when a store stops answering and when it answers again; every failure in the metrics. */
function observerOf({ log, metrics }: ConsentParts): StoreObserver {
  const failing = new Set<string>();
  return {
    onStore(store, code) {
      metrics.consentStores.set({ store }, code === undefined ? 1 : 0);
      if (code !== undefined) {
        metrics.consentStoreFailures.inc({ store, code });
        if (!failing.has(store))
          log.error('a consent store fails: nothing is released that it decides on', { store, code });
        failing.add(store);
      } else if (failing.delete(store)) log.info('a consent store answers again', { store });
    },
    onChange: (store, delayMs) => metrics.consentChangeDelay.observe({ store }, delayMs / 1000),
    onRecall(remembered, asked) {
      metrics.consentCache.inc({ result: 'hit' }, remembered);
      metrics.consentCache.inc({ result: 'miss' }, asked);
    },
  };
}
