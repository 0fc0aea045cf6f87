import type { R4Coding, R4Concept, R4Consent, R4Period, R4Provision, R4Reference } from './r4.ts';
import type { R5Consent, R5Provision } from './r5.ts';

/** R4 and R5 Consents, asked the same questions. Which version a Consent is, only its store says: here its shape. */
export type StoredConsent = R4Consent | R5Consent;

export function isR5(consent: StoredConsent): consent is R5Consent {
  return (
    ['subject', 'decision', 'regulatoryBasis', 'policyBasis', 'controller', 'manager', 'date', 'period'].some((name) =>
      Object.hasOwn(consent, name),
    ) || Array.isArray(consent.provision)
  );
}

/** A provision with the words of both versions. */
export type EitherProvision = Omit<R4Provision, 'provision'> &
  Omit<R5Provision, 'provision'> & { readonly provision?: readonly EitherProvision[] };

export function provisionsOf(consent: StoredConsent): readonly EitherProvision[] {
  if (consent.provision === undefined) return [];
  return isR5(consent)
    ? (consent.provision as readonly EitherProvision[])
    : [(consent as R4Consent).provision as EitherProvision];
}

export function subjectOf(consent: StoredConsent): R4Reference | undefined {
  return isR5(consent) ? consent.subject : consent.patient;
}

export function dateOf(consent: StoredConsent): string | undefined {
  return isR5(consent) ? consent.date : consent.dateTime;
}

/** The period of the Consent as a whole. */
export function wholePeriodOf(consent: StoredConsent): R4Period | undefined {
  return isR5(consent) ? consent.period : consent.provision?.period;
}

/** Whose rules it states: in R5 the controller's, or else the manager's. */
export function organizationsOf(consent: StoredConsent): readonly R4Reference[] {
  if (!isR5(consent)) return consent.organization ?? [];
  return (consent.controller ?? []).length > 0 ? (consent.controller ?? []) : (consent.manager ?? []);
}

export function lawsOf(consent: StoredConsent): readonly R4Coding[] {
  const concepts: readonly R4Concept[] = isR5(consent)
    ? (consent.regulatoryBasis ?? [])
    : consent.policyRule === undefined
      ? []
      : [consent.policyRule];
  return concepts.flatMap(({ coding }) => coding ?? []);
}

export function policiesOf(consent: StoredConsent): readonly string[] {
  if (!isR5(consent)) return (consent.policy ?? []).map(({ uri }) => uri);
  const { url, reference } = consent.policyBasis ?? {};
  return [...(url === undefined ? [] : [url]), ...(reference?.reference === undefined ? [] : [reference.reference])];
}

export function categoriesOf(consent: StoredConsent): readonly R4Coding[] {
  return (consent.category ?? []).flatMap(({ coding }) => coding ?? []);
}

export function hasPolicyText(consent: StoredConsent): boolean {
  return policiesOf(consent).length > 0 || (isR5(consent) && (consent.policyText ?? []).length > 0);
}

export function isSourced(consent: StoredConsent): boolean {
  return isR5(consent) ? (consent.sourceReference ?? []).length > 0 : consent.sourceReference !== undefined;
}

const scopes = 'http://terminology.hl7.org/CodeSystem/consentscope';
const kinds = 'http://terminology.hl7.org/CodeSystem/consentcategorycodes';
const researchCodes = ['RESEARCH', 'RSDID', 'RSREID', 'HIPAAResearchAuthCD', 'research', 'rsdid', 'rsreid'];
const directiveCodes = ['dnr', 'polst', 'acd', 'hcd', 'treatment', 'adr'];
const privacyCodes = [
  ...[
    'IDSCL',
    'INFA',
    'INFAO',
    'INFASO',
    'ICOL',
    'IRDSCL',
    '42CFRPart2CD',
    'HIPAAAuthCD',
    'HIPAAConsentCD',
    'HIPAAROAD',
  ],
  ...['npp', 'emrgonly', '57016-8', '57017-6', '64292-6'],
];

export type Scope = 'patient-privacy' | 'research' | 'other' | 'unknown';

export function scopeOf(consent: StoredConsent): Scope {
  if (isR5(consent)) return scopeByCategory(categoriesOf(consent));
  const codes = (consent.scope?.coding ?? []).filter(({ system }) => system === scopes).map(({ code }) => code);
  const isAbout = { privacy: codes.includes('patient-privacy'), research: codes.includes('research') };
  const isOther = codes.includes('treatment') || codes.includes('adr');
  if (Number(isAbout.privacy) + Number(isAbout.research) + Number(isOther) !== 1) return 'unknown';
  return isAbout.privacy ? 'patient-privacy' : isAbout.research ? 'research' : 'other';
}

/** R5 has no scope: categories say it, the most telling first. Codes here are generated in their own systems alone. */
function scopeByCategory(codings: readonly R4Coding[]): Scope {
  if (codings.some(({ system, code }) => system === scopes && code === 'patient-privacy')) return 'patient-privacy';
  const codes = codings.map(({ code = '' }) => code);
  if (codes.some((code) => researchCodes.includes(code))) return 'research';
  if (codes.some((code) => privacyCodes.includes(code))) return 'patient-privacy';
  const isDirective = (code: string): boolean => directiveCodes.includes(code);
  if (codes.some(isDirective))
    return codes.every((code) => isDirective(code) || code === '59284-0') ? 'other' : 'unknown';
  return codes.includes('59284-0') ? 'patient-privacy' : 'unknown';
}

/** Whether something that the Consent says as a whole contradicts its `decision` (R5). */
export function contradictsDecision(consent: StoredConsent): boolean {
  if (!isR5(consent)) return false;
  const { decision } = consent;
  if (decision !== undefined && decision !== 'permit' && decision !== 'deny') return true;
  return (
    lawsOf(consent).some(({ code }) => {
      if (code === 'EMRGONLY') return true;
      if (code === 'OPTIN' || code === 'OPTINR') return decision !== 'permit';
      return (code === 'OPTOUT' || code === 'OPTOUTE') && decision !== 'deny';
    }) || categoriesOf(consent).some(({ system, code }) => system === kinds && code === 'emrgonly')
  );
}
