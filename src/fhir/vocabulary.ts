import type { Coding } from './coding.ts';
import generated from './generated/vocabulary.json' with { type: 'json' };

/** Code systems of HL7 security labels, in canonical form. */
export const systems = {
  confidentiality: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality',
  actCode: 'http://terminology.hl7.org/CodeSystem/v3-ActCode',
  actReason: 'http://terminology.hl7.org/CodeSystem/v3-ActReason',
  observationValue: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue',
  actUsPrivacyLaw: 'http://terminology.hl7.org/CodeSystem/v3-ActUSPrivacyLaw',
  participationType: 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType',
  roleCode: 'http://terminology.hl7.org/CodeSystem/v3-RoleCode',
  consentAction: 'http://terminology.hl7.org/CodeSystem/consentaction',
  consentScope: 'http://terminology.hl7.org/CodeSystem/consentscope',
  consentCategory: 'http://terminology.hl7.org/CodeSystem/consentcategorycodes',
  /** The gateway's own: HL7 has no code for SUD counseling notes (42 CFR 2.11), `SUDCN`. */
  gatewayLabel: 'urn:fhir-consent-gateway:label',
} as const;

const aliases = new Map<string, string>(Object.entries(generated.aliases));
const sensitivityParents = new Map<string, readonly string[]>(Object.entries(generated.sensitivity));
const purposeParents = new Map<string, readonly string[]>(Object.entries(generated.purpose));
/** Codes of v3-ActCode that say how to handle data, by their upper case. */
const handling = new Map([...generated.laws, ...generated.caveats].map((code) => [code.toUpperCase(), code]));
const integrity = new Set(generated.integrity);
const otherReasons = new Set(generated.otherReasons);

const terminology =
  /^https?:\/\/(?:terminology\.hl7\.org\/CodeSystem|hl7\.org\/fhir\/v3)\/(?:v3-)?(ActCode|ActReason|PurposeOfUse|Confidentiality|ObservationValue|ActUSPrivacyLaw|ParticipationType|RoleCode)\/?$/;

