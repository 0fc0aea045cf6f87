/** A code as a claim states it; no system when it states none. */
export interface Code {
  readonly system?: string;
  readonly code: string;
}

const maximumCodes = 100;
const maximumLength = 1_000;

/**
 * Codes in a claim of any of the shapes in use: `"code"`, `"system#code"` (UDAP), `"system|code"`, Coding, CodeableConcept,
 * and lists of these. Whatever else stands there is passed over.
 */
export function codesOf(claim: unknown): readonly Code[] {
  if (Array.isArray(claim)) return claim.slice(0, maximumCodes).flatMap(codesOf);
  if (typeof claim === 'string') return claim === '' || claim.length > maximumLength ? [] : [codeIn(claim)];
  if (!isRecord(claim)) return [];
  if (Array.isArray(claim.coding)) return claim.coding.slice(0, maximumCodes).filter(isRecord).flatMap(codingOf);
  return codingOf(claim);
}

/** The texts in a list, each as it stands. */
export function textsOf(claim: unknown): readonly string[] {
  if (!Array.isArray(claim)) return [];
  const texts = claim.slice(0, maximumCodes).filter((one) => typeof one === 'string');
  return texts.filter((one) => one !== '' && one.length <= maximumLength);
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function codingOf({ system, code }: Readonly<Record<string, unknown>>): readonly Code[] {
  if (typeof code !== 'string' || code === '') return [];
  if (system === undefined) return [{ code }];
  return typeof system === 'string' && system !== '' ? [{ system, code }] : [];
}

function codeIn(text: string): Code {
  const cut = text.includes('|') ? text.indexOf('|') : text.lastIndexOf('#');
  if (cut <= 0 || cut === text.length - 1) return { code: text };
  return { system: text.slice(0, cut), code: text.slice(cut + 1) };
}
