import type { ServiceDetail } from '../../audit/recorder.ts';
import { assignedOrganization, type Directory } from '../../authenticate/authenticate.ts';
import type { Requester } from '../../authenticate/requester.ts';
import type { Collectives } from '../../consent/collectives.ts';
import type { Memberships } from '../../consent/memberships.ts';
import type { PatientConsents } from '../../consent/parsed.ts';
import type { ConsentSource } from '../../consent/source.ts';
import type { RequesterContext } from '../../context/requester-context.ts';
import { type Consultation, type Consulting, consultInParts, type Redaction } from '../../decide/consult.ts';
import type { DecisionSettings } from '../../decide/question.ts';
import type { ResourceOnTape } from '../../document/content.ts';
import { nameNumber } from '../../document/names.ts';
import { GatewayError } from '../../errors/errors.ts';
import type { Coding } from '../../fhir/coding.ts';
import { isId, type PatientKey, parseRelativeReference, resourceKey } from '../../fhir/ids.ts';
import { systems } from '../../fhir/vocabulary.ts';
import { escapeValue } from '../../plan/escape.ts';
import { type Errand, type Upstream, watched } from '../../upstream/upstream.ts';
import type { Asked, OpenDocument, Service, ServiceAnswer } from '../service.ts';
import { consentsUnder } from '../under-watch.ts';
import { type ConsultRequest, readConsult } from './request.ts';

/** The grant for asking, and the one for being told which Consents governed. */
export const consultName = 'patient-consent-consult';
export const sourcesName = 'patient-consent-consult-sources';

export interface ConsultParts {
  readonly publicBaseUrl: string;
  readonly localBases: readonly string[];
  /** Organizations of the configuration, with their names and what they are units of. */
  readonly directory: Directory;
  readonly upstream: Upstream;
  readonly consents: ConsentSource;
  readonly memberships: Memberships;
  readonly collectives: Collectives;
  readonly settings: DecisionSettings;
  /** Topics that everything about a patient bears here, by its source. */
  readonly ofSource: readonly string[];
  readonly mayKnowSources: (caller: RequesterContext) => boolean;
}

const path = '/cds-services';

/** CDS Hooks 2.0 discovery. */
export function consultDiscovery(publicBaseUrl: string): OpenDocument {
  return {
    path: `${new URL(publicBaseUrl).pathname.replace(/\/$/, '')}${path}`,
    contentType: 'application/json',
    body: JSON.stringify({
      services: [
        {
          hook: consultName,
          id: consultName,
          title: 'Consult the Consents of a patient',
          description:
            'Whether the Consents in force permit an actor to receive a patient’s data for a purpose, and what of it is to be redacted.',
          usageRequirements: 'An access token whose roles this gateway grants the service.',
        },
      ],
    }),
  };
}

/** CDS Hooks `patient-consent-consult`: what the Consents alone say, by the engine that decides on every answer. */
export function consultService(parts: ConsultParts): Service {
  return {
    name: consultName,
    method: 'POST',
    path: `${path}/${consultName}`,
    answer: async (asked) => {
      const { watch } = asked;
      const upstream = watched(parts.upstream, watch);
      const own = { ...parts, upstream, consents: consentsUnder(watch, parts.consents) };
      const request = readConsult(asked.body, parts.localBases);
      return answerOf(await consulted(request, asked, own), request, asked, own);
    },
  };
}

/** For nobody as much is read as for somebody. */
const nobody: ReadonlyMap<PatientKey, PatientConsents> = new Map();

interface One {
  readonly patient: PatientKey;
  readonly said: Consultation;
}

interface Consulted {
  readonly all: readonly One[];
  readonly stillInForce: () => Promise<boolean>;
}

