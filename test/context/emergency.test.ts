import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Requester } from '../../src/authenticate/requester.ts';
import { buildContext } from '../../src/context/context.ts';
import type { Emergency } from '../../src/context/emergency.ts';
import { GatewayError } from '../../src/errors/errors.ts';
import { createPolicy } from '../../src/policy/policy.ts';
import { requestWith } from '../authenticate/requests.ts';
import { asker, shipped } from '../policy/tables.ts';

const policy = createPolicy(shipped, 1_000);
const strong = 'urn:example:acr:two-factors';
const config = { acrValues: [strong], maximumAgeMs: 900_000 };
const { receivedAt } = requestWith({}, []);
const whole = {
  headers: { 'x-emergency-patient': 'Patient/ada', 'x-emergency-reason': 'OVRER; unconscious, overdose suspected' },
  requester: { acr: strong, authenticatedAt: receivedAt - 60_000 } satisfies Partial<Requester>,
};

function stated(
  change: { headers?: Record<string, string | undefined>; requester?: Partial<Requester> } = {},
  roles: readonly string[] = ['clinician'],
): Emergency | string | undefined {
  const { requester } = asker(roles, ['BTG'], { ...whole.requester, ...change.requester });
  const headers = Object.fromEntries(
    Object.entries({ ...whole.headers, ...change.headers }).filter(([, value]) => value !== undefined),
  );
  try {
    return buildContext(requester, requestWith(headers, []), policy, config).emergency;
  } catch (error) {
    return error instanceof GatewayError ? error.code : 'another error';
  }
}

describe('an emergency', () => {
  it('is accepted with a role, a strong sign-in of late, one patient and a reason', () => {
    expect(stated()).toEqual({
      purpose: 'BTG',
      patient: 'Patient/ada',
      reason: 'unconscious, overdose suspected',
      overrideReason: 'OVRER',
      overridesDenies: false,
      includesNotes: false,
    });
  });

  it('names its patient by id alone too, and by the launch context', () => {
    expect(stated({ headers: { 'x-emergency-patient': 'ada' } })).toMatchObject({ patient: 'Patient/ada' });
    expect(stated({ headers: { 'x-emergency-patient': undefined }, requester: { patient: 'ben' } })).toMatchObject({
      patient: 'Patient/ben',
    });
  });

  it.each([
    ['another patient than the launch context', { requester: { patient: 'ben' } }],
    ['two patients', { headers: { 'x-emergency-patient': 'Patient/ada,Patient/ben' } }],
    ['somebody who is no patient', { headers: { 'x-emergency-patient': 'Practitioner/ada' } }],
    ['a patient elsewhere', { headers: { 'x-emergency-patient': 'https://elsewhere.example/Patient/ada' } }],
    ['an unreadable patient', { headers: { 'x-emergency-patient': 'Patient/a/b' } }],
    ['an empty reason', { headers: { 'x-emergency-reason': '' } }],
    ['a reason of spaces', { headers: { 'x-emergency-reason': '               ' } }],
    ['a code and no reason', { headers: { 'x-emergency-reason': 'OVRER;' } }],
    ['a control character in the reason', { headers: { 'x-emergency-reason': 'unconscious\u0007 patient' } }],
    ['a reason without end', { headers: { 'x-emergency-reason': 'x'.repeat(301) } }],
    ['an unknown class of sign-in', { requester: { acr: 'urn:example:acr:password' } }],
    ['a sign-in of long ago', { requester: { authenticatedAt: receivedAt - 900_001 } }],
    ['a sign-in that is still to come', { requester: { authenticatedAt: receivedAt + 120_000 } }],
    ['a sign-in told in milliseconds', { requester: { authenticatedAt: receivedAt * 1_000 } }],
    ['a backend service', { requester: { clientKind: 'system' as const } }],
    [
      'a purpose beside it',
      {
        requester: {
          purposes: [
            { code: 'BTG', assigned: false },
            { code: 'TREAT', assigned: false },
          ],
        },
      },
    ],
    ['a purpose that configuration assigned', { requester: { purposes: [{ code: 'BTG', assigned: true }] } }],
  ])('is not accepted with %s', (_what, change) => {
    expect(stated(change)).toBe('emergency-not-accepted');
  });

  it.each(['counselor', 'billing', 'front-desk', 'it', 'vendor', 'system-client', 'patient', 'proxy', 'steward'])(
    'is not for the role %s',
    (role) => {
      expect(stated({}, [role])).toBe('emergency-not-accepted');
    },
  );

  it('is never of another purpose than the token states, whatever the headers', () => {
    const word = fc.stringMatching(/^[ -~]{0,40}$/);
    fc.assert(
      fc.property(word, word, word, (patient, reason, purpose) => {
        const { requester } = asker(['clinician'], ['TREAT'], whole.requester);
        const headers = {
          'x-emergency-patient': patient,
          'x-emergency-reason': reason,
          ...(purpose === '' ? {} : { 'x-purpose-of-use': purpose }),
        };
        try {
          expect(buildContext(requester, requestWith(headers, []), policy, config).emergency).toBeUndefined();
        } catch (error) {
          expect((error as GatewayError).code).toBe('purpose-not-accepted');
        }
      }),
    );
  });
});
