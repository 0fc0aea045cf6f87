import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Place, startGateway } from '../services/place.ts';
import { onePage, shown } from '../support/pdfs.ts';

/** Where texts are read, the PDF files in a resource are read before it is decided on, by whatever way it comes. */

const fixture = (name: string): string =>
  readFileSync(join(import.meta.dirname, '../../fixtures/files', `${name}.pdf`)).toString('base64');
const document = (id: string, ...attachments: readonly object[]) => ({
  resourceType: 'DocumentReference',
  id,
  status: 'current',
  type: { coding: [{ system: 'http://loinc.org', code: '34133-9' }] },
  subject: { reference: 'Patient/ada' },
  content: attachments.map((attachment) => ({ attachment })),
});
const pdf = (name: string) => ({ contentType: 'application/pdf', data: fixture(name) });
const nested = (data: string) =>
  Buffer.from(JSON.stringify({ contentType: 'application/pdf', data })).toString('base64');
const markup = (name: string) =>
  Buffer.from(`<text mediaType="application/pdf" representation="B64">${fixture(name)}</text>`).toString('base64');

const telling = {
  'pdf-tells': document('pdf-tells', pdf('compressed')),
  'pdf-second': document('pdf-second', pdf('ordinary'), pdf('form')),
  'pdf-misnamed': document('pdf-misnamed', { contentType: 'application/octet-stream', data: fixture('plain') }),
  'pdf-as-text': document('pdf-as-text', { contentType: 'text/plain', data: fixture('compressed') }),
  'pdf-in-link': document('pdf-in-link', { url: `data:application/pdf;base64,${fixture('compressed')}` }),
};
const unread = {
  'pdf-locked': document('pdf-locked', pdf('locked')),
  'pdf-scan': document('pdf-scan', pdf('scan')),
  'pdf-nested': document('pdf-nested', { contentType: 'application/json', data: nested(fixture('compressed')) }),
  'pdf-in-markup': document('pdf-in-markup', { contentType: 'text/xml', data: markup('compressed') }),
  'pdf-large': document('pdf-large', {
    contentType: 'application/pdf',
    data: onePage({ content: shown('x'.repeat(20_000)) }).toString('base64'),
  }),
};
const ordinary = { 'pdf-ordinary': document('pdf-ordinary', pdf('ordinary')) };
const ids = [telling, unread, ordinary].flatMap((group) => Object.keys(group));

const start = (labels: object): Promise<Place> =>
  startGateway({
    changes: { labels: { programs: ['Organization/lakeside-recovery'], maximumAttachmentBytes: 10_000, ...labels } },
    resources: Object.values({ ...telling, ...unread, ...ordinary }),
  });

async function seen(place: Place): Promise<readonly string[]> {
  const found = await place.ask(`${place.fhirUrl}/DocumentReference?patient=ada&_count=50`, { as: 'dr-grey' });
  expect(found.status).toBe(200);
  const { entry = [] } = JSON.parse(found.text) as { entry?: { resource: { id: string } }[] };
  return entry.map(({ resource }) => resource.id).filter((id) => ids.includes(id));
}

describe('PDF files over HTTP', () => {
  let off: Place;
  let on: Place;
  let strict: Place;
  beforeAll(async () => {
    off = await start({});
    on = await start({ readText: true });
    strict = await start({ readText: true, unreadAttachments: ['SUD'] });
  }, 120_000);
  afterAll(() => Promise.all([off.close(), on.close(), strict.close()]));

  it('are not read unless the deployment asks for it', async () => {
    expect([...(await seen(off))].sort()).toEqual([...ids].sort());
  });

  it('that tell of a topic are withheld in every way; those that cannot be read are not, unless they are to be', async () => {
    expect([...(await seen(on))].sort()).toEqual([...Object.keys(ordinary), ...Object.keys(unread)].sort());
    expect(await seen(strict)).toEqual(Object.keys(ordinary));
  });

  it.each(Object.keys(telling))('%s is as absent as what never was, by read, version and history', async (id) => {
    for (const path of ['', '/_history', '/_history/1']) {
      const [hidden, never] = await Promise.all(
        [id, 'never-was'].map((one) => on.ask(`${on.fhirUrl}/DocumentReference/${one}${path}`, { as: 'dr-grey' })),
      );
      expect([path, hidden?.status, hidden?.text]).toEqual([path, 404, never?.text]);
    }
  });

  it.each(Object.keys(unread))('%s is withheld where what is unread bears a topic', async (id) => {
    expect((await on.ask(`${on.fhirUrl}/DocumentReference/${id}`, { as: 'dr-grey' })).status).toBe(200);
    expect((await strict.ask(`${strict.fhirUrl}/DocumentReference/${id}`, { as: 'dr-grey' })).status).toBe(404);
  });

  it('leave as they are stored', async () => {
    const { text } = await on.ask(`${on.fhirUrl}/DocumentReference/pdf-ordinary`, { as: 'dr-grey' });
    expect(text).toContain(fixture('ordinary'));
  });
});
