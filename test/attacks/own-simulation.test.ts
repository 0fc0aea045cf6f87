import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Place, startGateway } from '../services/place.ts';

/** A patient tries drafts out that name what is not hers, to learn by what they would do whether it is there. */

const v3 = (name: string, code: string) => ({ system: `http://terminology.hl7.org/CodeSystem/v3-${name}`, code });
const recipient = { coding: [v3('ParticipationType', 'IRCP')] };
const bens = { reference: 'Patient/ben' };
const resources = [
  {
    resourceType: 'CareTeam',
    id: 'ben-team',
    status: 'active',
    subject: bens,
    participant: [{ member: { reference: 'Practitioner/dr-grey' } }],
  },
  {
    resourceType: 'DiagnosticReport',
    id: 'ben-report',
    status: 'final',
    subject: bens,
    code: { text: 'x' },
    result: [{ reference: 'Observation/ada-a1c' }],
  },
  { resourceType: 'Encounter', id: 'ben-visit', status: 'finished', class: v3('ActCode', 'AMB'), subject: bens },
  {
    resourceType: 'Group',
    id: 'ben-group',
    type: 'practitioner',
    actual: true,
    member: [{ entity: { reference: 'Practitioner/dr-grey' } }],
  },
  { resourceType: 'Patient', id: 'fay', identifier: [{ system: 'https://mrn.example', value: 'FAY-1' }] },
  { resourceType: 'Person', id: 'fays-person', link: [{ target: { reference: 'Patient/fay' } }] },
  {
    resourceType: 'RelatedPerson',
    id: 'fays-son',
    patient: { reference: 'Patient/fay' },
    identifier: [{ system: 'https://mrn.example', value: 'SON-1' }],
  },
];

let place: Place;
beforeAll(async () => {
  place = await startGateway({
    resources,
    services: { grants: { simulate: ['front-desk'] } },
    changes: { answers: { negativeGridMs: 0 } },
  });
}, 60_000);
afterAll(() => place.close());

const mrn = 'https://mrn.example';
const permit = (more: object) => ({ type: 'permit', provision: [{ type: 'deny', ...more }] });
const actor = (reference: string) => ({ actor: [{ role: recipient, reference: { reference } }] });
const data = (meaning: string) => (reference: string) => ({ data: [{ meaning, reference: { reference } }] });

const draftOf = (provision: object) => ({
  resourceType: 'Consent',
  status: 'draft',
  scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }] },
  category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
  patient: { reference: 'Patient/ada' },
  policy: [{ uri: 'https://policies.example/drafts' }],
  provision,
});

interface Trial {
  readonly as?: string;
  readonly provision: object;
  readonly more?: object;
}

async function tried({ as = 'ada', provision, more = {} }: Trial): Promise<string> {
  const consent = { ...draftOf(provision), ...more };
  const grey = {
    roles: ['clinician'],
    user: 'Practitioner/dr-grey',
    organization: 'Organization/mercy-hospital',
    purposes: ['TREAT'],
  };
  const { status, text } = await place.ask('/patients/ada/simulate', {
    as,
    body: {
      requesters: {
        grey,
        harbor: {
          roles: ['system-client'],
          clientKind: 'system',
          scope: 'system/*.rs',
          organization: 'Organization/harbor-clinic',
          purposes: ['TREAT'],
        },
      },
      consents: [consent],
    },
  });
  expect(status).toBe(200);
  return text;
}

type Naming = (reference: string) => object;
const namings: readonly [string, string, Naming][] = [
  ['a care team as actor of a permit', 'CareTeam/ben-team', (one) => ({ type: 'permit', ...actor(one) })],
  ['a care team as actor of a denial', 'CareTeam/ben-team', (one) => permit(actor(one))],
  ['a group as actor of a denial', 'Group/ben-group', (one) => permit(actor(one))],
  ['an instance', 'DiagnosticReport/ben-report', (one) => permit(data('instance')(one))],
  ['what a report refers to', 'DiagnosticReport/ben-report', (one) => permit(data('related')(one))],
  [
    'what a report refers to, permitted',
    'DiagnosticReport/ben-report',
    (one) => ({ type: 'permit', ...data('related')(one) }),
  ],
  ['what was made at a visit', 'Encounter/ben-visit', (one) => permit(data('related')(one))],
  ['what depends on a report', 'DiagnosticReport/ben-report', (one) => permit(data('dependents')(one))],
];

