import {
  type CompactConsent,
  type CompactConsentR5,
  type CompactResource,
  cast,
  type Provision,
  type ProvisionR5,
} from './format.ts';

/** Scenarios say in short what FHIR says at length; here it is said at length. */

export interface Resource {
  readonly resourceType: string;
  readonly id: string;
  readonly [element: string]: unknown;
}

const hl7 = 'http://terminology.hl7.org/CodeSystem';
const shortSystems: Readonly<Record<string, string>> = {
  loinc: 'http://loinc.org',
  snomed: 'http://snomed.info/sct',
  icd10: 'http://hl7.org/fhir/sid/icd-10-cm',
};

interface Coding {
  readonly system: string;
  readonly code: string;
}

/** `code`, or `system|code` whatever the usual system is. */
function coding(text: unknown, usual: string): unknown {
  if (typeof text !== 'string') return text;
  const cut = text.lastIndexOf('|');
  if (cut < 0) return { system: usual, code: text } satisfies Coding;
  const system = text.slice(0, cut);
  return { system: shortSystems[system] ?? system, code: text.slice(cut + 1) } satisfies Coding;
}

const concept = (text: unknown, usual: string): unknown =>
  typeof text === 'string' ? { coding: [coding(text, usual)] } : text;

export function label(text: unknown): unknown {
  if (text === 'SUDCN') return { system: 'urn:fhir-consent-gateway:label', code: text };
  return coding(
    text,
    `${hl7}/${typeof text === 'string' && /^[ULMNRV]$/.test(text) ? 'v3-Confidentiality' : 'v3-ActCode'}`,
  );
}

function contentClass(text: unknown): unknown {
  if (typeof text !== 'string' || text.includes('|')) return coding(text, '');
  if (/^https?:/.test(text)) return { system: 'urn:ietf:rfc:3986', code: text };
  if (text.includes('/')) return { system: 'urn:ietf:bcp:13', code: text };
  return { system: 'http://hl7.org/fhir/resource-types', code: text };
}

const reference = (text: unknown): unknown => (typeof text === 'string' ? { reference: text } : text);

function actorOf(actor: NonNullable<Provision['actor']>[number]): unknown {
  const { role, reference: who } = typeof actor === 'string' ? { role: 'IRCP', reference: actor } : actor;
  return { role: concept(role, `${hl7}/v3-ParticipationType`), reference: reference(who) };
}

function provisionOf(compact: Provision): object {
  const { actor, action, securityLabel, purpose, class: classes, code, data, provision, ...rest } = compact;
  return {
    ...rest,
    ...(actor && { actor: actor.map(actorOf) }),
    ...(action && { action: action.map((one) => concept(one, `${hl7}/consentaction`)) }),
    ...(securityLabel && { securityLabel: securityLabel.map(label) }),
    ...(purpose && { purpose: purpose.map((one) => coding(one, `${hl7}/v3-ActReason`)) }),
    ...(classes && { class: classes.map(contentClass) }),
    ...(code && { code: code.map((one) => concept(one, 'http://loinc.org')) }),
    ...(data && {
      data: data.flatMap((statement) =>
        Object.entries(statement).map(([meaning, target]) => ({ meaning, reference: { reference: target } })),
      ),
    }),
    ...(provision && { provision: provision.map(provisionOf) }),
  };
}

