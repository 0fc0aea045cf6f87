import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Place, startGateway } from '../services/place.ts';

/**
 * Who may pass on what a written consent permits (42 CFR 2.33(b)(1), (b)(3)): those who received it for payment and operations alone. A
 * purpose that nobody knows is no such purpose.
 */

const v3 = (system: string, code: string) => ({ system: `http://terminology.hl7.org/CodeSystem/v3-${system}`, code });
const part2 = v3('ActCode', '42CFRPart2');
const payment = v3('ActReason', 'HPAYMT');
const unknown = { system: 'urn:x', code: 'OTHER' };
const recipient = (name: string) => ({
  role: { coding: [v3('ParticipationType', 'IRCP')] },
  reference: { reference: name },
});
const purposes: readonly [string, readonly object[], boolean][] = [
  ['payment', [payment], true],
  ['payment and research', [payment, v3('ActReason', 'HRESCH')], false],
  ['payment and what nobody knows', [payment, unknown], false],
];
const people = purposes.map((_, index) => `pia-${index}`);
const resources = purposes.flatMap(([, purpose], index) => {
  const subject = { reference: `Patient/${people[index]}` };
  return [
    { resourceType: 'Patient', id: people[index], name: [{ family: 'Sample' }] },
    {
      resourceType: 'Observation',
      id: `record-${index}`,
      meta: { security: [part2] },
      status: 'final',
      code: { coding: [{ system: 'http://loinc.org', code: '29463-7' }] },
      subject,
    },
    {
      resourceType: 'Consent',
      id: `written-${index}`,
      status: 'active',
      scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }] },
      category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
      patient: subject,
      dateTime: '2024-01-01',
      organization: [{ reference: 'Organization/mercy-hospital' }],
      policy: [{ uri: 'https://forms.example/one' }],
      policyRule: { coding: [part2] },
      sourceReference: { reference: 'DocumentReference/signed' },
      provision: {
        type: 'permit',
        actor: [recipient('Organization/harbor-clinic'), recipient('Organization/summit-clinic')],
        purpose,
        securityLabel: [part2],
        period: { end: '2099-12-31' },
      },
    },
  ];
});

let place: Place;
beforeAll(async () => {
  place = await startGateway({
    resources,
    services: { grants: { authzen: ['steward'] } },
    authzen: (issuer) => ({ subjects: { client: { issuer, kind: 'client' } } }),
    changes: {
      answers: { negativeGridMs: 0 },
      part2: { lawfulHolders: ['Organization/harbor-clinic'], coveredEntities: ['Organization/summit-clinic'] },
    },
  });
}, 60_000);
afterAll(() => place.close());

async function obligationsOf(id: string, index: number): Promise<string> {
  const properties = { organization: `Organization/${id}-clinic`, purpose_of_use: ['HPAYMT'] };
  const body = {
    subject: { type: 'client', id, properties },
    action: { name: 'read' },
    resource: { type: 'Observation', id: `record-${index}` },
  };
  const { text } = await place.ask('/access/v1/evaluation', { as: 'steward', body });
  expect(JSON.parse(text).decision).toBe(true);
  return text;
}

describe.each(purposes.map(([what, , isOpen], index) => ({ what, isOpen, index })))(
  'a consent for $what',
  ({ isOpen, index }) => {
    it('lets a lawful holder pass it on to contractors where these are all', async () => {
      expect((await obligationsOf('harbor', index)).includes('2.33(b)(3)')).toBe(isOpen);
    });

    it('keeps the refrain from a covered entity where these are all', async () => {
      expect((await obligationsOf('summit', index)).includes('NORDSCLCD')).toBe(!isOpen);
    });
  },
);
