import type { Coding } from '../fhir/coding.ts';
import { isId } from '../fhir/ids.ts';
import { canonicalSystem, part2, systems } from '../fhir/vocabulary.ts';
import type { Construct } from './constructs.ts';
import { effectiveElements, type Marks, readElements } from './elements.ts';
import { isObject, type Json, list, own, text } from './json.ts';
import type { ParseOptions } from './parse.ts';
import type { Codes, Effect, Elements, ParsedConsent, Provision, UnreadableConsent } from './parsed.ts';
import { referenceNames } from './references.ts';
import {
  bare,
  basicNormal,
  codingsOf,
  directiveOf,
  enforcersNamed,
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

/** What a Consent is about, as far as it matters here (FHIR R4 consentscope). */
const scopes = new Map<string, ParsedConsent['scope']>([
  ['patient-privacy', 'patient-privacy'],
  ['research', 'research'],
  ['treatment', 'other'],
  ['adr', 'other'],
]);
/** Members of a Consent that are understood or known to say nothing about the rules (FHIR R4 Consent). */
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
  'scope',
  'category',
  'patient',
  'dateTime',
  'performer',
  'organization',
  'sourceAttachment',
  'sourceReference',
  'policy',
  'policyRule',
  'verification',
  'provision',
]);

/**
 * Reads an R4 Consent into the gateway's own form. Never throws: what is not understood is marked where it stands, so
 * that it counts in a deny and not in a permit; what is no Consent at all is unreadable.
 */
