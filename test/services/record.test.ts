import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { appClientId } from '../../examples/demo/requesters.ts';
import { runMain } from '../failure/bench.ts';
import { detailsOf, type Place, patientsOf, startGateway } from './place.ts';

interface Review {
  readonly requesters: { readonly name: string; readonly isDormant: boolean; readonly denied: number }[];
  readonly roles: unknown[];
}

describe('the record, asked over HTTP', () => {
  let place: Place;

  beforeAll(async () => {
    place = await startGateway({
      services: {
        grants: {
          'record-accounting': ['counselor'],
          'record-received': ['counselor'],
          'record-seen': ['front-desk'],
          'record-review': ['billing'],
        },
      },
    });
    for (const as of ['dr-grey', 'ada']) {
      const found = await place.ask(`${place.fhirUrl}/Observation/ada-a1c`, { as });
      expect(found.status).toBe(200);
    }
    expect((await place.ask(`${place.fhirUrl}/Condition/ada-oud`, { as: 'dr-grey' })).status).toBe(404);
  }, 60_000);
  afterAll(() => place.close());

  it('lets a patient see who has seen her record, without any role', async () => {
    const { result, events } = await place.eventsOf(() => place.ask('/record/patients/ada/seen', { as: 'ada' }));
    expect(result.status).toBe(200);
    const seen = JSON.parse(result.text) as { who: string; byHerself: boolean; what: string[] }[];
    expect(seen.map(({ byHerself, what }) => [byHerself, what])).toEqual([
      [true, ['Observation']],
      [false, ['Observation']],
    ]);
    expect(result.text).not.toContain('ada-oud'); // what was withheld from others is no concern of this view
    expect(patientsOf(events[0] as (typeof events)[number])).toEqual(['Patient/ada']);
    expect(detailsOf(events[0] as (typeof events)[number])).toContain('asked=seen');
  });

  it("shows nobody another's", async () => {
    for (const as of ['ada', 'dr-grey']) {
      expect((await place.ask('/record/patients/ben/seen', { as })).status).toBe(403);
    }
  });

  it('accounts to whom it is granted, as JSON, text, HTML and FHIR, and records that it did', async () => {
    const types = { json: 'application/json', text: 'text/plain', html: 'text/html', fhir: 'application/fhir+json' };
    for (const [format, type] of Object.entries(types)) {
      const { result, events } = await place.eventsOf(() =>
        place.ask(`/record/patients/ada/accounting?format=${format}`, { as: 'sam-nwosu' }),
      );
      expect([result.status, result.headers.get('content-type')]).toEqual([200, `${type}; charset=utf-8`]);
      const told = events.find((one) => detailsOf(one).includes('asked=accounting'));
      expect(told && patientsOf(told)).toEqual(['Patient/ada']);
    }
    expect((await place.ask('/record/patients/ada/accounting', { as: 'dr-grey' })).status).toBe(403);
    expect((await place.ask('/record/patients/ada/accounting', { as: 'ada' })).status).toBe(403);
  });

  it('says what a client received, to whom that is granted', async () => {
    const answer = await place.ask(`/record/clients/${encodeURIComponent(appClientId)}/received`, {
      as: 'sam-nwosu',
    });
    expect(JSON.parse(answer.text)).toMatchObject({ patients: [{ patient: 'Patient/ada' }] });
  });

  it('reviews who has access and who used it, for whom that is granted alone, and records that it did', async () => {
    for (const as of ['sam-nwosu', 'dr-grey', 'ada']) {
      expect((await place.ask('/record/access-review', { as })).status).toBe(403);
    }
    const { result, events } = await place.eventsOf(() => place.ask('/record/access-review', { as: 'biller' }));
    const { requesters, roles } = JSON.parse(result.text) as Review;
    const grey = requesters.find(({ name }) => name === 'Avery Grey');
    expect(grey?.isDormant).toBe(false);
    expect(grey?.denied).toBeGreaterThan(0);
    expect(roles.length).toBeGreaterThan(0);
    expect(detailsOf(events[0] as (typeof events)[number])).toContain('asked=review');
  });

  it('says who is dormant: not seen for the days that are asked for', async () => {
    const later = new Date(Date.now() + 10 * 86_400_000).toISOString();
    const dormant = async (days: number): Promise<boolean[]> => {
      const { text } = await place.ask(`/record/access-review?to=${later}&dormant-days=${days}`, { as: 'biller' });
      return (JSON.parse(text) as Review).requesters.map(({ isDormant }) => isDormant);
    };
    expect(new Set(await dormant(9))).toEqual(new Set([true]));
    expect(new Set(await dormant(11))).toEqual(new Set([false]));
  });

  it('gives the same answers as the command line, in each format', async () => {
    const { outboxFile } = place.config.audit;
    const file = join(dirname(outboxFile), 'command-line.yaml');
    const { publicBaseUrl } = place.config.listener;
    writeFileSync(
      file,
      `
listener: { publicBaseUrl: ${publicBaseUrl} }
upstream: { baseUrl: http://fhir.internal:8080/fhir }
identity: { issuers: [{ issuer: https://idp.example, presets: [plain] }] }
policy: {}
audit: { outboxFile: ${outboxFile} }
`,
    );
    const period = { from: '2026-01-01', to: new Date().toISOString() };
    const questions: readonly [verb: string, as: string, path: string, ...args: string[]][] = [
      ['accounting', 'sam-nwosu', '/record/patients/ada/accounting', '--patient', 'ada'],
      ['seen', 'front-desk', '/record/patients/ada/seen', '--patient', 'ada'],
      ['received', 'sam-nwosu', `/record/clients/${encodeURIComponent(appClientId)}/received`, '--client', appClientId],
      ['review', 'biller', '/record/access-review'],
    ];
    for (const [verb, as, path, ...args] of questions) {
      for (const format of ['json', 'text', 'html']) {
        const query = new URLSearchParams({ ...period, format });
        const answer = await place.ask(`${path}?${query}`, { as });
        const times = ['--from', period.from, '--to', period.to, '--format', format];
        const line = runMain(['audit', verb, '--config', file, ...args, ...times]);
        expect({ verb, code: (await line.ended).code, stderr: line.stderr() }).toEqual({ verb, code: 0, stderr: '' });
        expect(answer.status).toBe(200);
        expect(line.stdout()).toBe(answer.text);
        if (verb !== 'accounting') expect(answer.text).toMatch(/Grey/);
      }
    }
  }, 120_000);

  it('keeps what nobody was granted to those with the unrestricted grant', async () => {
    const other = await startGateway({ services: {} });
    expect((await other.ask('/record/access-review', { as: 'sam-nwosu' })).status).toBe(403);
    expect((await other.ask('/record/access-review', { as: 'steward' })).status).toBe(200);
    await other.close();
  });

  it.each([
    'law=none',
    'format=xml',
    'from=yesterday',
    'from=2026-01-01&from=2026-01-02',
    'unknown=1',
    'dormant-days=1',
  ])('takes no %s', async (query) => {
    const answer = await place.ask(`/record/patients/ada/accounting?${query}`, { as: 'sam-nwosu' });
    expect(answer.status).toBe(400);
  });
});
