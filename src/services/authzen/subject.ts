import type { Requester } from '../../authenticate/requester.ts';
import type { AuthzenConfig } from '../../config/services.ts';
import type { Evaluation } from './request.ts';

/** Claims by which an issuer's rules read each fact (preset `plain`). */
const claimOf: Readonly<Record<AuthzenConfig['properties'][string], string>> = {
  roles: 'roles',
  purposes: 'purpose_of_use',
  organization: 'organization',
  organizationName: 'organization_name',
  name: 'name',
  fhirUser: 'fhirUser',
  patient: 'patient',
  npi: 'npi',
  client: 'client_id',
  scope: 'scope',
  acr: 'acr',
};

export interface Describing {
  readonly config: AuthzenConfig;
  readonly describe: (issuer: string, claims: Readonly<Record<string, unknown>>) => Requester | undefined;
}

/**
 * The requester whom a trusted caller describes, read as a token with these claims would be. Undefined when something of
 * the description is not understood: it may have been a restriction.
 */
export function describedRequester(
  { subject, context = {} }: Evaluation,
  { config, describe }: Describing,
): Requester | undefined {
  const type = Object.hasOwn(config.subjects, subject.type) ? config.subjects[subject.type] : undefined;
  if (type === undefined) return undefined;
  const claims: Record<string, unknown> = { sub: subject.id };
  for (const [name, value] of Object.entries(subject.properties ?? {})) {
    const fact = factOf(name, config);
    if (fact === undefined || !isStated(value)) return undefined;
    claims[claimOf[fact]] = value;
  }
  for (const [name, value] of Object.entries(context)) {
    if (config.ignoredContext.includes(name)) continue;
    if (factOf(name, config) !== 'purposes' || !isStated(value)) return undefined;
    claims[claimOf.purposes] = value;
  }
  if (type.kind === 'client') claims.client_id = subject.id;
  // Scopes say what an app may do for somebody. Who asks about no app asks what the subject may.
  claims.scope ??= type.kind === 'client' ? 'system/*.rs' : 'user/*.rs';
  return describe(type.issuer, claims);
}

function factOf(name: string, { properties }: AuthzenConfig): AuthzenConfig['properties'][string] | undefined {
  return Object.hasOwn(properties, name) ? properties[name] : undefined;
}

/** Null says nothing, and a claim that says nothing would be passed over. */
function isStated(value: unknown): boolean {
  return value !== null && value !== undefined && value !== '';
}