function merged(base: unknown, changes: unknown): unknown {
  if (!isObject(base) || !isObject(changes)) return changes;
  const result: Record<string, unknown> = { ...base };
  for (const [name, value] of Object.entries(changes)) result[name] = name in base ? merged(base[name], value) : value;
  return result;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function withoutPath(value: unknown, path: readonly string[]): unknown {
  const [name, ...rest] = path;
  if (!isObject(value) || name === undefined) return value;
  const { [name]: found, ...others } = value;
  return rest.length === 0 ? others : { ...others, [name]: withoutPath(found, rest) };
}

/** What a Consent is like, and what it has or lacks beside that. */
function unlike(compact: CompactConsent): CompactConsent {
  const { like, without, ...own } = compact;
  if (like === undefined) return own;
  const model = cast.consents[like];
  if (model === undefined) throw new Error(`cast.yaml has no Consent ${like}`);
  const whole = merged(unlike(model), own);
  return (without ?? []).reduce((left, path) => withoutPath(left, path.split('.')), whole) as CompactConsent;
}

const categorySystem = (code: unknown): string =>
  typeof code === 'string' && /^\d+-\d$/.test(code)
    ? 'http://loinc.org'
    : code === 'npp'
      ? `${hl7}/consentcategorycodes`
      : `${hl7}/v3-ActCode`;

export function consentOf(name: string, compact: CompactConsent, patient: string): Resource {
  const {
    status,
    scope,
    category,
    dateTime,
    organization,
    policy,
    policyRule,
    source,
    verified,
    provision,
    fhir,
    ...rest
  } = unlike(compact);
  const needsPolicy = policy === undefined && policyRule === undefined; // FHIR R4 invariant ppc-1
  const whole: Resource = {
    resourceType: 'Consent',
    id: name,
    status: status ?? 'active',
    scope: concept(scope ?? 'patient-privacy', `${hl7}/consentscope`),
    category: (category ?? ['59284-0']).map((one) => concept(one, categorySystem(one))),
    patient: reference(rest.patient ?? `Patient/${patient}`),
    dateTime: dateTime ?? '2024-01-01',
    ...(organization && { organization: organization.map(reference) }),
    ...(source !== undefined && { sourceAttachment: { title: source } }),
    ...((policy !== undefined || needsPolicy) && { policy: [{ uri: policy ?? 'https://policies.example/sharing' }] }),
    ...(policyRule !== undefined && { policyRule: concept(policyRule, `${hl7}/v3-ActCode`) }),
    ...(verified !== undefined && { verification: [{ verified }] }),
    ...(provision && { provision: provisionOf(provision) }),
    ...fhir,
  };
  return Object.fromEntries(Object.entries(whole).filter(([, value]) => value !== null)) as Resource;
}

function provisionR5Of({ actor, resourceType, documentType, provision, ...alike }: ProvisionR5): object {
  return {
    ...provisionOf(alike as Provision),
    ...(actor && {
      actor: actor.map(({ role, reference: who }) => ({
        ...(role !== undefined && { role: concept(role, `${hl7}/v3-ParticipationType`) }),
        ...(who !== undefined && { reference: reference(who) }),
      })),
    }),
    ...(resourceType && {
      resourceType: resourceType.map((one) => ({ system: 'http://hl7.org/fhir/fhir-types', code: one })),
    }),
    ...(documentType && { documentType: documentType.map((one) => coding(one, '')) }),
    ...(provision && { provision: provision.map(provisionR5Of) }),
  };
}

export function consentR5Of(name: string, compact: CompactConsentR5, patient: string): Resource {
  const { category, controller, manager, source, regulatoryBasis, policy, provision, fhir, ...rest } = compact;
  const whole: Resource = {
    resourceType: 'Consent',
    id: name,
    ...rest,
    status: rest.status ?? 'active',
    category: (category ?? ['59284-0']).map((one) => concept(one, categorySystem(one))),
    subject: reference(rest.subject ?? `Patient/${patient}`),
    date: rest.date ?? '2024-01-01',
    ...(controller && { controller: controller.map(reference) }),
    ...(manager && { manager: manager.map(reference) }),
    ...(source !== undefined && { sourceAttachment: [{ title: source }] }),
    ...(regulatoryBasis !== undefined && { regulatoryBasis: [concept(regulatoryBasis, `${hl7}/v3-ActCode`)] }),
    policyBasis: { url: policy ?? 'https://policies.example/sharing' },
    ...(provision && { provision: provision.map(provisionR5Of) }),
    ...fhir,
  };
  return Object.fromEntries(Object.entries(whole).filter(([, value]) => value !== null)) as Resource;
}

/** What each type cannot do without, and by which element it tells whom it is about. */
const usual: Readonly<
  Record<string, { readonly about?: string; readonly elements: Readonly<Record<string, unknown>> }>
> = {
  QuestionnaireResponse: { about: 'subject', elements: { status: 'completed' } },
  Observation: { about: 'subject', elements: { status: 'final', code: { text: 'observation' } } },
  Condition: { about: 'subject', elements: { code: { text: 'condition' } } },
  Procedure: { about: 'subject', elements: { status: 'completed', code: { text: 'procedure' } } },
  DiagnosticReport: { about: 'subject', elements: { status: 'final', code: { text: 'report' } } },
  DocumentReference: {
    about: 'subject',
    elements: { status: 'current', content: [{ attachment: { contentType: 'text/plain' } }] },
  },
  MedicationRequest: {
    about: 'subject',
    elements: { status: 'active', intent: 'order', medicationCodeableConcept: { text: 'medication' } },
  },
  Encounter: {
    about: 'subject',
    elements: { status: 'finished', class: { system: `${hl7}/v3-ActCode`, code: 'AMB' } },
  },
  CarePlan: { about: 'subject', elements: { status: 'active', intent: 'plan' } },
  Coverage: { about: 'beneficiary', elements: { status: 'active', payor: [{ display: 'Example Health Plan' }] } },
  Claim: {
    about: 'patient',
    elements: {
      status: 'active',
      type: { text: 'professional' },
      use: 'claim',
      created: '2024-05-01',
      provider: { display: 'Mercy' },
      priority: { text: 'normal' },
      insurance: [{ sequence: 1, focal: true, coverage: { display: 'Example Health Plan' } }],
    },
  },
  Group: { elements: { type: 'practitioner', actual: true } },
  CareTeam: { about: 'subject', elements: { status: 'active' } },
  RelatedPerson: { about: 'patient', elements: {} },
  Appointment: { elements: { status: 'booked' } },
  Account: { elements: { status: 'active' } },
  Practitioner: { elements: {} },
  PractitionerRole: { elements: {} },
  Organization: { elements: {} },
  Location: { elements: {} },
  Medication: { elements: {} },
};

const referenceText = /^[A-Z][A-Za-z]+\/[A-Za-z0-9.-]+$/;
const codeText = /^(?:[a-z0-9]+|https?:\/\/[^|\s]+)\|\S+$/;

/** `Type/name` and `system|code` wherever they stand alone. */
function atLength(value: unknown, member: string): unknown {
  if (Array.isArray(value)) return value.map((one) => atLength(one, member));
  if (isObject(value))
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, atLength(one, name)]));
  if (typeof value !== 'string' || member === 'reference' || member === 'profile') return value;
  if (referenceText.test(value)) return { reference: value };
  if (codeText.test(value)) return concept(value, '');
  return value;
}

export function resourceOf(name: string, compact: CompactResource, patient: string): Resource {
  const { type, labels, of, fhir, title: _title, id: _id, ...elements } = compact;
  const form = usual[type];
  if (form === undefined) throw new Error(`expand.ts knows no ${type}`);
  const whose = [of ?? patient].flat().map((one) => ({ reference: `Patient/${one}` }));
  return {
    resourceType: type,
    id: name,
    ...(labels && { meta: { security: labels.map(label) } }),
    ...form.elements,
    ...(form.about === undefined ? {} : { [form.about]: whose[0] }),
    ...(atLength(elements, '') as object),
    ...(atLength(fhir ?? {}, '') as object),
  };
}
