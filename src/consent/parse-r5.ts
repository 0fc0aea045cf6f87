import type { Coding } from '../fhir/coding.ts';
import { isId } from '../fhir/ids.ts';
import { canonicalSystem, part2, systems } from '../fhir/vocabulary.ts';
import type { Construct } from './constructs.ts';
import { effectiveElements, type Marks, readElements } from './elements.ts';
import { isObject, type Json, list, own, text } from './json.ts';
import type { ParseOptions } from './parse.ts';
import type { Effect, Elements, ParsedConsent, Provision, UnreadableConsent } from './parsed.ts';
import { referenceNames } from './references.ts';
import {
  bare,
  basicNormal,
  codingsOf,
  directiveOf,
  isForEmergencies,
  isGrantedRestriction,
  isNotice,
  keysOf,
  maximumDepth,
  namesLaw,
  namesOf,
  nothing,
  recencyOf,
  refOf,
  statedAt,
  wholeFindings,
  wholePeriod,
} from './whole.ts';

/** Members of a Consent that are understood or known to say nothing about the rules (FHIR R5 Consent). */
const knownMembers = new Set([
  'resourceType',
  'id',
  'meta',
  'implicitRules',
  'language',
  'text',
  'contained',
  'extension',
  'modifierExtension',
  'identifier',
  'status',
  'category',
  'subject',
  'date',
  'period',
  'grantor',
  'grantee',
  'manager',
  'controller',
  'sourceAttachment',
  'sourceReference',
  'regulatoryBasis',
  'policyBasis',
  'policyText',
  'verification',
  'decision',
  'provision',
]);

/** Categories that say what an R5 Consent is about, where R4 has `scope`. A scope code that was carried over counts too. */
const categories = {
  privacy: new Set([
    ...['IDSCL', 'INFA', 'INFAO', 'INFASO', 'ICOL', 'IRDSCL', '42CFRPart2CD'].map(
      (code) => `${systems.actCode}|${code}`,
    ),
    ...['HIPAAAuthCD', 'HIPAAConsentCD', 'HIPAAROAD'].map((code) => `${systems.actCode}|${code}`),
    ...['npp', 'emrgonly'].map((code) => `${systems.consentCategory}|${code}`),
    ...['57016-8', '57017-6', '64292-6'].map((code) => `http://loinc.org|${code}`),
  ]),
  research: new Set([
    ...['RESEARCH', 'RSDID', 'RSREID', 'HIPAAResearchAuthCD'].map((code) => `${systems.actCode}|${code}`),
    ...['research', 'rsdid', 'rsreid'].map((code) => `${systems.consentCategory}|${code}`),
    `${systems.consentScope}|research`,
  ]),
  directive: new Set([
    ...['acd', 'dnr', 'hcd', 'polst'].map((code) => `${systems.consentCategory}|${code}`),
    ...['treatment', 'adr'].map((code) => `${systems.consentScope}|${code}`),
  ]),
  /** A Consent of whatever kind. */
  any: new Set(['http://loinc.org|59284-0']),
};
const privacyScope = `${systems.consentScope}|patient-privacy`;

/**
 * Reads an R5 Consent into the gateway's own form. Never throws: what is not understood is marked where it stands, so
 * that it counts in a deny and not in a permit; what is no R5 Consent is unreadable.
 */
export function parseConsentR5(json: unknown, options: ParseOptions): ParsedConsent | UnreadableConsent {
  const id = text(own(json, 'id'));
  const status = text(own(json, 'status'));
  if (
    !isObject(json) ||
    own(json, 'resourceType') !== 'Consent' ||
    id === undefined ||
    !isId(id) ||
    status === undefined ||
    !isObject(own(json, 'subject'))
  ) {
    return { readable: false, findings: ['Consent'] };
  }
  return new Reader(json, id, status, options).read();
}

class Reader {
  readonly #json: Json;
  readonly #id: string;
  readonly #status: string;
  readonly #options: ParseOptions;
  readonly #findings = new Set<Construct>();
  readonly #purposes = new Set<string>();
  readonly #marks: Marks = { findings: this.#findings, purposes: this.#purposes, dialect: 'R5' };

  constructor(json: Json, id: string, status: string, options: ParseOptions) {
    this.#json = json;
    this.#id = id;
    this.#status = status;
    this.#options = options;
  }