const schemeAndHost = /^(?:https?:\/\/[^/?#]*|urn:oid:)/i;

/** Editions and versions belong in Coding.version (FHIR R4, Using SNOMED CT), but are met in Coding.system. */
const snomed = /^https?:\/\/snomed\.info\/sct\/\d+(?:\/version\/\d+)?\/?$/i;
/** HL7's own canonical URLs are http, without a slash at the end. */
const hl7 = /^https?:\/\/((?:terminology\.)?hl7\.org\/.*?)\/?$/;

/**
 * A code system's canonical URL: OIDs, legacy URLs, https, a missing `v3-`, a trailing slash, blanks around it and letters in
 * another case resolved; others as they are, but for the case of scheme and host (RFC 3986 section 6.2.2.1). '' where none is stated.
 */
export function canonicalSystem(stored: string | undefined = ''): string {
  const known = canonicalSystems.get(stored);
  if (known !== undefined) return known;
  const system = stored.trim().replace(schemeAndHost, (start) => start.toLowerCase());
  const name = terminology.exec(system)?.[1];
  if (name !== undefined)
    return `http://terminology.hl7.org/CodeSystem/v3-${name === 'PurposeOfUse' ? 'ActReason' : name}`;
  if (snomed.test(system)) return 'http://snomed.info/sct';
  const alike = systemsBySpelling.get(spelling(system));
  if (alike !== undefined) return alike;
  const path = hl7.exec(system)?.[1];
  return path === undefined ? system : `http://${path}`;
}

const canonicalSystems = new Map<string, string>([
  ...[...Object.values(systems), ...aliases.values()].map((system) => [system, system] as const),
  ...aliases,
]);
const systemsBySpelling = new Map([...canonicalSystems].map(([known, system]) => [spelling(known), system]));

/** What is left when http and https, with and without a slash at the end, and upper and lower case are one. */
function spelling(system: string): string {
  return system
    .replace(/^https?:\/\//, '//')
    .replace(/\/$/, '')
    .toLowerCase();
}

/** Sensitivity codes of v3-ActCode and what the gateway adds to them; abstract codes are none. */
export function isSensitivity(code: string): boolean {
  return sensitivityParents.has(code) && !code.startsWith('_');
}

/** Codes of one substance-use class: HL7 draws neither ETH over SUD nor SUD over ETH. */
export const substanceClass: ReadonlySet<string> = new Set(['ETH', 'SUD', 'ETHUD', 'OPIOIDUD']);

/**
 * Topics of which it is never told that there is something: that somebody was a patient of a Part 2 program is itself protected (42
 * CFR 2.11, 2.13), and so is that there are notes.
 */
export function isNeverTold(topic: string): boolean {
  return topic === part2 || namedOnlyTopics.has(topic) || substanceClass.has(topic);
}

/**
 * Whether these topics make something 42 CFR Part 2 data.
 * @param sudIsPart2 what tells of substance use counts, whatever its source
 */
export function isPart2By(topics: readonly string[], sudIsPart2: boolean): boolean {
  return topics.includes(part2) || (sudIsPart2 && topics.some(isSubstance));
}

/** Topics that only a provision naming them permits. */
export const namedOnlyTopics: ReadonlySet<string> = new Set(['SUDCN', 'PSYTHPN']);

export const part2 = '42CFRPart2';

/** Whether a topic is of the substance class. What is asked about no topic is not. */
export function isSubstance(topic: string | undefined): boolean {
  return topic !== undefined && substanceClass.has(topic);
}

/** Whether a topic has to be named to be permitted. What is asked about no topic has not. */
export function isNamedOnly(topic: string | undefined): boolean {
  return topic !== undefined && namedOnlyTopics.has(topic);
}

/** Every code by which data may be labelled as of a sensitive topic, with its system. */
export const topicCodings: readonly Coding[] = [
  ...[part2, ...[...sensitivityParents.keys()].filter(isSensitivity).sort()].map((code) => ({
    system: systems.actCode,
    code,
  })),
  { system: systems.gatewayLabel, code: 'SUDCN' },
];

/** Whether a sensitivity code is another or stands above it in v3-ActCode (SPI over SUD, BH ...). None covers what is no code. */
export function sensitivityCovers(ancestor: string, code: string | undefined): boolean {
  return covers(sensitivityParents, ancestor, code);
}

/** Whether a purpose of use is another or stands above it in v3-ActReason. None covers what is asked for no purpose. */
export function purposeCovers(rule: string, asked: string | undefined): boolean {
  return covers(purposeParents, rule, asked);
}

export function isKnownPurpose(code: string): boolean {
  return purposeParents.has(code) && !code.startsWith('_');
}

function covers(parents: ReadonlyMap<string, readonly string[]>, ancestor: string, code: string | undefined): boolean {
  if (code === undefined) return false;
  if (ancestor === code) return true;
  return (parents.get(code) ?? []).some((parent) => covers(parents, ancestor, parent));
}

/** What kind of label a Coding is; aliases and retired codes resolved (HL7 Healthcare Privacy and Security Classification). */
export type LabelKind =
  | { readonly kind: 'confidentiality'; readonly code: 'U' | 'L' | 'M' | 'N' | 'R' | 'V' }
  /** Sensitivity code, 42CFRPart2 or SUDCN: what a Consent is asked about. */
  | { readonly kind: 'topic'; readonly code: string }
  | { readonly kind: 'purpose'; readonly code: string }
  | { readonly kind: 'caveat'; readonly code: string }
  | { readonly kind: 'integrity'; readonly code: string }
  /** A code nobody knows in a system of labels, or a system nobody knows. */
  | { readonly kind: 'unknown'; readonly system: string; readonly code: string };

/** Sensitivity codes that once stood in v3-Confidentiality, and what they are today. */
const retiredConfidentiality: Readonly<Record<string, LabelKind>> = {
  ETH: { kind: 'topic', code: 'ETH' },
  HIV: { kind: 'topic', code: 'HIV' },
  PSY: { kind: 'topic', code: 'PSY' },
  SDV: { kind: 'topic', code: 'SDV' },
  T: { kind: 'topic', code: 'TBOO' },
  C: { kind: 'topic', code: 'CEL' },
  S: { kind: 'confidentiality', code: 'R' },
  B: { kind: 'confidentiality', code: 'N' },
  D: { kind: 'confidentiality', code: 'N' },
  I: { kind: 'confidentiality', code: 'N' },
};

/** Without a code it is one that nobody knows. */
export function labelKind(system: string | undefined, code: string | undefined = ''): LabelKind {
  const canonical = canonicalSystem(system);
  switch (canonical) {
    case systems.confidentiality:
      if (/^[ULMNRV]$/i.test(code)) return { kind: 'confidentiality', code: code.toUpperCase() as 'U' };
      return retiredConfidentiality[code.toUpperCase()] ?? { kind: 'unknown', system: canonical, code };
    case systems.actCode:
    case systems.actUsPrivacyLaw:
      return actCodeKind(canonical, code);
    case systems.actReason:
      if (isKnownPurpose(code)) return { kind: 'purpose', code };
      return otherReasons.has(code) ? { kind: 'caveat', code } : { kind: 'unknown', system: canonical, code };
    case systems.observationValue:
      return integrity.has(code) ? { kind: 'integrity', code } : { kind: 'unknown', system: canonical, code };
    case systems.gatewayLabel:
      return code === 'SUDCN' ? { kind: 'topic', code } : { kind: 'unknown', system: canonical, code };
    case 'http://hl7.org/fhir/security-label':
      return code === 'break-the-glass'
        ? { kind: 'purpose', code: 'BTG' }
        : { kind: 'unknown', system: canonical, code };
    default:
      return { kind: 'unknown', system: canonical, code };
  }
}

/** The topic a configuration or a table names, in whatever case; undefined when it is none that a Consent can name. */
export function topicNamed(code: string): string | undefined {
  const label = labelKind(code === 'SUDCN' ? systems.gatewayLabel : systems.actCode, code);
  return label.kind === 'topic' ? label.code : undefined;
}

/** Codes that v3-ActCode has retired, and what they are today. */
const retiredActCode: Readonly<Partial<Record<string, string>>> = { SICKLE: 'SCA', NORDSLCD: 'NORDSCLCD' };

/** Whatever the case: a code that differs by case alone means nothing else in v3-ActCode. */
function actCodeKind(system: string, given: string): LabelKind {
  const upper = given.toUpperCase();
  const code = retiredActCode[upper] ?? upper;
  if (code === part2.toUpperCase()) return { kind: 'topic', code: part2 };
  if (isSensitivity(code)) return { kind: 'topic', code };
  if (code === 'HTEST') return { kind: 'purpose', code };
  const caveat = handling.get(code);
  return caveat === undefined ? { kind: 'unknown', system, code: given } : { kind: 'caveat', code: caveat };
}

/**
 * The topics a set of topic codes stands for: of the substance class its most specific members, else one generic `SUD`
 * (which `ETH` also means). Sorted.
 */
export function topicsOf(codes: Iterable<string>): readonly string[] {
  const topics = new Set(codes);
  const isSpecific = topics.has('ETHUD') || topics.has('OPIOIDUD');
  const isSubstance = isSpecific || topics.has('ETH') || topics.has('SUD');
  topics.delete('ETH');
  topics.delete('SUD');
  if (isSubstance && !isSpecific) topics.add('SUD');
  return [...topics].sort();
}
