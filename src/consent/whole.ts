import type { Coding, Interval } from '../fhir/coding.ts';
import { intervalOf, type TimeReader } from '../fhir/dates.ts';
import { canonicalSystem, systems } from '../fhir/vocabulary.ts';
import { type Construct, extensionConstruct } from './constructs.ts';
import { isObject, type Json, list, own, text } from './json.ts';
import type { ParseOptions } from './parse.ts';
import type { Elements, ParsedConsent, Provision } from './parsed.ts';
import { referenceNames } from './references.ts';

/** What Consents of every version state of themselves as a whole, read alike. */

export const basicNormal = 'https://profiles.ihe.net/ITI/PCF/Policy-basic-normal';
/** Deeper provisions are not read one by one: they deny. */
export const maximumDepth = 64;
export const nothing: Elements = { notUnderstood: false };

/** US Consent Management (FAST): who enforces and who manages it, as R5 has them. */
const enforcers = {
  controller: 'http://hl7.org/fhir/5.0/StructureDefinition/extension-Consent.controller',
  manager: 'http://hl7.org/fhir/5.0/StructureDefinition/extension-Consent.manager',
} as const;

/** Constructs on the Consent itself that nobody can say the meaning of: with any, it may deny and not permit. */
export function wholeFindings(json: Json, known: ReadonlySet<string>, options: ParseOptions): readonly Construct[] {
  const findings: Construct[] = [];
  if (own(json, 'modifierExtension') !== undefined) findings.push('Consent.modifierExtension');
  if (own(json, 'implicitRules') !== undefined) findings.push('Consent.implicitRules');
  if (Object.keys(json).some((member) => !known.has(member.replace(/^_/, '')))) findings.push('Consent.member');
  for (const extension of list(own(json, 'extension'))) {
    const url = text(own(extension, 'url'));
    const isEnforcer = url === enforcers.controller || url === enforcers.manager;
    if (isEnforcer ? isObject(own(extension, 'valueReference')) : options.harmlessExtensions.some((one) => one === url))
      continue;
    findings.push(extensionConstruct('Consent', url));
  }
  return findings;
}

/** Organizations that the extensions of US Consent Management (FAST) name. */
export function enforcersNamed(json: Json, which: keyof typeof enforcers, options: ParseOptions): readonly string[] {
  return namesOf(
    list(own(json, 'extension'))
      .filter((extension) => own(extension, 'url') === enforcers[which])
      .map((extension) => own(extension, 'valueReference')),
    options,
  );
}

/** Every name in a list of references, sorted. */
export function namesOf(references: unknown, options: ParseOptions): readonly string[] {
  return list(references)
    .flatMap((reference) => referenceNames(reference, options.localBases).names)
    .sort();
}

export function bare(effect: Provision['effect'], elements: Elements): Provision {
  return { path: 'base', effect, elements, children: [] };
}

export function codingsOf(concept: unknown): readonly Coding[] {
  return list(own(concept, 'coding')).flatMap((coding) => {
    const code = text(own(coding, 'code'));
    return code === undefined ? [] : { system: text(own(coding, 'system')) ?? '', code };
  });
}

export function keysOf(codings: readonly Coding[]): readonly string[] {
  return codings.map(({ system, code }) => `${canonicalSystem(system)}|${code}`).sort();
}

/** Base rules of v3-ActCode (HL7 ActConsentDirective). Of several that contradict each other the one that shares least, wherever it stands. */
export function directiveOf(rule: readonly Coding[]): 'optin' | 'optout' | 'emergency' | undefined {
  const has = (...codes: readonly string[]): boolean =>
    rule.some(({ system, code }) => codes.includes(code) && canonicalSystem(system) === systems.actCode);
  if (has('OPTOUT', 'OPTOUTE')) return 'optout';
  if (has('EMRGONLY')) return 'emergency';
  return has('OPTIN', 'OPTINR') ? 'optin' : undefined;
}

/** A Consent for emergencies alone, by its category. */
export function isForEmergencies(category: readonly Coding[]): boolean {
  return category.some(
    ({ system, code }) => code === 'emrgonly' && canonicalSystem(system) === systems.consentCategory,
  );
}

/** Whether codings name a law, in either system that has its code. */
export function namesLaw(codings: readonly Coding[], law: string): boolean {
  return codings.some(({ system, code }) => {
    const canonical = canonicalSystem(system);
    return code === law && (canonical === systems.actCode || canonical === systems.actUsPrivacyLaw);
  });
}

const policyCodes = 'http://terminology.hl7.org/CodeSystem/consentpolicycodes';

/** A restriction that was granted on the patient's request (45 CFR 164.522(a)). */
export function isGrantedRestriction({ system, code }: Coding): boolean {
  return canonicalSystem(system) === policyCodes && code === 'hipaa-restrictions';
}

/** A notice of privacy practices and nothing else. */
export function isNotice(rule: readonly Coding[], category: readonly Coding[]): boolean {
  return (
    rule.some(({ code }) => code === 'NOPP') ||
    (category.length > 0 && rule.length === 0 && category.every(({ code }) => code === 'npp'))
  );
}

/** The period that bounds the whole Consent. */
export function wholePeriod(period: unknown, time: TimeReader): Interval | undefined | 'unreadable' {
  if (period === undefined) return undefined;
  const start = own(period, 'start');
  const end = own(period, 'end');
  const from = start === undefined ? Number.NEGATIVE_INFINITY : readTime(start, time)?.start;
  const to = end === undefined ? Number.POSITIVE_INFINITY : readTime(end, time)?.end;
  return !isObject(period) || from === undefined || to === undefined ? 'unreadable' : { start: from, end: to };
}

function readTime(value: unknown, time: TimeReader): Interval | undefined {
  return typeof value === 'string' ? intervalOf(value, time) : undefined;
}

/** When the statement was made. */
export function statedAt(value: unknown, time: TimeReader): ParsedConsent['dateTime'] {
  if (value === undefined) return undefined;
  return readTime(value, time)?.start ?? 'unreadable';
}

export function versionOf(json: Json): string | undefined {
  return text(own(own(json, 'meta'), 'versionId'));
}

export function refOf(json: Json, id: string): string {
  const version = versionOf(json);
  return version === undefined ? `Consent/${id}` : `Consent/${id}/_history/${version}`;
}

export function recencyOf(
  json: Json,
  dateTime: ParsedConsent['dateTime'],
  id: string,
  time: TimeReader,
): ParsedConsent['recency'] {
  const version = versionOf(json) ?? '';
  const lastUpdated = readTime(own(own(json, 'meta'), 'lastUpdated'), time)?.start ?? Number.NEGATIVE_INFINITY;
  const number = /^\d{1,15}$/.test(version) ? Number(version) : -1;
  return [typeof dateTime === 'number' ? dateTime : Number.NEGATIVE_INFINITY, lastUpdated, number, version, id];
}
