import type { ConsentScope, ExceptionBasis, Obligation } from '../decide/decision.ts';
import type { ResourceOnTape } from '../document/content.ts';
import type { Edits } from '../document/edits.ts';
import { nameNumber } from '../document/names.ts';
import { canonicalSystem, systems } from '../fhir/vocabulary.ts';
import { addToMeta } from './meta.ts';

/** The two statements of 42 CFR 2.32(a), word for word (2024). */
export const statements = {
  short: '42 CFR part 2 prohibits unauthorized use or disclosure of these records.',
  full: 'This record which has been disclosed to you is protected by Federal confidentiality rules (42 CFR part 2). These rules prohibit you from using or disclosing this record, or testimony that describes the information contained in this record, in any civil, criminal, administrative, or legislative proceedings by any Federal, State, or local authority, against the patient, unless authorized by the consent of the patient, except as provided at 42 CFR 2.12(c)(5) or as authorized by a court in accordance with 42 CFR 2.64 or 2.65. In addition, the Federal rules prohibit you from making any other use or disclosure of this record unless at least one of the following applies: (i) Further use or disclosure is expressly permitted by the written consent of the individual whose information is being disclosed in this record or as otherwise permitted by 42 CFR part 2. (ii) You are a covered entity or business associate and have received the record for treatment, payment, or health care operations, or (iii) You have received the record from a covered entity or business associate as permitted by 45 CFR part 164, subparts A and E. A general authorization for the release of medical or other information is NOT sufficient to meet the required elements of written consent to further use or redisclose the record (see 42 CFR 2.31).',
} as const;

/** HL7 DS4P: text to be shown with a resource. */
const display = 'http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-display';

/** Exceptions under which no statement has to accompany the records, as they do not leave who is bound anyway (42 CFR 2.12(c)). */
const withoutStatement: ReadonlySet<Obligation['basis']> = new Set(['program', 'qso']);

const basisTexts: Readonly<Record<ExceptionBasis, string>> = {
  emergency: 'Disclosed without consent in a medical emergency (42 CFR 2.51).',
  program: 'Communicated within the program (42 CFR 2.12(c)(3)).',
  qso: 'Communicated to a qualified service organization (42 CFR 2.12(c)(4)).',
  research:
    'Disclosed for research (42 CFR 2.52): no further disclosure but back to the source, and no identification in reports.',
  audit: 'Disclosed for audit or evaluation (42 CFR 2.53): for that purpose alone.',
  fda: 'Disclosed to medical personnel of the Food and Drug Administration (42 CFR 2.51(b)): to notify patients or their physicians of potential dangers, and for nothing else.',
  order: 'Disclosed under a court order (42 CFR part 2, subpart E): for the purpose of that order alone.',
};

const purposeTexts: Readonly<Partial<Record<string, string>>> = {
  TREAT: 'treatment',
  HPAYMT: 'payment',
  HOPERAT: 'health care operations',
  HRESCH: 'research',
  HLEGAL: 'legal proceedings',
  PATRQT: 'at the request of the patient',
  PUBHLTH: 'public health',
};

function isStatementDue(obligations: readonly Obligation[]): boolean {
  return obligations.some(({ basis }) => !withoutStatement.has(basis));
}

/** On what the disclosure rests, each once. */
function groundsOf(obligations: readonly Obligation[]): readonly string[] {
  const texts = obligations.map((one) => (one.basis === 'consent' ? scopeText(one.scope) : basisTexts[one.basis]));
  return [...new Set(texts)].sort();
}

/** The notice of a searchset (FHIR R4 Bundle.entry.search.mode `outcome`); undefined where none is due. */
export function noticeOutcome(
  obligations: readonly Obligation[],
  statement: keyof typeof statements,
  announces: boolean,
): Readonly<Record<string, unknown>> | undefined {
  const issue = [
    ...(isStatementDue(obligations)
      ? [
          {
            severity: 'information',
            code: 'informational',
            details: { text: statements[statement] },
            diagnostics: groundsOf(obligations).join(' '),
          },
        ]
      : []),
    ...(announces ? [{ severity: 'information', code: 'suppressed', details: { text: withheldText } }] : []),
  ];
  return issue.length === 0 ? undefined : { resourceType: 'OperationOutcome', issue };
}

