import { z } from 'zod';
import { type IdentityConfig, roleName } from '../config/identity.ts';
import { isId } from '../fhir/ids.ts';
import { localKey } from './local.ts';
import { assignedOrganization, directoryOf } from './organizations.ts';
import { purposesOf } from './purposes.ts';
import type { Requester } from './requester.ts';
import { parseScope, parseScopes } from './scopes.ts';

const name = z.string().min(1).max(500);

/** One who might ask, described as a token would show him once it was verified: for explanations and simulations, never for requests. */
export const describedRequester = z
  .strictObject({
    title: z.string().max(200).optional().describe('What to call him in the answer.'),
    issuer: name.default('urn:fhir-consent-gateway:described'),
    subject: name.default('described'),
    client: name.default('described'),
    clientKind: z.enum(['app', 'system']).default('app'),
    roles: z.array(roleName).max(16).default([]).describe('Roles of the policy set.'),
    roleCodes: z
      .array(z.strictObject({ system: name.optional(), code: name }))
      .max(16)
      .default([])
      .describe('Role codes as the token states them, for Consents that name roles.'),
    organization: name
      .optional()
      .describe('Organization/id, a URI or system|value; units of it are known by configuration.'),
    user: name.optional().describe('fhirUser: Practitioner/id, Patient/id ... or an absolute URL elsewhere.'),
    identities: z.array(name).max(64).default([]).describe('Further names: Type/id, URLs, system|value.'),
    purposes: z.array(z.string().max(100)).max(8).default([]).describe('Purposes of use (v3-ActReason).'),
    scope: z
      .string()
      .max(4_000)
      .default('user/*.rs')
      .refine(
        (scope) =>
          scope.split(' ').every((one) => !/^(patient|user|system)\//.test(one) || parseScope(one) !== undefined),
        {
          error: 'has a scope that grants nothing',
        },
      )
      .describe('SMART scopes, separated by spaces.'),
    patient: z.string().refine(isId, { error: 'must be an id' }).optional().describe('Patient of the launch context.'),
    acr: name.optional().describe('Authentication context class of a sign-in just now.'),
  })
  .superRefine(({ purposes }, context) => {
    const known = purposesOf(purposes);
    if (known.length !== new Set(purposes).size)
      context.addIssue({ code: 'custom', path: ['purposes'], message: 'names a purpose that nobody knows' });
  });

export type DescribedRequester = z.infer<typeof describedRequester>;

/** The requester that a verified token of this description would give. */
export function requesterOf(
  described: DescribedRequester,
  config: Pick<IdentityConfig, 'organizations' | 'issuers'>,
  publicBaseUrl: string,
  at: number,
): Requester {
  const bases = [publicBaseUrl];
  const local = (text: string): string => localKey(text, bases) ?? text;
  const { names, title } = assignedOrganization(described.organization, directoryOf(config), bases);
  const { user, client, issuer, subject } = described;
  const fhirUser = user === undefined ? undefined : local(user);
  return {
    issuer,
    subject,
    clientId: client,
    tokenId: 'none',
    tokenHash: 'none',
    expiresAt: at,
    clientKind: described.clientKind,
    scopes: parseScopes(described.scope),
    identities: [
      ...(fhirUser === undefined ? [] : [fhirUser]),
      ...described.identities.map(local),
      `${issuer}|${subject}`,
      `${issuer}|${client}`,
    ],
    organizations: names,
    roles: [...new Set(described.roles)].sort(),
    roleCodes: described.roleCodes.map(({ system, code }) => (system === undefined ? { code } : { system, code })),
    purposes: purposesOf(described.purposes).map((code) => ({ code, assigned: false })),
    amr: [],
    ...(fhirUser === undefined ? {} : { fhirUser }),
    ...(title === undefined ? {} : { organizationName: title }),
    ...(described.title === undefined ? {} : { name: described.title }),
    ...(described.patient === undefined ? {} : { patient: described.patient }),
    ...(described.acr === undefined ? {} : { acr: described.acr, authenticatedAt: at }),
  };
}
