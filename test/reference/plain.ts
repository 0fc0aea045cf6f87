import type { Emergency } from '../../src/context/emergency.ts';
import type { RequesterContext } from '../../src/context/requester-context.ts';
import type { Candidate, DecisionSettings, Standing } from '../../src/decide/question.ts';
import type { PatientKey, ResourceKey } from '../../src/fhir/ids.ts';
import type { Facts } from '../../src/label/facts.ts';
import type { LabelInputs, Labels } from '../../src/label/labels.ts';
import type { StoredConsent } from './either.ts';
import type { Case, PatientRecord, PolicyTable } from './evaluate.ts';
import type { R4Coding, R4Consent, R4Provision } from './r4.ts';
import type { DirectoryResource } from './r5.ts';

/** Noon, 15 June 2026. */
const at = Date.UTC(2026, 5, 15, 12);

export interface Wish {
  readonly consents?: readonly StoredConsent[];
  readonly resources?: readonly {
    readonly facts?: Partial<Facts>;
    readonly labels?: Partial<Labels>;
    readonly asTarget?: boolean;
    /** Whose records it holds; whom it names, where nothing else is said. */
    readonly sources?: readonly string[];
  }[];
  /** Consents of further patients. */
  readonly others?: Readonly<Record<string, readonly StoredConsent[]>>;
  readonly standing?: Standing;
  readonly identities?: readonly string[];
  readonly organizations?: readonly string[];
  readonly roles?: readonly string[];
  readonly unrestricted?: boolean;
  readonly clientKind?: 'app' | 'system';
  readonly purposes?: readonly string[];
  readonly settings?: Partial<DecisionSettings>;
  readonly policy?: Partial<PolicyTable>;
  readonly directory?: readonly DirectoryResource[];
  /** Codes of the roles that he holds. */
  readonly heldRoles?: readonly R4Coding[];
}

/** An emergency of the patient, as it is accepted where the policies let it override nothing. */
export const emergency: Emergency = {
  purpose: 'ETREAT',
  patient: 'Patient/p1' as PatientKey,
  reason: 'unconscious',
  overridesDenies: false,
  includesNotes: false,
};

/** Dr Bob asks for one Observation of a patient for treatment; nothing is permitted by default. */
export function plainCase(wish: Wish): Case {
  const { identities = ['Practitioner/bob'], organizations = [], roles = [], purposes = ['TREAT'] } = wish;
  const context: RequesterContext = {
    requester: {
      issuer: 'https://issuer.example',
      subject: 'someone',
      clientId: 'client',
      tokenId: 'token',
      tokenHash: 'hash',
      expiresAt: at + 60_000,
      clientKind: wish.clientKind ?? 'app',
      scopes: [],
      identities,
      organizations,
      roles,
      roleCodes: [],
      purposes: purposes.map((code) => ({ code, assigned: false })),
      amr: [],
    },
    purposes,
    purposeAssigned: false,
    unrestricted: wish.unrestricted ?? false,
    at,
  };
  return {
    patients: [
      {
        key: 'Patient/p1',
        consents: wish.consents ?? [],
        standing: wish.standing ?? { kind: 'none', patientIsMinor: false },
      },
      ...Object.entries(wish.others ?? {}).map(
        ([key, consents]): PatientRecord => ({ key, consents, standing: { kind: 'none', patientIsMinor: false } }),
      ),
    ],
    context,
    candidates: (wish.resources ?? [{}]).map(({ facts = {}, labels = {}, asTarget = false, sources }): Candidate => {
      const type = facts.type ?? 'Observation';
      return {
        facts: {
          key: `${type}/1` as ResourceKey,
          type,
          versionId: '1',
          lastUpdated: undefined,
          patients: ['Patient/p1' as PatientKey],
          patientUnknown: false,
          profiles: [],
          codings: [],
          primaryCodings: [],
          documentTypes: [],
          mimeTypes: [],
          clinicalTime: undefined,
          authors: [],
          references: [],
          partOf: [],
          labelInputs: { type, own: [], codings: [], actors: [], actorIdentifiers: [] },
          ...facts,
        },
        labels: shared(labels),
        asTarget,
        named: new Map(),
        sources: sources ?? namedIn(facts.labelInputs),
      };
    }),
    settings: {
      implicitPolicy: 'deny',
      clinicianRoles: ['clinician'],
      billingRoles: ['billing'],
      billingTypes: ['Claim'],
      conflictStrategy: 'deny-overrides',
      withholdFromPatient: false,
      representativesSeeNotes: false,
      sudIsPart2: false,
      organizations: [],
      foreignDenyBinds: true,
      part2PolicyUris: [],
      part2RequiresVerification: false,
      handling: { handlers: new Map(), isEncrypted: true },
      part2: { agreements: [], coveredEntities: [], intermediaries: [] },
      instantOf: () => undefined,
      programs: programsNamed(),
      ...wish.settings,
    },
    policy: { kindsNotReceived: [], forbidden: [], cleared: [], ...wish.policy },
    directory: wish.directory ?? [],
    elsewhere: [],
    heldRoles: wish.heldRoles ?? [],
  };
}

const known = new Map<string, Labels>();

/** Equal labels are one object, as in the gateway. */
function shared(labels: Partial<Labels>): Labels {
  const key = JSON.stringify([labels.stated, labels.topics ?? [], labels.caveats ?? []]);
  const found = known.get(key) ?? { topics: [], caveats: [], origins: [], key, ...labels };
  known.set(key, found);
  return found;
}

const v3 = (name: string): string => `http://terminology.hl7.org/CodeSystem/v3-${name}`;
export const act = (code: string): R4Coding => ({ system: v3('ActCode'), code });
export const purpose = (code: string): R4Coding => ({ system: v3('ActReason'), code });
export const participation = (code: string): R4Coding => ({ system: v3('ParticipationType'), code });

/** An active privacy Consent of the patient with this root. */
export function consent(provision: R4Provision | undefined, more: Partial<R4Consent> = {}): R4Consent {
  return {
    resourceType: 'Consent',
    id: 'c1',
    meta: { versionId: '1', lastUpdated: '2026-01-01T00:00:00Z' },
    status: 'active',
    scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }] },
    patient: { reference: 'Patient/p1' },
    ...(provision === undefined ? {} : { provision }),
    ...more,
  };
}

/** A written consent for treatment under 42 CFR 2.31, complete. */
export function writtenConsent(provision: R4Provision, more: Partial<R4Consent> = {}): R4Consent {
  return consent(
    { type: 'permit', purpose: [purpose('TREAT')], ...provision },
    {
      policyRule: { coding: [act('42CFRPart2')] },
      policy: [{ uri: 'https://example.org/release-form' }],
      organization: [{ reference: 'Organization/program' }],
      sourceReference: { reference: 'DocumentReference/signed' },
      dateTime: '2026-01-01',
      ...more,
    },
  );
}

/** Programs that have one name each. */
export function programsNamed(...names: readonly string[]): ReadonlyMap<string, string> {
  return new Map(names.map((name) => [name, name]));
}

function namedIn(inputs: LabelInputs | undefined): readonly string[] {
  const names = [...(inputs?.actors ?? []), ...(inputs?.actorIdentifiers ?? [])];
  return names.length > 0 ? names.sort() : ['unstated'];
}