describe('a draft that names what is another’s', () => {
  it.each(namings)('does what it would do if that were not there: %s', async (_what, key, naming) => {
    const [type, id = ''] = key.split('/');
    const absent = `${type}/${'n'.repeat(id.length)}`;
    const about = async (reference: string) =>
      (await tried({ provision: naming(reference) })).replaceAll(reference, 'ONE');
    expect(await about(key)).toBe(await about(absent));
  });

  it('by its whole URL, or with its version', async () => {
    const base = place.config.listener.publicBaseUrl;
    const about = async (id: string) =>
      (await tried({ provision: permit(data('related')(`${base}/DiagnosticReport/${id}`)) })).replaceAll(id, 'ONE');
    expect(await about('ben-report')).toBe(await about('nnn-report'));
  });

  it('does what it will do where somebody asks who may know all', async () => {
    const changes = async (key: string) =>
      JSON.parse(await tried({ as: 'front-desk', provision: permit(data('related')(key)) })).hasChanges;
    const released = async (key: string) => {
      const { requesters } = JSON.parse(await tried({ as: 'front-desk', provision: permit(data('related')(key)) }));
      return requesters.map(({ releasedAfter }: { releasedAfter: number }) => releasedAfter);
    };
    expect(await released('DiagnosticReport/ben-report')).not.toEqual(await released('DiagnosticReport/nobodys'));
    expect(await changes('DiagnosticReport/ben-report')).toBe(true);
  });

  it('does what it will do where what it names is her own', async () => {
    const released = async (reference: string) => {
      const { requesters } = JSON.parse(await tried({ provision: permit(data('instance')(reference)) }));
      return requesters[0].lost.map(({ resource }: { resource: string }) => resource);
    };
    expect(await released('Observation/ada-a1c')).toContain('Observation/ada-a1c');
  });
});

describe('a requester whom she describes as somebody whom she cannot read', () => {
  const deniedBy = (value: string) =>
    permit({ actor: [{ role: recipient, reference: { identifier: { system: mrn, value } } }] });
  const asks = async (user: string, provision: object): Promise<string> => {
    const requester = { roles: ['clinician'], user, purposes: ['TREAT'] };
    const consents = [draftOf(provision)];
    const { status, text } = await place.ask('/patients/ada/simulate', {
      as: 'ada',
      body: { requesters: { one: requester }, consents },
    });
    expect(status).toBe(200);
    return text.replaceAll(user, 'ONE');
  };

  it.each([
    ['a patient, by her number', 'Patient/fay', deniedBy('FAY-1')],
    ['a relative, by his number', 'RelatedPerson/fays-son', deniedBy('SON-1')],
    ['a person, by whom she is', 'Person/fays-person', permit(actor('Patient/fay'))],
  ])('is to the simulation nobody who is there: %s', async (_what, user, provision) => {
    const [type, id = ''] = user.split('/');
    expect(await asks(user, provision)).toBe(await asks(`${type}/${'n'.repeat(id.length)}`, provision));
  });

  it('is to the explanation nobody who is there, by a Consent that is on file', async () => {
    const { repo } = place.relay.origin;
    const id = 'ada-denies-fay';
    repo.put(JSON.stringify({ ...draftOf(permit(actor('Patient/fay'))), id, status: 'active' }));
    const explained = async (user: string): Promise<unknown> => {
      const { status, text } = await place.ask('/patients/ada/explain', {
        as: 'ada',
        body: { requester: { roles: ['clinician'], user, purposes: ['TREAT'] } },
      });
      expect(status).toBe(200);
      return JSON.parse(text.replaceAll(user, 'ONE')).resources;
    };
    expect(await explained('Person/fays-person')).toEqual(await explained('Person/nnnn-nnnnnn'));
    repo.delete('Consent', id);
  });
});
