import { createHash } from 'node:crypto';
import {
  type AuthorizationAnswer,
  type CedarValueJson,
  policySetTextToParts,
  policyToJson,
  preparsePolicySet,
  preparseSchema,
  statefulIsAuthorized,
  validate,
} from '@cedar-policy/cedar-wasm/nodejs';
import { LRUCache } from 'lru-cache';
import type { Requester } from '../authenticate/requester.ts';
import { ConfigError } from '../config/load.ts';
import type { RequesterContext } from '../context/requester-context.ts';
import type { PolicySet } from './policy-set.ts';

export { readPolicySet } from './policy-set.ts';

/** Answer of the role rules, with the ids of the policies that made it. An evaluation error counts as a forbid. */
export interface PolicyAnswer {
  readonly allowed: boolean;
  readonly policies: readonly string[];
}

/** The requester as policies know him, for questions before there is a request: roles, purposes, client. */
export type Asker = Pick<RequesterContext, 'requester' | 'purposes' | 'purposeAssigned'> & {
  /** An emergency is asked about as for treatment, and by its own name beside it. */
  readonly emergency?: { readonly purpose: string };
};

/** What breaking the glass may reach: what no Consent opens; what one denies; SUD counseling and psychotherapy notes. */
export type BehindGlass = 'hidden' | 'denied' | 'notes';

/** The role and attribute rules (Cedar). Every answer is a pure function of its arguments, so answers are remembered. */
export interface Policy {
  /** Name of the set, e.g. `us-part2`. */
  readonly id: string;
  /** SHA-256 over policies and schema, hex; goes into the record. */
  readonly hash: string;
  /** Step 1: may this requester ask for this interaction on this type at all? Static. */
  permitsRequest(asker: Asker, interaction: string, resourceType: string): PolicyAnswer;
  /** Step 1 for what comes along: may this requester receive resources of this type (included, referenced, or the thing asked for)? Static. */
  permitsKind(asker: Asker, resourceType: string): PolicyAnswer;
  /**
   * Step 3: does a rule forbid this kind of resource with these labels?
   * @param labels `Labels.topics` and the effective confidentiality, e.g. `['HIV', 'R']`, sorted.
   */
  forbids(asker: Asker, resourceType: string, labels: readonly string[]): PolicyAnswer;
  /** Steps 6 and 7: do the role rules clear this requester for a topic without a Consent? */
  clears(asker: Asker, topic: string): PolicyAnswer;
  /** May this requester, in an emergency, receive what is hidden so? */
  breaksGlass(asker: Asker, what: BehindGlass): PolicyAnswer;
  /** The `unrestricted` grant. */
  unrestricted(asker: Asker): boolean;
}

type ActionName = 'ask' | 'receive' | 'release' | 'know' | 'break-glass' | 'everything';

interface Question {
  readonly action: ActionName;
  readonly resource: { readonly type: 'Kind' | 'Topic' | 'Record'; readonly id: string };
  readonly context: Readonly<Record<string, string | readonly string[]>>;
}

const nothingElse = {} as const;
/** Sets of purposes by which one requester asks. */
const maximumWays = 64;

/**
 * Parses the policies, checks them strictly against the schema, and answers from them.
 * @param remembered answers kept, each by all of its inputs
 * @throws {ConfigError} naming file, policy and fault
 */
export function createPolicy(set: PolicySet, remembered: number): Policy {
  const hash = hashOf(set);
  const name = `policies-${hash}`;
  compile(set, name);
  const answers = new LRUCache<string, PolicyAnswer>({ max: remembered });
  const principals = new WeakMap<Asker, string>();
  /** What is asked about one requester for the same purposes, as long as it is one object (as its token is remembered). */
  const texts = new WeakMap<Requester, Map<string, string>>();
  const principalOf = (asker: Asker): string => {
    let text = principals.get(asker);
    if (text === undefined) {
      const { requester, purposes, purposeAssigned, emergency } = asker;
      const known = texts.get(requester) ?? new Map<string, string>();
      texts.set(requester, known);
      const way = JSON.stringify([purposes, purposeAssigned, emergency?.purpose]);
      text = known.get(way) ?? JSON.stringify(attributesOf(asker));
      if (known.size < maximumWays) known.set(way, text);
      principals.set(asker, text);
    }
    return text;
  };
  const ask = (asker: Asker, question: Question): PolicyAnswer => {
    const { action, resource, context } = question;
    const about = context === nothingElse ? '' : JSON.stringify(context);
    const key = `${action}\n${JSON.stringify(resource.id)}\n${about}\n${principalOf(asker)}`; // an action is of one type of resource
    let answer = answers.get(key);
    if (answer === undefined) {
      answer = answerOf(evaluate(name, asker, question));
      answers.set(key, answer);
    }
    return answer;
  };
  return {
    id: set.id,
    hash,
    permitsRequest: (asker, interaction, type) =>
      ask(asker, { action: 'ask', resource: { type: 'Kind', id: type }, context: { interaction } }),
    permitsKind: (asker, type) =>
      ask(asker, { action: 'receive', resource: { type: 'Kind', id: type }, context: nothingElse }),
    forbids: (asker, type, labels) =>
      ask(asker, { action: 'release', resource: { type: 'Kind', id: type }, context: { labels } }),
    clears: (asker, topic) =>
      ask(asker, { action: 'know', resource: { type: 'Topic', id: topic }, context: nothingElse }),
    breaksGlass: (asker, what) =>
      ask(asker, { action: 'break-glass', resource: { type: 'Record', id: what }, context: nothingElse }),
    unrestricted: (asker) =>
      ask(asker, { action: 'everything', resource: { type: 'Record', id: 'all' }, context: nothingElse }).allowed,
  };
}

