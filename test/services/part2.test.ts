import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { statements } from '../../src/enforce/notice.ts';
import { systems } from '../../src/fhir/vocabulary.ts';
import { detailsOf, type Place, startGateway } from './place.ts';

/** What 42 CFR Part 2 asks for beside the decision, over HTTP: what travels with a record, and the accounts of what left. */

const screen = 'Observation/ada-drug-screen';
const codesIn = (text: string): string[] =>
  (JSON.parse(text) as { meta: { security: { system: string; code: string }[] } }).meta.security
    .filter(({ system }) => system === systems.actCode)
    .map(({ code }) => code);

describe('accounts of what left with consent', () => {
  let place: Place;
  beforeAll(async () => {
    place = await startGateway({ services: { grants: { 'record-accounting': ['counselor'] } } });
    for (const as of ['harbor', 'harbor', 'ada'])
      expect([as, (await place.ask(`${place.fhirUrl}/${screen}`, { as })).status]).toEqual([as, 200]);
    expect((await place.ask(`${place.fhirUrl}/Observation/ada-a1c`, { as: 'dr-grey' })).status).toBe(200);
    expect((await place.ask(`${place.fhirUrl}/${screen}`, { as: 'summit' })).status).toBe(404);
  }, 60_000);
  afterAll(() => place.close());

  it.each(['part2', 'intermediary'])(
    '%s: each recipient, when, what for and by which consent, and nobody else',
    async (law) => {
      const path = `/record/patients/ada/accounting?law=${law}&format=`;
      const { status, text } = await place.ask(`${path}json`, { as: 'sam-nwosu' });
      expect(status).toBe(200);
      const rows = JSON.parse(text) as { recipient: { name: string }; first: string | number }[];
      expect(rows).toEqual([
        expect.objectContaining({
          count: 2,
          purposes: ['TREAT'],
          what: ['Observation'],
          basis: expect.arrayContaining([expect.stringMatching(/^Consent\/ada-consent-part2\b/)]),
        }),
      ]);
      expect(JSON.stringify(rows[0]?.recipient)).toContain('Harbor Example Clinic');
      expect(Number.isNaN(new Date(rows[0]?.first ?? '').getTime())).toBe(false);
      expect((await place.ask(`${path}text`, { as: 'sam-nwosu' })).text).toContain('Harbor Example Clinic');
    },
  );

  it('are nobody’s who is not granted them', async () => {
    for (const as of ['harbor', 'dr-grey', 'ada'])
      expect((await place.ask('/record/patients/ada/accounting?law=part2', { as })).status).toBe(403);
  });
});

const observation = (id: string, ...codes: string[]) => ({
  resourceType: 'Observation',
  id,
  meta: { security: codes.map((code) => ({ system: systems.actCode, code })) },
  status: 'final',
  code: { text: 'x' },
  subject: { reference: 'Patient/ada' },
});

describe('what the law says of labels that a record bears', () => {
  let place: Place;
  beforeAll(async () => {
    place = await startGateway({
      resources: [observation('labelled', '42CFRPart2'), observation('to-be-de-identified', '42CFRPart2', 'DEID')],
      changes: { answers: { negativeGridMs: 0 } },
    });
  }, 60_000);
  afterAll(() => place.close());
  const read = (path: string, as: string) => place.ask(`${place.fhirUrl}/${path}`, { as });

  describe('42CFRPart2', () => {
    it('stays on what the patient herself receives', async () => {
      for (const as of ['ada', 'harbor'])
        expect([as, codesIn((await read('Observation/labelled', as)).text)]).toEqual([
          as,
          expect.arrayContaining(['42CFRPart2']),
        ]);
    });
  });

  describe('DEID', () => {
    it('withholds it, and says why to the security office alone', async () => {
      const { result, events } = await place.eventsOf(() => read('Observation/to-be-de-identified', 'harbor'));
      expect(result.status).toBe(404);
      expect(result.text).toBe((await read('Observation/never-was', 'harbor')).text);
      const telling = events.filter((one) => detailsOf(one).includes('reason=handling-not-met, step 5, DEID'));
      expect(telling.map(({ streams }) => streams)).toEqual([['securityOffice']]);
      expect(JSON.stringify(telling)).toContain('Observation/to-be-de-identified');
      const found = await read('Observation?patient=ada', 'harbor');
      expect(found.text).toContain('Observation/labelled');
      expect(found.text).not.toContain('to-be-de-identified');
    });
  });
});

