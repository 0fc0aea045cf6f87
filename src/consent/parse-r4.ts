import type { Coding, Interval } from '../fhir/coding.ts';
import { intervalOf, type TimeReader } from '../fhir/dates.ts';
import { isId } from '../fhir/ids.ts';
import { canonicalSystem, part2, systems } from '../fhir/vocabulary.ts';
import { effectiveElements, type Marks, readElements } from './elements-r4.ts';
import { isObject, type Json, list, own, text } from './json.ts';
import type { Codes, Effect, Elements, ParsedConsent, Provision, UnreadableConsent } from './parsed.ts';
import { referenceNames } from './references.ts';

export interface ParseOptions {
  readonly time: TimeReader;
  /** Absolute bases under which a reference counts as local, without trailing slash. */
  readonly localBases: readonly string[];
  /** Extension URLs that change no meaning. */
  readonly harmlessExtensions: readonly string[];
  readonly part2PolicyUris: readonly string[];
}

const maximumDepth = 64;
const basicNormal = 'https://profiles.ihe.net/ITI/PCF/Policy-basic-normal';
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
  readonly #findings: string[] = [];
  readonly #purposes = new Set<string>();

  constructor(json: Json, id: string, status: string, options: ParseOptions) {
    this.#json = json;
    this.#id = id;
    this.#status = status;
    this.#options = options;
  }

  read(): ParsedConsent {
    const json = this.#json;
    const version = text(own(own(json, 'meta'), 'versionId'));
    const rule = codingsOf(own(json, 'policyRule'));
    const category = list(own(json, 'category')).flatMap(codingsOf);
    const policies = list(own(json, 'policy')).flatMap((policy) => text(own(policy, 'uri')) ?? []);
    const organizations = list(own(json, 'organization'))
      .flatMap((reference) => referenceNames(reference, this.#options.localBases).names)
      .sort();
    const dateTime = this.#dateTime();
    const period = rootPeriod(own(own(json, 'provision'), 'period'), this.#options.time);
    const scope = this.#scope();
    const denyOnly = this.#denyOnly() || period === 'unreadable' || dateTime === 'unreadable' || scope === 'unknown';
    const { root, nested } = this.#rules(rule);
    const isLaw = (codes: readonly Coding[], code: string): boolean =>
      codes.some((coding) => coding.code === code && isLawSystem(coding.system));
    return {
      readable: true,
      ref: version === undefined ? `Consent/${this.#id}` : `Consent/${this.#id}/_history/${version}`,
      status: this.#status,
      scope,
      denyOnly,
      isNotice:
        own(own(json, 'provision'), 'type') === undefined &&
        (rule.some(({ code }) => code === 'NOPP') ||
          (category.length > 0 && rule.length === 0 && category.every(({ code }) => code === 'npp'))),
      period: period === 'unreadable' ? undefined : period,
      dateTime,
      recency: recencyOf(json, dateTime, version, this.#id, this.#options.time),
      organizations,
      family: JSON.stringify([
        scope,
        organizations,
        policies.length > 0 ? [...policies].sort() : [keysOf(rule), keysOf(category)],
      ]),
      rootStatement: statementOf(own(json, 'provision')),
      root,
      nested,
      isPart2:
        isLaw(rule, part2) ||
        isLaw(category, '42CFRPart2CD') ||
        policies.some((uri) => this.#options.part2PolicyUris.includes(uri)),
      written: {
        hasOrganization: organizations.length > 0,
        hasPolicyText: policies.length > 0 || text(own(own(json, 'policyRule'), 'text')) !== undefined,
        hasSource: isObject(own(json, 'sourceAttachment')) || isObject(own(json, 'sourceReference')),
        hasDateTime: typeof dateTime === 'number',
        isVerified: list(own(json, 'verification')).some((verification) => own(verification, 'verified') === true),
        hasEnd: text(own(own(own(json, 'provision'), 'period'), 'end')) !== undefined,
      },
      basicNormalCeiling: policies.includes(basicNormal),
      allPurposes: [...this.#purposes].sort(),
      findings: this.#findings,
    };
  }

  #scope(): ParsedConsent['scope'] {
    const codes = codingsOf(own(this.#json, 'scope'));
    for (const { system, code } of codes) {
      if (canonicalSystem(system) !== systems.consentScope) continue;
      if (code === 'patient-privacy' || code === 'research') return code;
      if (code === 'treatment' || code === 'adr') return 'other';
    }
    this.#findings.push('Consent.scope');
    return 'unknown';
  }

  #denyOnly(): boolean {
    const before = this.#findings.length;
    if (own(this.#json, 'modifierExtension') !== undefined) this.#findings.push('Consent.modifierExtension');
    if (own(this.#json, 'implicitRules') !== undefined) this.#findings.push('Consent.implicitRules');
    for (const member of Object.keys(this.#json))
      if (!knownMembers.has(member.replace(/^_/, ''))) this.#findings.push(`Consent.${member}`);
    for (const extension of list(own(this.#json, 'extension'))) {
      const url = text(own(extension, 'url'));
      if (url === undefined || !this.#options.harmlessExtensions.includes(url))
        this.#findings.push(`Consent.extension(${url ?? ''})`);
    }
    return this.#findings.length > before;
  }

  #dateTime(): ParsedConsent['dateTime'] {
    const value = own(this.#json, 'dateTime');
    if (value === undefined) return undefined;
    const interval = typeof value === 'string' ? intervalOf(value, this.#options.time) : undefined;
    if (interval !== undefined) return interval.start;
    this.#findings.push('Consent.dateTime');
    return 'unreadable';
  }

  /** Base effect and provisions, by the kind of policyRule and the root's own type (IHE PCF; HL7 v3-ActCode directives). */
  #rules(rule: readonly Coding[]): { root: Provision | undefined; nested: readonly Provision[] } {
    const stated = own(this.#json, 'provision');
    const directive = directiveOf(rule);
    const type = effectOf(own(stated, 'type'));
    if (own(stated, 'type') !== undefined && type === undefined) this.#findings.push('provision.type');
    const none: Marks = { findings: this.#findings, purposes: this.#purposes };
    const nothing: Elements = { notUnderstood: false };
    if (!isObject(stated)) {
      if (stated !== undefined) this.#findings.push('Consent.provision');
      const effect: Effect | undefined = directive === 'optin' ? 'permit' : directive === 'optout' ? 'deny' : undefined;
      if (directive === 'emergency')
        return { root: bare('deny', nothing), nested: [emergency({ ...nothing, purposes: forEmergency }, [])] };
      return {
        root: effect === undefined ? undefined : bare(effect, { notUnderstood: stated !== undefined }),
        nested: [],
      };
    }
    if (directive === 'emergency') {
      const said = readElements(stated, 'provision', this.#options, none);
      const elements: Elements = { ...said, purposes: forEmergency };
      return {
        root: bare('deny', nothing),
        nested: [emergency(elements, this.#children(stated, 'provision', elements, 'permit', 1))],
      };
    }
    const base: Effect | undefined = directive === 'optin' ? 'permit' : directive === 'optout' ? 'deny' : type;
    const isException = directive !== undefined && type !== undefined && type !== base;
    if (base === undefined) {
      const elements = readElements(stated, 'provision', this.#options, none);
      return { root: undefined, nested: this.#children(stated, 'provision', elements, 'deny', 1) };
    }
    const effect = isException ? (type as Effect) : base;
    const elements = readElements(stated, 'provision', this.#options, none);
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
      this.#findings.push('provision: nested too deeply');
      return [{ path: `${path}.provision`, effect: 'deny', elements: { notUnderstood: true }, children: [] }];
    }
    return children.map((child, index) => {
      const here = `${path}.provision[${index}]`;
      if (!isObject(child)) {
        this.#findings.push(here);
        return { path: here, effect: 'deny' as const, elements: { notUnderstood: true }, children: [] };
      }
      const stated = effectOf(own(child, 'type'));
      // R4 requires a type below the root; without one, the opposite of what it is an exception to.
      const own_ = stated ?? (effect === 'permit' ? 'deny' : 'permit');
      if (stated === undefined) this.#findings.push(`${here}.type`);
      const says = readElements(child, here, this.#options, { findings: this.#findings, purposes: this.#purposes });
      // What a deny does not inherit itself still passes through it to a permit below.
      const passed = effectiveElements(says, inherited, 'permit');
      const elements = effectiveElements(says, inherited, own_);
      return { path: here, effect: own_, elements, children: this.#children(child, here, passed, own_, depth + 1) };
    });
  }
}

function bare(effect: Effect, elements: Elements): Provision {
  return { path: 'base', effect, elements, children: [] };
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

function directiveOf(rule: readonly Coding[]): 'optin' | 'optout' | 'emergency' | undefined {
  for (const { system, code } of rule) {
    if (canonicalSystem(system) !== systems.actCode) continue;
    if (code === 'OPTIN' || code === 'OPTINR') return 'optin';
    if (code === 'OPTOUT' || code === 'OPTOUTE') return 'optout';
    if (code === 'EMRGONLY') return 'emergency';
  }
  return undefined;
}

function isLawSystem(system: string): boolean {
  const canonical = canonicalSystem(system);
  return canonical === systems.actCode || canonical === systems.actUsPrivacyLaw;
}

function codingsOf(concept: unknown): readonly Coding[] {
  return list(own(concept, 'coding')).flatMap((coding) => {
    const code = text(own(coding, 'code'));
    return code === undefined ? [] : { system: text(own(coding, 'system')) ?? '', code };
  });
}

function keysOf(codings: readonly Coding[]): readonly string[] {
  return codings.map(({ system, code }) => `${canonicalSystem(system)}|${code}`).sort();
}

/** The root's own period bounds the whole Consent, whatever part the root plays. */
function rootPeriod(period: unknown, time: TimeReader): Interval | undefined | 'unreadable' {
  if (period === undefined) return undefined;
  const start = own(period, 'start');
  const end = own(period, 'end');
  const from = start === undefined ? Number.NEGATIVE_INFINITY : intervalOf(text(start) ?? '', time)?.start;
  const to = end === undefined ? Number.POSITIVE_INFINITY : intervalOf(text(end) ?? '', time)?.end;
  return !isObject(period) || from === undefined || to === undefined ? 'unreadable' : { start: from, end: to };
}

function recencyOf(
  json: Json,
  dateTime: ParsedConsent['dateTime'],
  version: string | undefined,
  id: string,
  time: TimeReader,
): ParsedConsent['recency'] {
  const updated = text(own(own(json, 'meta'), 'lastUpdated'));
  const lastUpdated =
    updated === undefined ? Number.NEGATIVE_INFINITY : (intervalOf(updated, time)?.start ?? Number.NEGATIVE_INFINITY);
  const number = version !== undefined && /^\d{1,15}$/.test(version) ? Number(version) : -1;
  return [typeof dateTime === 'number' ? dateTime : Number.NEGATIVE_INFINITY, lastUpdated, number, version ?? '', id];
}

/** The root's statements as sets, in canonical text; type, period and nested provisions left out. */
function statementOf(provision: unknown): string {
  if (!isObject(provision)) return '';
  const parts: [string, unknown][] = [];
  for (const name of Object.keys(provision).sort()) {
    if (name === 'type' || name === 'period' || name === 'provision' || name === 'id') continue;
    const items = new Set(list(provision[name]).map((item) => canonicalText(item)));
    parts.push([name, [...items].sort()]);
  }
  return JSON.stringify(parts);
}

/** JSON text with sorted members; displays and text say nothing about the rule. */
function canonicalText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalText).sort().join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value) ?? 'null';
  const members = Object.keys(value)
    .filter((name) => name !== 'display' && name !== 'text' && name !== 'version' && name !== 'userSelected')
    .sort()
    .map(
      (name) =>
        `${JSON.stringify(name)}:${name === 'system' ? JSON.stringify(canonicalSystem(text(value[name]) ?? '')) : canonicalText(value[name])}`,
    );
  return `{${members.join(',')}}`;
}
