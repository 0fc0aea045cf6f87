import { type CompactRequester, cast, type Scenario } from './format.ts';
import type { World } from './world.ts';

/** One who asks, as a token states it. */
export interface Asker {
  readonly id: string;
  readonly client: string;
  readonly scope: string;
  readonly claims: Readonly<Record<string, unknown>>;
  /** Headers beside the token. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** @param now Epoch milliseconds of the request. */
export function askerOf({ when }: Scenario, world: World, now: number): Asker {
  const requester = cast.requesters[when.requester];
  if (requester === undefined) throw new Error(`cast.yaml has no requester ${when.requester}`);
  const asker = tokenOf(when.requester, requester, when.purposeOfUse, (text) => world.say(text), when.pcf);
  const { patient, reason, acr, signedInMinutesAgo } = when.emergency ?? {};
  return {
    ...asker,
    claims: {
      ...asker.claims,
      ...(acr !== undefined && { acr }),
      ...(signedInMinutesAgo !== undefined && { auth_time: Math.floor(now / 1_000) - 60 * signedInMinutesAgo }),
    },
    headers: {
      ...(patient !== undefined && { 'x-emergency-patient': world.say(patient) }),
      ...(reason !== undefined && { 'x-emergency-reason': reason }),
    },
  };
}

export function tokenOf(
  id: string,
  { role, user, organization, purpose, client, launchPatient }: CompactRequester,
  purposeOfUse: string | readonly string[] | undefined,
  say: (text: string) => string,
  pcf?: Readonly<Record<string, unknown>>,
): Asker {
  const isSystem = role === 'system-client';
  const purposes = [purposeOfUse ?? purpose ?? []].flat();
  return {
    id,
    client: client ?? (isSystem ? id : 'scenario-app'),
    scope: launchPatient === undefined ? (isSystem ? 'system/*.rs' : 'user/*.rs') : 'patient/*.rs',
    claims: {
      roles: [role],
      ...(purposes.length > 0 && { purpose_of_use: purposes }),
      ...(user !== undefined && { fhirUser: say(user) }),
      ...(organization !== undefined && { organization }),
      ...(launchPatient !== undefined && { patient: say(launchPatient) }),
      ...(pcf && { extensions: { ihe_pcf: JSON.parse(say(JSON.stringify(pcf))) } }),
    },
  };
}
