import type { RepresentationConfig } from '../config/representation.ts';
import type { Collectives } from '../consent/collectives.ts';
import type { Memberships, RequesterNames } from '../consent/memberships.ts';
import { namedData } from '../consent/parsed.ts';
import type { ConsentSource, EstablishedConsents } from '../consent/source.ts';
import type { RequesterContext } from '../context/requester-context.ts';
import type { Rules, Vote } from '../decide/decide.ts';
import type { Decision } from '../decide/decision.ts';
import type { Candidate, Standing } from '../decide/question.ts';
import type { ShadowPermit } from '../decide/shadow.ts';
import { GatewayError } from '../errors/errors.ts';
import type { TimeReader } from '../fhir/dates.ts';
import { type PatientKey, parseRelativeReference, type ResourceKey } from '../fhir/ids.ts';
import { unwatched, type Watch } from '../telemetry/watch.ts';
import type { Errand, Upstream } from '../upstream/upstream.ts';
import { isMinor, type Relation, relationOf, standingFrom } from './standing.ts';
import type { Rulings } from './visibility.ts';

export interface RulingsEdges {
  readonly context: RequesterContext;
  readonly rules: Rules;
  readonly consents: ConsentSource;
  readonly memberships: Memberships;
  readonly collectives: Collectives;
  readonly upstream: Upstream;
  readonly errand: Errand;
  readonly representation: RepresentationConfig;
  readonly time: TimeReader;
  readonly localBases: readonly string[];
  /** Lets pass what would be withheld; unset: everything is enforced. */
  readonly shadow?: ShadowPermit | undefined;
  readonly watch?: Watch;
}

interface Represented {
  readonly relation: Relation;
  readonly isMinor: boolean;
}

/** The decisions of one request: Consents and standings are established patient by patient, each once. */
export class RequestRulings implements Rulings {
  readonly #edges: RulingsEdges;
  readonly #watch: Watch;
  readonly #named = new Set<ResourceKey>();
  readonly #underWay = new Map<PatientKey, Promise<void>>();
  readonly #established = new Map<PatientKey, EstablishedConsents>();
  #represented: Promise<Represented | undefined> | undefined;
  #names: Promise<RequesterNames> | undefined;

  constructor(edges: RulingsEdges) {
    this.#edges = edges;
    this.#watch = edges.watch ?? unwatched;
    for (const key of edges.rules.namedByToken) this.#named.add(key);
  }

  async establish(patients: Iterable<PatientKey>): Promise<void> {
    const wanted = [...new Set(patients)];
    const missing = wanted.filter((patient) => !this.#underWay.has(patient));
    if (missing.length > 0) {
      const reading = this.#watch.timed('consent', () => this.#read(missing));
      for (const patient of missing) this.#underWay.set(patient, reading);
    }
    await Promise.all(wanted.map((patient) => this.#underWay.get(patient)));
  }

  async establishAny(): Promise<void> {
    if (this.#underWay.size > 0) return;
    await this.#watch.timed('consent', async () => {
      const [nobody] = await Promise.all([this.#edges.consents.ofNobody(this.#own()), this.#readNames()]);
      for (const [key, established] of nobody) this.#established.set(key, established);
      await this.#edges.collectives.ofNobody(this.#own());
    });
  }

  /** Before an answer is recorded, and before it leaves: what has grown too old meanwhile is read again. */
  async stillInForce(): Promise<boolean> {
    return this.#watch.timed('consent', () => this.#edges.consents.stillHold(this.#established, this.#own()));
  }

  namedData(): Iterable<ResourceKey> {
    return this.#named;
  }

  decide(candidate: Candidate): Decision {
    const decision = this.#watch.busy('decide', () => this.#edges.rules.decide(candidate));
    return this.#edges.shadow === undefined ? decision : this.#edges.shadow.carriedOut(decision, candidate);
  }

  votes(candidate: Omit<Candidate, 'sources'>): readonly Vote[] {
    return this.#edges.rules.votes(candidate);
  }

  async standing(patient: PatientKey): Promise<Standing> {
    this.#represented ??= this.#readRelation();
    return this.#standing(patient, await this.#represented);
  }

  async #read(patients: readonly PatientKey[]): Promise<void> {
    const { consents, rules } = this.#edges;
    const errand = this.#own();
    this.#represented ??= this.#readRelation();
    const [found, represented, names] = await Promise.all([
      consents.of(patients, errand),
      this.#represented,
      this.#readNames(),
    ]);
    const collectives = await this.#edges.collectives.of(
      new Map(patients.map((patient) => [patient, found.get(patient)?.consents ?? []])),
      errand,
    );
    for (const patient of patients) {
      const hers = found.get(patient);
      if (hers === undefined) throw new GatewayError('consent-unavailable');
      this.#established.set(patient, hers);
      rules.establish(patient, { consents: hers, standing: this.#standing(patient, represented), names, collectives });
      for (const key of namedData(hers.consents)) this.#named.add(key);
    }
  }

  #readNames(): Promise<RequesterNames> {
    this.#names ??= this.#edges.memberships.of(this.#edges.context.requester, this.#own());
    return this.#names;
  }

  /** Depends on who asks alone, never on whom the answer is about: read once, whatever is found. */
  async #readRelation(): Promise<Represented | undefined> {
    const { context, upstream, time, representation, localBases } = this.#edges;
    const errand = this.#own();
    const key = context.relatedPerson === undefined ? undefined : parseRelativeReference(context.relatedPerson);
    if (key === undefined) return undefined;
    const content = await upstream.read(key, errand);
    if (content === undefined) return undefined;
    const relation = relationOf(key, content, context.at, time, localBases);
    if (relation.patient === undefined) return undefined;
    const patient = await upstream.read(relation.patient, errand);
    return { relation, isMinor: isMinor(patient, context.at, representation.ageOfMajorityYears, time) };
  }

  /** What decides is read whole, with the gateway's own credential, whatever the client's would show. */
  #own(): Errand {
    return { authorization: undefined, signal: this.#edges.errand.signal };
  }

  /** Decision by the record: the patient herself by the verified fhirUser, a representative by an active relation. */
  #standing(patient: PatientKey, represented: Represented | undefined): Standing {
    const { context, representation } = this.#edges;
    if (context.self === patient) return { kind: 'self', patientIsMinor: false };
    return standingFrom(represented?.relation, patient, represented?.isMinor ?? false, representation);
  }
}
