import type { Elements, ParsedConsent } from '../consent/parsed.ts';
import { part2 } from '../fhir/vocabulary.ts';
import type { DecisionSettings } from './question.ts';

/** Required elements of a written consent (42 CFR 2.31(a)), as far as a FHIR Consent states them. */
export type Part2Element =
  | 'recognition'
  | 'discloser'
  | 'description'
  | 'recipient'
  | 'purpose'
  | 'expiry'
  | 'signature'
  | 'date'
  | 'verification'
  | 'form'
  | 'proceedings';

const treatmentPaymentOperations = new Set(['TREAT', 'HPAYMT', 'HOPERAT']);

/**
 * What a Consent lacks to permit Part 2 data by one provision; [] when it qualifies. Pure; also for telling the writer
 * of a Consent what is missing.
 */
export function part2Lacks(
  consent: Pick<ParsedConsent, 'isPart2' | 'written' | 'allPurposes'>,
  elements: Elements,
  asked: string | undefined,
  settings: DecisionSettings,
): readonly Part2Element[] {
  const { written } = consent;
  const purposes = elements.purposes?.codes ?? [];
  const isTpo =
    elements.purposes?.unknown === false && // then there is one
    purposes.every((purpose) => treatmentPaymentOperations.has(purpose));
  const recipients = (elements.actors ?? []).filter(({ part }) => part === 'recipient');
  const isOpenEnded =
    !written.hasEnd && !(typeof elements.period === 'object' && elements.period.end !== Number.POSITIVE_INFINITY);
  const lacks: Part2Element[] = [];
  if (!consent.isPart2 && !elements.labels?.topics.includes(part2)) lacks.push('recognition');
  if (!written.hasOrganization && !(elements.actors ?? []).some(({ part }) => part === 'custodian'))
    lacks.push('discloser');
  if (!describes(elements) && !written.hasPolicyText) lacks.push('description');
  if (recipients.length === 0 && !((elements.actors ?? []).length === 0 && isTpo)) lacks.push('recipient');
  if (purposes.length === 0) lacks.push('purpose');
  if (isOpenEnded && !isTpo) lacks.push('expiry');
  if (!written.hasSource) lacks.push('signature');
  if (!written.hasDateTime) lacks.push('date');
  if (settings.part2RequiresVerification && !written.isVerified) lacks.push('verification');
  if (!isGoodForm(written.forms, settings.part2.forms)) lacks.push('form');
  // Proceedings against the patient: only a consent for nothing else (42 CFR 2.31(d)).
  if (asked === 'HLEGAL' && consent.allPurposes.some((purpose) => purpose !== 'HLEGAL')) lacks.push('proceedings');
  return lacks;
}

/**
 * What is printed on a form nobody here can read (42 CFR 2.31(a)(4)(iii), (a)(6), (a)(10)): a deployment may name the forms that say
 * what they must, and those that were withdrawn.
 */
function isGoodForm(stated: readonly string[], forms: DecisionSettings['part2']['forms']): boolean {
  const { accepted = [], withdrawn = [] } = forms ?? {};
  // Of a form that was withdrawn without a version, every version was (FHIR R4 References, canonical: url|version).
  if (stated.some((form) => withdrawn.includes(form) || withdrawn.includes(form.split('|')[0] as string))) return false;
  return accepted.length === 0 || stated.some((form) => accepted.includes(form));
}

function describes({ labels, classes, documents, codes, data }: Elements): boolean {
  return (
    labels !== undefined ||
    classes !== undefined ||
    documents !== undefined ||
    codes !== undefined ||
    data !== undefined
  );
}