export function parseConsentR4(json: unknown, options: ParseOptions): ParsedConsent | UnreadableConsent {
  const id = text(own(json, 'id'));
  const status = text(own(json, 'status'));
  if (
    !isObject(json) ||
    own(json, 'resourceType') !== 'Consent' ||
    id === undefined ||
    !isId(id) ||
    status === undefined ||
    !isObject(own(json, 'patient'))
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
  readonly #marks: Marks = { findings: this.#findings, purposes: this.#purposes, dialect: 'R4' };

  constructor(json: Json, id: string, status: string, options: ParseOptions) {
    this.#json = json;
    this.#id = id;
    this.#status = status;
    this.#options = options;
  }

  read(): ParsedConsent {
    const json = this.#json;
    const { time, localBases, part2PolicyUris } = this.#options;
    const stated = own(json, 'provision');
    const rule = codingsOf(own(json, 'policyRule'));
    const category = list(own(json, 'category')).flatMap(codingsOf);
    const policies = list(own(json, 'policy')).flatMap((policy) => text(own(policy, 'uri')) ?? []);
    const organizations = this.#organizations();
    const dateTime = statedAt(own(json, 'dateTime'), time);
    if (dateTime === 'unreadable') this.#findings.add('Consent.dateTime');
    const period = wholePeriod(own(stated, 'period'), time);
    const scope = this.#scope();
    const found = wholeFindings(json, knownMembers, this.#options);
    for (const finding of found) this.#findings.add(finding);
    const denyOnly = found.length > 0 || period === 'unreadable' || dateTime === 'unreadable' || scope === 'unknown';
    const { root, nested } = this.#rules(rule, category);
    return {
      readable: true,
      ref: refOf(json, this.#id),
      subject: referenceNames(own(json, 'patient'), localBases),
      status: this.#status,
      scope,
      denyOnly,
      categories: category.map(({ system, code }) => `${canonicalSystem(system)}|${code}`),
      isNotice: own(stated, 'type') === undefined && isNotice(rule, category),
      period: period === 'unreadable' ? undefined : period,
      dateTime,
      recency: recencyOf(json, dateTime, this.#id, time),
      organizations,
      family: JSON.stringify([
        scope,
        organizations,
        policies.length > 0 ? [...policies].sort() : [keysOf(rule), keysOf(category)],
      ]),
      rootStatement: statementOf(stated) ?? refOf(json, this.#id), // its own: it supersedes nothing
      root,
      nested,
      isPart2:
        namesLaw(rule, part2) ||
        namesLaw(category, '42CFRPart2CD') ||
        policies.some((uri) => part2PolicyUris.includes(uri)),
      isGrantedRestriction: rule.some(isGrantedRestriction),
      written: {
        hasOrganization: organizations.length > 0,
        hasPolicyText: policies.length > 0 || text(own(own(json, 'policyRule'), 'text')) !== undefined,
        forms: policies,
        hasSource: isObject(own(json, 'sourceAttachment')) || isObject(own(json, 'sourceReference')),
        hasDateTime: typeof dateTime === 'number',
        isVerified: list(own(json, 'verification')).some((verification) => own(verification, 'verified') === true),
        hasEnd: text(own(own(stated, 'period'), 'end')) !== undefined,
      },
      basicNormalCeiling: policies.includes(basicNormal),
      allPurposes: [...this.#purposes].sort(),
      findings: [...this.#findings].sort(),
    };
  }

  /** Whose Consent it is: `organization`, or in its place the controller, or else the manager, of US Consent Management (FAST). */
  #organizations(): readonly string[] {
    const controllers = enforcersNamed(this.#json, 'controller', this.#options);
    if (controllers.length > 0) return controllers;
    const organizations = namesOf(own(this.#json, 'organization'), this.#options);
    return organizations.length > 0 ? organizations : enforcersNamed(this.#json, 'manager', this.#options);
  }

  #scope(): ParsedConsent['scope'] {
    const said = codingsOf(own(this.#json, 'scope')).flatMap(({ system, code }) =>
      canonicalSystem(system) === systems.consentScope ? (scopes.get(code) ?? []) : [],
    );
    const [scope] = said;
    if (scope !== undefined && said.every((other) => other === scope)) return scope;
    this.#findings.add('Consent.scope');
    return 'unknown';
  }

  /** Base effect and provisions, by the kind of policyRule and the root's own type (IHE PCF; HL7 v3-ActCode directives). */
  #rules(
    rule: readonly Coding[],
    category: readonly Coding[],
  ): { root: Provision | undefined; nested: readonly Provision[] } {
    const stated = own(this.#json, 'provision');
    const type = effectOf(own(stated, 'type'));
    const stands = directiveOf(rule);
    const directive = isForEmergencies(category) && type !== 'deny' && stands !== 'optout' ? 'emergency' : stands;
    if (own(stated, 'type') !== undefined && type === undefined) this.#findings.add('Consent.provision.type');
    if (!isObject(stated)) {
      if (stated !== undefined) this.#findings.add('Consent.provision');
      const effect: Effect | undefined = directive === 'optin' ? 'permit' : directive === 'optout' ? 'deny' : undefined;
      if (directive === 'emergency')
        return { root: bare('deny', nothing), nested: [emergency({ ...nothing, purposes: forEmergency }, [])] };
      return {
        root: effect === undefined ? undefined : bare(effect, { notUnderstood: stated !== undefined }),
        nested: [],
      };
    }
    if (directive === 'emergency') {
      const said = readElements(stated, this.#options, this.#marks);
      const elements: Elements = { ...said, purposes: forEmergency };
      return {
        root: bare('deny', nothing),
        nested: [emergency(elements, this.#children(stated, 'provision', elements, 'permit', 1))],
      };
    }
    const base: Effect | undefined = directive === 'optin' ? 'permit' : directive === 'optout' ? 'deny' : type;
    const isException = type !== undefined && type !== base; // then a directive is the base
    if (base === undefined) {
      const elements = readElements(stated, this.#options, this.#marks);
      return { root: undefined, nested: this.#children(stated, 'provision', elements, 'deny', 1) };
    }
    const effect = isException ? (type as Effect) : base;
    const elements = readElements(stated, this.#options, this.#marks);
    const provision = {
      path: 'provision',
      effect,
      elements,
      children: this.#children(stated, 'provision', elements, effect, 1),
    };
    if (isException) return { root: bare(base, nothing), nested: [provision] };
    return { root: { ...provision, children: [] }, nested: provision.children };
  }

  #children(parent: Json, path: string, inherited: Elements, effect: Effect, depth: number): readonly Provision[] {
    const children = list(own(parent, 'provision'));
    if (children.length > 0 && depth > maximumDepth) {
      this.#findings.add('Consent.provision.depth');
      return [{ path: `${path}.provision`, effect: 'deny', elements: { notUnderstood: true }, children: [] }];
    }
    return children.map((child, index) => {
      const here = `${path}.provision[${index}]`;
      if (!isObject(child)) {
        this.#findings.add('Consent.provision');
        return { path: here, effect: 'deny' as const, elements: { notUnderstood: true }, children: [] };
      }
      const stated = effectOf(own(child, 'type'));
      // R4 requires a type below the root; without one, the opposite of what it is an exception to.
      const own_ = stated ?? (effect === 'permit' ? 'deny' : 'permit');
      if (stated === undefined) this.#findings.add('Consent.provision.type');
      const says = readElements(child, this.#options, this.#marks);
      // What a deny does not inherit itself still passes through it to a permit below.
      const passed = effectiveElements(says, inherited, 'permit');
      const elements = effectiveElements(says, inherited, own_);
      return { path: here, effect: own_, elements, children: this.#children(child, here, passed, own_, depth + 1) };
    });
  }
}

/** EMRGONLY: nothing but emergency treatment and what descends from it (v3-ActReason). */
const forEmergency: Codes<string> = { codes: ['ETREAT'], unknown: false };

function emergency(elements: Elements, children: readonly Provision[]): Provision {
  return {
    path: 'provision',
    effect: 'permit',
    elements,
    children,
  };
}

function effectOf(value: unknown): Effect | undefined {
  return value === 'permit' || value === 'deny' ? value : undefined;
}

/**
 * The root's statements as sets, in canonical text; type, period and nested provisions left out. Nothing stated is nothing,
 * root or none. Undefined when they are nested beyond what a provision can say.
 */
function statementOf(provision: unknown): string | undefined {
  if (!isObject(provision)) return '';
  const { provision: _, ...stated } = provision;
  if (isDeeperThan(maximumDepth, stated)) return undefined;
  const parts: [string, unknown][] = [];
  for (const name of Object.keys(provision).sort()) {
    if (name === 'type' || name === 'period' || name === 'provision' || name === 'id') continue;
    const items = new Set(list(provision[name]).map((item) => canonicalText(item)));
    parts.push([name, [...items].sort()]);
  }
  return parts.length === 0 ? '' : JSON.stringify(parts);
}

function isDeeperThan(depth: number, value: unknown): boolean {
  let level: readonly unknown[] = [value];
  for (let below = 0; level.length > 0; below++) {
    if (below > depth) return true;
    level = level.flatMap((one): readonly unknown[] =>
      Array.isArray(one) ? one : isObject(one) ? Object.values(one) : [],
    );
  }
  return false;
}

/** JSON text with sorted members; displays and text say nothing about the rule beside what they explain. */
function canonicalText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalText).sort().join()}]`;
  if (!isObject(value)) return String(JSON.stringify(value));
  const has = (...names: readonly string[]): boolean => names.some((name) => Object.hasOwn(value, name));
  const members = Object.keys(value)
    .filter((name) => {
      if (name === 'text') return !has('coding');
      if (name === 'display') return !has('code', 'reference', 'identifier');
      return name !== 'version' && name !== 'userSelected';
    })
    .sort()
    .map(
      (name) =>
        `${JSON.stringify(name)}:${name === 'system' ? JSON.stringify(canonicalSystem(text(value[name]))) : canonicalText(value[name])}`,
    );
  return `{${members.join(',')}}`;
}