function hashOf({ schema, files }: PolicySet): string {
  const digest = createHash('sha256').update(schema);
  for (const { name, text } of files) digest.update(`\0${name}\0${text}`);
  return digest.digest('hex');
}

/** Each policy bears the id of its `@id` annotation, else its file and place. */
function compile({ schema, files }: PolicySet, name: string): void {
  const staticPolicies: Record<string, string> = Object.create(null); // ids are anybody's, `__proto__` included
  for (const file of files) {
    const parts = policySetTextToParts(file.text);
    if (parts.type === 'failure') throw new ConfigError(`${file.name}: ${messagesOf(parts.errors)}`);
    if (parts.policy_templates.length > 0) throw new ConfigError(`${file.name}: templates are not used here.`);
    for (const [index, text] of parts.policies.entries()) {
      const json = policyToJson(text);
      const id = json.type === 'success' ? (json.json.annotations?.id ?? `${file.name}#${index + 1}`) : '';
      if (json.type === 'failure' || Object.hasOwn(staticPolicies, id))
        throw new ConfigError(`${file.name}: policy ${index + 1} cannot be read, or its @id is used twice.`);
      staticPolicies[id] = text;
    }
  }
  if (Object.keys(staticPolicies).length === 0) throw new ConfigError('The policies cannot be used: there are none.');
  const checked = validate({ schema, policies: { staticPolicies }, validationSettings: { mode: 'strict' } });
  if (checked.type === 'failure') throw new ConfigError(`The policies cannot be used: ${messagesOf(checked.errors)}`);
  const faults = [...checked.validationErrors, ...checked.validationWarnings];
  if (faults.length > 0)
    throw new ConfigError(
      `The policies cannot be used:\n${faults.map(({ policyId, error }) => `  ${policyId}: ${error.message}`).join('\n')}`,
    );
  for (const answer of [preparseSchema(name, schema), preparsePolicySet(name, { staticPolicies })])
    if (answer.type === 'failure') throw new ConfigError(`The policies cannot be used: ${messagesOf(answer.errors)}`);
}

function messagesOf(errors: readonly { readonly message: string }[]): string {
  return errors.map(({ message }) => message).join('; ');
}

function attributesOf({ requester, purposes, purposeAssigned, emergency }: Asker) {
  return {
    roles: [...requester.roles].sort(),
    attrs: {
      issuer: requester.issuer,
      client: requester.clientId,
      clientKind: requester.clientKind,
      organizations: [...requester.organizations].sort(),
      purposes: emergency === undefined ? [...purposes].sort() : ['TREAT'],
      purposeAssigned,
      ...(emergency === undefined ? {} : { emergency: emergency.purpose }),
      ...(requester.acr === undefined ? {} : { acr: requester.acr }),
    },
  };
}

function evaluate(name: string, asker: Asker, { action, resource, context }: Question): AuthorizationAnswer {
  const { roles, attrs } = attributesOf(asker);
  const principal = { type: 'Requester', id: 'requester' };
  return statefulIsAuthorized({
    principal,
    action: { type: 'Action', id: action },
    resource,
    context: context as Record<string, CedarValueJson>, // strings and lists of strings
    preparsedSchemaName: name,
    preparsedPolicySetId: name,
    validateRequest: true,
    entities: [
      { uid: principal, attrs, parents: roles.map((id) => ({ type: 'Role', id })) },
      ...roles.map((id) => ({ uid: { type: 'Role', id }, attrs: {}, parents: [] })),
    ],
  });
}

/** Cedar skips a policy that errs; here an error is a forbid, so that a broken forbid never lets anything through. */
function answerOf(answer: AuthorizationAnswer): PolicyAnswer {
  if (answer.type === 'failure') return { allowed: false, policies: [] };
  const { decision, diagnostics } = answer.response;
  if (diagnostics.errors.length > 0)
    return { allowed: false, policies: diagnostics.errors.map(({ policyId }) => policyId).sort() };
  return { allowed: decision === 'allow', policies: [...diagnostics.reason].sort() };
}