/** One consultation for each patient that the identifiers mean; none where they mean nobody. */
async function consulted(request: ConsultRequest, asked: Asked, parts: ConsultParts): Promise<Consulted> {
  // What decides is read whole, with the gateway's own credential.
  const errand: Errand = { authorization: undefined, signal: asked.signal };
  const found = await Promise.all(request.identifiers.map((one) => patientsWith(one, errand, parts)));
  const patients = [...new Set([...request.patients, ...found.flat()])];
  const context = contextOf(request, asked, parts);
  const reading = patients.length === 0 ? parts.consents.ofNobody(errand) : parts.consents.of(patients, errand);
  const [consents, names] = await Promise.all([reading, parts.memberships.of(context.requester, errand)]);
  const collectives = await collectivesOf(patients.length === 0 ? nobody : consents, errand, parts);
  const { settings, ofSource } = parts;
  const all: One[] = [];
  for (const patient of patients) {
    const hers = consents.get(patient);
    if (hers === undefined) throw new GatewayError('consent-unavailable');
    const { types, categories } = request;
    const question = { patient, consents: hers, context, names, collectives, settings, types, categories, ofSource };
    all.push({ patient, said: await inParts(question, asked) });
  }
  const established = new Map(consents);
  return { all, stillInForce: () => parts.consents.stillHold(established, errand) };
}

/** Whom Consents name besides people and organizations; looked up for nobody too. */
async function collectivesOf(
  consents: ReadonlyMap<PatientKey, PatientConsents>,
  errand: Errand,
  { collectives }: ConsultParts,
): ReturnType<Collectives['of']> {
  if (consents.size > 0)
    return collectives.of(new Map([...consents].map(([key, hers]) => [key, hers.consents])), errand);
  await collectives.ofNobody(errand);
  return new Map();
}

/** Other requests have their turn between the parts. */
async function inParts(question: Consulting, { watch }: Asked): Promise<Consultation> {
  const going = consultInParts(question);
  for (;;) {
    const part = watch.busy('decide', () => going.next());
    if (part.done === true) return part.value;
    await new Promise(setImmediate);
  }
}

const users: ReadonlySet<string> = new Set(['Practitioner', 'PractitionerRole', 'RelatedPerson', 'Person', 'Device']);

/** The actor as a requester who has names and purposes, and nothing else. */
function contextOf(
  { actor, purposes }: ConsultRequest,
  { context: { requester: caller }, at }: Asked,
  { directory, localBases }: ConsultParts,
): RequesterContext {
  const fhirUser = actor.find((name) => users.has(name.split('/')[0] ?? ''));
  const requester: Requester = {
    issuer: caller.issuer,
    subject: '',
    clientId: '',
    tokenId: caller.tokenId,
    tokenHash: caller.tokenHash,
    expiresAt: caller.expiresAt,
    clientKind: 'app', // whom an organization's question is for the hook does not say: it may be anybody of it
    scopes: [],
    identities: actor,
    organizations: actor
      .filter((name) => name.startsWith('Organization/') || parseRelativeReference(name) === undefined)
      .flatMap((name) => assignedOrganization(name, directory, localBases).names),
    roles: [],
    roleCodes: [],
    purposes: purposes.map((code) => ({ code, assigned: false })),
    amr: [],
    ...(fhirUser === undefined ? {} : { fhirUser }),
  };
  return { requester, purposes, purposeAssigned: false, unrestricted: false, at };
}

const [idName, identifierName, systemName, valueName] = ['id', 'identifier', 'system', 'value'].map(nameNumber) as [
  number,
  number,
  number,
  number,
];
const maximumPatients = 20;

/** A server may pass over what it is asked for. */
function bears({ tape, node }: ResourceOnTape, system: string, value: string): boolean {
  const list = tape.member(node, identifierName);
  for (let item = list < 0 ? -1 : tape.firstChild(list); item >= 0; item = tape.next(item)) {
    const [ofItem, its] = [systemName, valueName].map((name) => tape.text(tape.member(item, name)));
    if (ofItem === system && its === value) return true;
  }
  return false;
}