/** Always the same: not how much, not what, not why (FHIR R4 issue type `suppressed`). */
const withheldText = 'Something was withheld.';

/** A clear explanation of the consent's scope (42 CFR 2.32(b)), as far as it concerns who receives this. */
function scopeText({ purposes, until, dated, notes, contractors }: ConsentScope): string {
  const what = notes ? 'SUD counseling notes' : 'records under 42 CFR part 2';
  const named = purposes.map((code) => (purposeTexts[code] === undefined ? code : `${purposeTexts[code]} (${code})`));
  const consent = `Disclosed with the patient's written consent${dated === undefined ? '' : ` of ${dayOf(dated)}`}.`;
  const end = `until ${until === undefined ? '' : `${dayOf(until)} or until `}the patient revokes it`;
  const further = contractors
    ? ' It may be disclosed further to contractors, subcontractors and legal representatives, by written contract, as far as these purposes need it (42 CFR 2.33(b)(3), (c)).'
    : '';
  return `${consent} Scope: ${what}, to this recipient, for ${named.join(', ') || 'no stated purpose'}, ${end}.${further}`;
}

function dayOf(instant: number): string {
  return new Date(instant).toISOString().slice(0, 10);
}

/** Labels that Part 2 data bears when it leaves (HL7 v3-Confidentiality, v3-ActCode). */
export function part2Labels(obligations: readonly Obligation[]): readonly (readonly [system: string, code: string])[] {
  return [
    [systems.confidentiality, 'R'],
    [systems.actCode, '42CFRPart2'],
    // Where HIPAA governs what the recipient does with it, the refrain says more than the law (42 CFR 2.33(b)(1)).
    ...(obligations.every(({ redisclosable }) => redisclosable) ? [] : ([[systems.actCode, 'NORDSCLCD']] as const)),
    [systems.actCode, 'RedisclosureProhibitionMark'],
  ];
}

/** Labels and texts that have to go with Part 2 data, whoever sends it. */
export function accompaniments(
  obligations: readonly Obligation[],
  statement: keyof typeof statements,
): { readonly labels: ReturnType<typeof part2Labels>; readonly texts: readonly string[] } {
  const due = isStatementDue(obligations) ? [statements[statement]] : [];
  return { labels: part2Labels(obligations), texts: [...due, ...groundsOf(obligations)] };
}

/** The labels and the notice of Part 2 data, beside what `meta` still has. */
export function accompany(
  resource: ResourceOnTape,
  edits: Edits,
  obligations: readonly Obligation[],
  statement: keyof typeof statements,
): void {
  if (obligations.length === 0) return;
  const borne = bornBy(resource, edits);
  const { labels, texts } = accompaniments(obligations, statement);
  const missing = labels.filter(
    ([system, code]) => !borne.has(`${system}|${code}`) && !(code === 'R' && borne.has(`${system}|V`)),
  );
  const codings = missing.map(([system, code]) => JSON.stringify({ system, code }));
  if (codings.length > 0) addToMeta(resource, edits, 'security', codings.join(','));
  const notes = texts.map((text) => JSON.stringify({ url: display, valueAnnotation: { text } }));
  addToMeta(resource, edits, 'extension', notes.join(','));
}

const names = {
  meta: nameNumber('meta'),
  security: nameNumber('security'),
  system: nameNumber('system'),
  code: nameNumber('code'),
};

function bornBy({ tape, node }: ResourceOnTape, edits: Edits): ReadonlySet<string> {
  const borne = new Set<string>();
  const meta = tape.member(node, names.meta);
  const list = meta < 0 || edits.isCut(meta) ? -1 : tape.member(meta, names.security);
  if (list < 0 || edits.isCut(list)) return borne;
  for (let item = tape.firstChild(list); item >= 0; item = tape.next(item)) {
    if (edits.isCut(item)) continue;
    const system = canonicalSystem(tape.text(tape.member(item, names.system)) ?? '');
    borne.add(`${system}|${tape.text(tape.member(item, names.code)) ?? ''}`);
  }
  return borne;
}