  read(): ParsedConsent {
    const json = this.#json;
    const { time, localBases, part2PolicyUris } = this.#options;
    const basis = list(own(json, 'regulatoryBasis'));
    const rule = basis.flatMap(codingsOf);
    const category = list(own(json, 'category')).flatMap(codingsOf);
    const policies = this.#policies();
    const organizations = this.#organizations();
    const date = statedAt(own(json, 'date'), time);
    const period = wholePeriod(own(json, 'period'), time);
    const scope = scopeOf(category);
    const decision = effectOf(own(json, 'decision'));
    for (const finding of wholeFindings(json, knownMembers, this.#options)) this.#findings.add(finding);
    if (date === 'unreadable') this.#findings.add('Consent.date');
    if (period === 'unreadable') this.#findings.add('Consent.period');
    if (scope === 'unknown') this.#findings.add('Consent.category');
    if (decision === undefined && own(json, 'decision') !== undefined) this.#findings.add('Consent.decision');
    if (!rule.every((coding) => agrees(directiveOf([coding]), decision))) this.#findings.add('Consent.regulatoryBasis');
    if (isForEmergencies(category)) this.#findings.add('Consent.category'); // R5 cannot say so in one decision
    const denyOnly = this.#findings.size > 0; // nothing below the Consent itself has been read so far
    const { root, nested } = this.#rules(decision);
    return {
      readable: true,
      ref: refOf(json, this.#id),
      subject: referenceNames(own(json, 'subject'), localBases),
      status: this.#status,
      scope,
      denyOnly,
      categories: category.map(({ system, code }) => `${canonicalSystem(system)}|${code}`),
      isNotice: own(json, 'decision') === undefined && isNotice(rule, category),
      period: period === 'unreadable' ? undefined : period,
      dateTime: date,
      recency: recencyOf(json, date, this.#id, time),
      organizations,
      family: JSON.stringify([
        scope,
        organizations,
        policies.length > 0 ? [...policies].sort() : [keysOf(rule), keysOf(category)],
      ]),
      rootStatement: '', // an R5 root states its effect alone
      root,
      nested,
      isPart2:
        namesLaw(rule, part2) ||
        namesLaw(category, '42CFRPart2CD') ||
        policies.some((uri) => part2PolicyUris.includes(uri)),
      isGrantedRestriction: rule.some(isGrantedRestriction),
      written: {
        hasOrganization: organizations.length > 0,
        hasPolicyText:
          policies.length > 0 ||
          list(own(json, 'policyText')).some(isObject) ||
          basis.some((concept) => text(own(concept, 'text')) !== undefined),
        forms: policies,
        hasSource: [...list(own(json, 'sourceAttachment')), ...list(own(json, 'sourceReference'))].some(isObject),
        hasDateTime: typeof date === 'number',
        isVerified: list(own(json, 'verification')).some((verification) => own(verification, 'verified') === true),
        hasEnd: text(own(own(json, 'period'), 'end')) !== undefined,
      },
      basicNormalCeiling: policies.includes(basicNormal),
      allPurposes: [...this.#purposes].sort(),
      findings: [...this.#findings].sort(),
    };
  }

  /** Whose rules it states: the controller's, who enforces it; without one, the manager's. */
  #organizations(): readonly string[] {
    const controllers = namesOf(own(this.#json, 'controller'), this.#options);
    return controllers.length > 0 ? controllers : namesOf(own(this.#json, 'manager'), this.#options);
  }

  #policies(): readonly string[] {
    const basis = own(this.#json, 'policyBasis');
    const url = text(own(basis, 'url'));
    const { names } = referenceNames(own(basis, 'reference'), this.#options.localBases);
    return url === undefined ? names : [url, ...names];
  }

  /**
   * `decision` is the effect where no provision matches. Provisions state none: each is an exception to what is above it,
   * so the effects alternate by depth. Exceptions to nothing cannot permit: without a decision all of them deny.
   */
  #rules(decision: Effect | undefined): { root: Provision | undefined; nested: readonly Provision[] } {
    const nested = this.#provisions(this.#json, '', nothing, decision, 1);
    return { root: decision === undefined ? undefined : bare(decision, nothing), nested };
  }

  #provisions(
    parent: Json,
    path: string,
    inherited: Elements,
    above: Effect | undefined,
    depth: number,
  ): readonly Provision[] {
    const children = list(own(parent, 'provision'));
    const effect = above === 'deny' ? 'permit' : 'deny';
    if (children.length > 0 && depth > maximumDepth) {
      this.#findings.add('Consent.provision.depth');
      return [{ path: `${path}provision`, effect: 'deny', elements: { notUnderstood: true }, children: [] }];
    }
    return children.map((child, index) => {
      const here = `${path}provision[${index}]`;
      if (!isObject(child)) {
        this.#findings.add('Consent.provision');
        return { path: here, effect: 'deny' as const, elements: { notUnderstood: true }, children: [] };
      }
      const says = readElements(child, this.#options, this.#marks);
      // What a deny does not inherit itself still passes through it to a permit below.
      const passed = effectiveElements(says, inherited, 'permit');
      return {
        path: here,
        effect,
        elements: effectiveElements(says, inherited, effect),
        children: this.#provisions(child, `${here}.`, passed, above === undefined ? undefined : effect, depth + 1),
      };
    });
  }
}

function effectOf(value: unknown): Effect | undefined {
  return value === 'permit' || value === 'deny' ? value : undefined;
}

/** A base rule that stands beside `decision` has to say the same; what is for emergencies alone R5 cannot say in one. */
function agrees(directive: ReturnType<typeof directiveOf>, decision: Effect | undefined): boolean {
  if (directive === undefined) return true;
  return directive !== 'emergency' && decision === (directive === 'optin' ? 'permit' : 'deny');
}

/** What it is about, from its categories: one that says nothing of privacy, research or treatment may deny only. */
function scopeOf(category: readonly Coding[]): ParsedConsent['scope'] {
  const keys = category.map(({ system, code }) => `${canonicalSystem(system)}|${code}`);
  const has = (kind: keyof typeof categories): boolean => keys.some((key) => categories[kind].has(key));
  if (keys.includes(privacyScope)) return 'patient-privacy';
  if (has('research')) return 'research';
  if (has('privacy')) return 'patient-privacy';
  if (!has('directive')) return has('any') ? 'patient-privacy' : 'unknown';
  return keys.every((key) => categories.directive.has(key) || categories.any.has(key)) ? 'other' : 'unknown';
}