/** Patients of this server with this identifier: one, several of one person, or none. */
async function patientsWith(
  [system, value]: readonly [string, string],
  errand: Errand,
  { upstream }: ConsultParts,
): Promise<readonly PatientKey[]> {
  const token = `${escapeValue(system)}|${escapeValue(value)}`;
  const search = {
    type: 'Patient',
    parameters: [['identifier', token] as const],
    pageSize: maximumPatients,
    unsorted: true,
  };
  const { contents, next } = await upstream.search(search, undefined, errand);
  if (contents.length > maximumPatients || next !== undefined) throw new GatewayError('too-costly');
  return contents.flatMap((content) => {
    const { id, isSo } = content.examine((resource) => ({
      id: resource.tape.text(resource.tape.member(resource.node, idName)),
      isSo: bears(resource, system, value),
    }));
    if (id === undefined || !isId(id)) throw new GatewayError('upstream-invalid');
    return isSo ? (resourceKey('Patient', id) as PatientKey) : [];
  });
}

type Said = 'CONSENT_PERMIT' | 'CONSENT_DENY' | 'NO_CONSENT';

const words: Readonly<Record<Said, { readonly detail: string; readonly indicator: 'info' | 'warning' | 'critical' }>> =
  {
    CONSENT_PERMIT: {
      detail: 'A consent of the patient permits it. Carry out every obligation before anything is used.',
      indicator: 'info',
    },
    CONSENT_DENY: { detail: 'The consents of the patient do not permit it.', indicator: 'critical' },
    NO_CONSENT: { detail: 'No consent that speaks of it is known here.', indicator: 'warning' },
  };

/** Whatever one of several records of her denies or does not speak of, is not permitted. */
function together(all: readonly One[]): Said {
  if (all.some(({ said }) => said.answer === 'deny')) return 'CONSENT_DENY';
  return all.length > 0 && all.every(({ said }) => said.answer === 'permit') ? 'CONSENT_PERMIT' : 'NO_CONSENT';
}

function answerOf(
  { all, stillInForce }: Consulted,
  request: ConsultRequest,
  asked: Asked,
  parts: ConsultParts,
): ServiceAnswer {
  const decision = together(all);
  const obligations = decision === 'CONSENT_PERMIT' ? all.flatMap(({ said }) => said.redactions).map(obligationOf) : [];
  const consents = [...new Set(all.flatMap(({ said }) => said.governing))];
  const card = {
    summary: decision,
    ...words[decision],
    source: { label: 'fhir-consent-gateway', url: parts.publicBaseUrl },
    extension: { decision, obligations, ...(parts.mayKnowSources(asked.context) ? { consents } : {}) },
  };
  const details: ServiceDetail[] = [
    ['decision', decision],
    ...request.actor.map((name): ServiceDetail => ['actor', name]),
    ...request.purposes.map((code): ServiceDetail => ['purpose', code]),
  ];
  return {
    status: 200,
    contentType: 'application/json',
    body: JSON.stringify({ cards: [card] }),
    stillInForce,
    negative: decision !== 'CONSENT_PERMIT',
    disclosed: {
      patients:
        all.length > 0
          ? all.map(({ patient, said }) => ({ patient, consents: said.governing }))
          : [
              {
                patient: undefined,
                consents: [],
                details: request.identifiers.map(
                  ([system, value]): ServiceDetail => ['patient-identifier', `${system}|${value}`],
                ),
              },
            ],
      judged: [],
      released: [],
      withheld: [],
      details,
    },
  };
}

/** The hook's form of a redaction. */
function obligationOf({ codes, except }: Redaction): object {
  const listed = (list: readonly Coding[]): readonly object[] => list.map(({ system, code }) => ({ system, code }));
  return {
    id: { system: systems.actCode, code: 'REDACT' },
    parameters: {
      ...(codes === undefined ? {} : { codes: listed(codes) }),
      ...(except === undefined || except.length === 0 ? {} : { exceptAnyOfCodes: listed(except) }),
    },
  };
}
