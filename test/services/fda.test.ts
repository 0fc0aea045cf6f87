import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type KeyServer, startKeyServer } from '../authenticate/place.ts';
import { claimsOf, es256, jws, type Pair, pairFor, publicJwk } from '../authenticate/sign.ts';
import { detailsOf, type Place, patientsOf, type Received, startGateway } from './place.ts';

/** A notice of the Food and Drug Administration (42 CFR 2.51(b)), over HTTP: whom it opens, and what the record says of it. */

const order = (patient: string) => ({
  resourceType: 'MedicationRequest',
  id: `${patient}-methadone`,
  status: 'active',
  intent: 'order',
  medicationCodeableConcept: { text: 'tablets' },
  subject: { reference: `Patient/${patient}` },
  requester: { reference: 'Organization/lakeside-recovery' },
});
const dayFrom = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);

describe('a notice of the FDA about patients whom it lists', () => {
  let place: Place;
  let issuer: KeyServer;
  let pair: Pair;
  beforeAll(async () => {
    pair = await pairFor('ES256');
    issuer = await startKeyServer([await publicJwk(pair, { kid: 'ec', alg: 'ES256' })]);
    place = await startGateway({
      resources: [order('ada'), order('ben')],
      services: { grants: { 'record-accounting': ['clinician'] } },
      changes: {
        identity: { issuers: [{ issuer: issuer.url, allowInsecureHttp: true, roles: { clinician: 'clinician' } }] },
        answers: { negativeGridMs: 0 },
        part2: {
          agreements: [
            {
              id: 'fda-recall',
              kind: 'fda',
              programs: ['Organization/lakeside-recovery'],
              recipients: ['Organization/fda'],
              purposes: ['PUBHLTH'],
              types: ['MedicationRequest', 'Patient'],
              patients: ['Patient/ada'],
              notice: {
                reference: 'Notice 26-117',
                product: 'tablets of one lot',
                error: 'manufacture',
                healthThreatened: true,
                toNotifyAlone: true,
                disclosedBy: 'Health information desk',
              },
              from: dayFrom(-1),
              until: dayFrom(1),
            },
          ],
        },
      },
    });
  }, 60_000);
  afterAll(() => Promise.all([place.close(), issuer.close()]));

  function ask(path: string, change: object = {}): Promise<Received> {
    const claims = {
      ...claimsOf(issuer.url, place.config.listener.publicBaseUrl),
      name: 'Dr Ann Lee',
      fhirUser: 'Practitioner/lee-of-the-fda',
      organization: 'Organization/fda',
      purpose_of_use: ['PUBHLTH'],
      ...change,
    };
    const token = jws({ alg: 'ES256', kid: 'ec', typ: 'at+jwt' }, claims, es256(pair));
    return place.ask(path.startsWith('/record') ? path : `${place.fhirUrl}/${path}`, { token });
  }
  const found = async (path: string): Promise<readonly string[]> => {
    const { entry = [] } = JSON.parse((await ask(path)).text) as { entry?: { fullUrl?: string }[] };
    return entry.flatMap(({ fullUrl }) => fullUrl?.split('/').slice(-2).join('/') ?? []).sort();
  };

  it('opens the records of the patients that it lists, and tells of no other patient', async () => {
    expect(await found('MedicationRequest?_id=ada-methadone,ben-methadone')).toEqual([
      'MedicationRequest/ada-methadone',
    ]);
    expect(await found('Patient')).toEqual(['Patient/ada']);
    for (const path of ['MedicationRequest/ben-methadone', 'Patient/ben'])
      expect([path, (await ask(path)).text]).toEqual([path, (await ask(path.replace('ben', 'never-was'))).text]);
    const { status, text } = await ask('MedicationRequest/ada-methadone');
    expect(status).toBe(200);
    expect(text).toContain('to notify patients or their physicians of potential dangers, and for nothing else.');
    expect(text).toContain('Patient/ada'); // that there is somebody follows from it
  });

  it('opens them to nobody else, and for nothing else', async () => {
    for (const change of [{ organization: 'Organization/mercy-hospital' }, { purpose_of_use: ['HRESCH'] }])
      expect((await ask('MedicationRequest/ada-methadone', change)).status).toBe(404);
  });

  it('records the notice, the nature of the error, who discloses and who received it', async () => {
    for (const path of ['MedicationRequest/ada-methadone', 'Patient/ada']) {
      const { result, events } = await place.eventsOf(() => ask(path));
      expect(result.status).toBe(200);
      // The answer itself, and the row of an accounting: public health is accounted for.
      expect(events.map(({ event }) => event.type.code)).toEqual(expect.arrayContaining(['rest', '110106']));
      for (const one of events) {
        expect(patientsOf(one)).toContain('Patient/ada');
        expect(detailsOf(one)).toEqual(
          expect.arrayContaining([
            'fda-notice=Notice 26-117',
            'nature-of-error=manufacture: tablets of one lot',
            'disclosed-by=Health information desk',
          ]),
        );
        expect(detailsOf(one).some((detail) => detail.includes('fda-recall'))).toBe(true);
        expect(JSON.stringify(one.event.agent)).toContain('Dr Ann Lee');
        if (one.event.type.code === 'rest') expect(JSON.stringify(one.event.agent)).toContain('Organization/fda');
      }
    }
  });

  it('records no notice where it opened nothing', async () => {
    const { events } = await place.eventsOf(() => ask('MedicationRequest/ben-methadone'));
    expect(events.length).toBeGreaterThan(0);
    expect(JSON.stringify(events)).not.toContain('Notice 26-117');
  });

  it('is named in the account that the patient may ask for', async () => {
    await ask('MedicationRequest/ada-methadone');
    const { status, text } = await ask('/record/patients/ada/accounting?law=hipaa&format=json');
    expect(status).toBe(200);
    expect(text).toContain('FDA notice Notice 26-117');
  });
});