describe('what travels with a record', () => {
  let usual: Place;
  let covered: Place;
  beforeAll(async () => {
    usual = await startGateway();
    covered = await startGateway({
      changes: { part2: { coveredEntities: ['Organization/harbor-clinic'], statement: 'full' } },
    });
  }, 60_000);
  afterAll(() => Promise.all([usual.close(), covered.close()]));

  it('forbids to disclose it further, but where the recipient is a covered entity', async () => {
    const [plain, hipaa] = await Promise.all(
      [usual, covered].map((one) => one.ask(`${one.fhirUrl}/${screen}`, { as: 'harbor' })),
    );
    expect(codesIn(plain?.text ?? '')).toEqual(
      expect.arrayContaining(['42CFRPart2', 'NORDSCLCD', 'RedisclosureProhibitionMark']),
    );
    expect(codesIn(hipaa?.text ?? '')).toEqual(expect.arrayContaining(['42CFRPart2', 'RedisclosureProhibitionMark']));
    expect(codesIn(hipaa?.text ?? '')).not.toContain('NORDSCLCD');
  });

  it('is one of the two statements of 42 CFR 2.32(a), with the scope of the consent', async () => {
    for (const [one, kind] of [
      [usual, 'short'],
      [covered, 'full'],
    ] as const)
      for (const path of [screen, 'Observation?patient=ada']) {
        const { text } = await one.ask(`${one.fhirUrl}/${path}`, { as: 'harbor' });
        expect(text).toContain(statements[kind]);
        expect(text).toContain('Scope: records under 42 CFR part 2, to this recipient, for treatment (TREAT)');
      }
  });
});

describe('what goes further by contract (2.33(b)(3))', () => {
  const consentTo = (organization: string) => ({
    resourceType: 'Consent',
    id: 'ivy-for-payment',
    status: 'active',
    scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }] },
    category: [{ coding: [{ system: systems.actCode, code: '42CFRPart2CD' }] }],
    patient: { reference: 'Patient/ivy' },
    dateTime: '2026-01-02',
    organization: [{ reference: 'Organization/lakeside-recovery' }],
    sourceAttachment: { title: 'Signed form' },
    policyRule: { coding: [{ system: systems.actCode, code: '42CFRPart2' }] },
    provision: {
      type: 'permit',
      actor: [
        {
          role: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType', code: 'IRCP' }] },
          reference: { reference: organization },
        },
      ],
      purpose: [{ system: systems.actReason, code: 'HPAYMT' }],
      securityLabel: [{ system: systems.actCode, code: '42CFRPart2' }],
    },
  });
  const claim = {
    resourceType: 'Claim',
    id: 'ivy-stay',
    meta: { security: [{ system: systems.actCode, code: '42CFRPart2' }] },
    status: 'active',
    type: { text: 'institutional' },
    use: 'claim',
    patient: { reference: 'Patient/ivy' },
    created: '2026-02-01',
    provider: { reference: 'Organization/lakeside-recovery' },
    priority: { text: 'normal' },
    insurance: [{ sequence: 1, focal: true, coverage: { display: 'x' } }],
  };
  const resources = [{ resourceType: 'Patient', id: 'ivy' }, claim, consentTo('Organization/mercy-hospital')];
  let usual: Place;
  let holder: Place;
  beforeAll(async () => {
    usual = await startGateway({ resources });
    holder = await startGateway({
      resources,
      changes: { part2: { lawfulHolders: ['Organization/mercy-hospital'] } },
    });
  }, 60_000);
  afterAll(() => Promise.all([usual.close(), holder.close()]));

  it('says to a lawful holder with contracts, and to nobody else, that its contractors may have it', async () => {
    const [plain, contracts] = await Promise.all(
      [usual, holder].map((one) => one.ask(`${one.fhirUrl}/Claim/ivy-stay`, { as: 'biller' })),
    );
    expect([plain?.status, contracts?.status]).toEqual([200, 200]);
    const word = 'may be disclosed further to contractors, subcontractors and legal representatives';
    expect(contracts?.text).toContain(word);
    expect(plain?.text).not.toContain(word);
    for (const one of [plain, contracts])
      expect(codesIn(one?.text ?? '')).toEqual(expect.arrayContaining(['42CFRPart2', 'NORDSCLCD']));
  });
});
