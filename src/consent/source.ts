import { randomUUID } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { ConsentConfig } from '../config/consent.ts';
import type { Content } from '../document/content.ts';
import { nameNumber } from '../document/names.ts';
import { GatewayError } from '../errors/errors.ts';
import { type PatientKey, parseRelativeReference, resourceKey } from '../fhir/ids.ts';
import { type Errand, pagesOf, type Upstream } from '../upstream/upstream.ts';
import { type ParseOptions, parseConsent } from './parse.ts';
import type { PatientConsents } from './parsed.ts';

export interface ConsentSource {
  /**
   * The Consents of these patients, all statuses and all pages, no older than the configured bound.
   * @throws {GatewayError} `consent-unavailable`
   */
  of(patients: readonly PatientKey[], errand: Errand): Promise<ReadonlyMap<PatientKey, PatientConsents>>;
  /**
   * Reads as for one patient, whom nobody has, and keeps nothing.
   * @throws {GatewayError} `consent-unavailable`
   */
  ofNobody(errand: Errand): Promise<void>;
}

type Parsed = ReturnType<typeof parseConsent>;

interface Remembered {
  readonly at: number;
  readonly consents: PatientConsents;
}

const patientsPerSearch = 50;
const pageSize = 200;

const names = {
  id: nameNumber('id'),
  meta: nameNumber('meta'),
  versionId: nameNumber('versionId'),
  patient: nameNumber('patient'),
  reference: nameNumber('reference'),
};

/**
 * Consents in force, read from the FHIR server. What is parsed is kept by id and version alone; which versions there
 * are is asked again once the bound has passed (at 0: for every request). A failure is never remembered.
 */
export function createConsentSource(
  config: ConsentConfig,
  deps: {
    readonly upstream: Upstream;
    readonly now: () => number;
    readonly parseOptions: ParseOptions;
    readonly localBases: readonly string[];
    readonly onFinding: (construct: string) => void;
  },
): ConsentSource {
  const remembered = new LRUCache<PatientKey, Remembered>({ max: config.rememberedPatients });
  const versions = new LRUCache<string, { readonly parsed: Parsed }>({ max: config.rememberedVersions });

  const parse = (content: Content<'undecided'>): { patient: PatientKey | undefined; parsed: Parsed } =>
    content.examine(({ tape, node }) => {
      const id = tape.text(tape.member(node, names.id));
      const version = tape.text(tape.member(tape.member(node, names.meta), names.versionId));
      const patient = localPatient(
        tape.text(tape.member(tape.member(node, names.patient), names.reference)),
        deps.localBases,
      );
      const key = id === undefined || version === undefined ? undefined : `${id}/${version}`;
      let known = key === undefined ? undefined : versions.get(key);
      if (known === undefined) {
        known = { parsed: parseConsent(JSON.parse(tape.raw(node)), deps.parseOptions) };
        for (const finding of known.parsed.findings) deps.onFinding(finding);
        if (key !== undefined) versions.set(key, known);
      }
      return { patient, parsed: known.parsed };
    });

  const fetchBatch = async (
    patients: readonly PatientKey[],
    errand: Errand,
  ): Promise<ReadonlyMap<PatientKey, PatientConsents>> => {
    const found = new Map<PatientKey, { consents: Extract<Parsed, { readable: true }>[]; unreadable: boolean }>();
    for (const patient of patients) found.set(patient, { consents: [], unreadable: false });
    const search = {
      type: 'Consent',
      parameters: [['patient', patients.join(',')] as const],
      pageSize,
      unsorted: true,
    };
    let count = 0;
    for await (const { page } of pagesOf(deps.upstream, search, undefined, errand)) {
      count += page.contents.length;
      if (count > config.maximumPerPatient * patients.length) throw new GatewayError('consent-unavailable');
      for (const content of page.contents) {
        const { patient, parsed } = parse(content);
        const whose = patient === undefined ? undefined : found.get(patient);
        if (whose !== undefined && parsed.readable) whose.consents.push(parsed);
        // Whose it is cannot be read: it may be anybody's who was asked for.
        else for (const one of whose === undefined ? found.values() : [whose]) one.unreadable = true;
      }
    }
    for (const { consents } of found.values())
      if (consents.length > config.maximumPerPatient) throw new GatewayError('consent-unavailable');
    return found;
  };

  /** While the store fails, all fail alike: who asked for whom a moment ago makes no difference. */
  const forget = ({ signal }: Errand): void => {
    if (signal?.aborted !== true) remembered.clear();
  };

  return {
    async of(patients, errand) {
      const now = deps.now();
      const result = new Map<PatientKey, PatientConsents>();
      const stale: PatientKey[] = [];
      for (const patient of patients) {
        const known = remembered.get(patient);
        const age = known === undefined ? -1 : now - known.at; // below 0 too when the clock was set back
        if (known !== undefined && age >= 0 && age < config.maximumAgeMs) result.set(patient, known.consents);
        else stale.push(patient);
      }
      try {
        for (let from = 0; from < stale.length; from += patientsPerSearch) {
          for (const [patient, consents] of await fetchBatch(stale.slice(from, from + patientsPerSearch), errand)) {
            result.set(patient, consents);
            remembered.set(patient, { at: now, consents });
          }
        }
      } catch (error) {
        forget(errand);
        throw new GatewayError('consent-unavailable', { cause: error });
      }
      return result;
    },
    async ofNobody(errand) {
      try {
        await fetchBatch([resourceKey('Patient', randomUUID()) as PatientKey], errand);
      } catch (error) {
        forget(errand);
        throw new GatewayError('consent-unavailable', { cause: error });
      }
    },
  };
}

function localPatient(reference: string | undefined, localBases: readonly string[]): PatientKey | undefined {
  if (reference === undefined) return undefined;
  const base = localBases.find((candidate) => reference.startsWith(`${candidate}/`));
  const key = parseRelativeReference(base === undefined ? reference : reference.slice(base.length + 1));
  return key?.startsWith('Patient/') ? (key as PatientKey) : undefined;
}
