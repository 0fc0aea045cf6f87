import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from '@jest/globals';
import { bound, masksOf, samples } from '../support/redacted.ts';
import { validateEvents } from './hapi.ts';

const folder = mkdtempSync(join(tmpdir(), 'masked-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Views of one resource that are validated: those of elements far from each other. */
const viewsOfEach = 12;

/** Without what is not R4's: profiles of other guides, whose definitions are not here. */
function plain(resource: Record<string, unknown>): Record<string, unknown> {
  const { profile: _, ...meta } = (resource.meta ?? {}) as Record<string, unknown>;
  return { ...resource, meta: Object.keys(meta).length === 0 ? undefined : meta };
}

/** Complaints without file and place; of what a resource itself is blamed for, its views are too. */
const kindOf = (complaint: string): string => complaint.split(' ').slice(3).join(' ').replaceAll(/\d+/g, 'n');

it('no element that is masked or left out gives HAPI’s validator anything to complain of that it had not before', async () => {
  let made = 0;
  for (const [at, resource] of [...[...samples(2).values()].flat(), ...bound].entries()) {
    const stored = plain(resource);
    mkdirSync(join(folder, 'stored'), { recursive: true });
    mkdirSync(join(folder, 'views'), { recursive: true });
    const name = `${String(stored.resourceType)}-${at}`;
    writeFileSync(join(folder, 'stored', `${name}.json`), JSON.stringify(stored));
    const views = [...masksOf(stored)];
    const step = Math.max(1, Math.floor(views.length / viewsOfEach));
    for (const { view, masked, place } of views.filter((_, index) => index % step === 0)) {
      made++;
      writeFileSync(join(folder, 'views', `${name}.${place}.${masked ? 'masked' : 'gone'}.json`), JSON.stringify(view));
    }
  }
  const before = await validateEvents(join(folder, 'stored'));
  const after = await validateEvents(join(folder, 'views'));
  expect(after.valid + after.invalid).toBe(made);
  expect(after.valid).toBeGreaterThan(made / 2);
  const known = new Map<string, Set<string>>();
  for (const complaint of before.complaints) {
    const [file = ''] = complaint.split('.json ');
    known.set(file, (known.get(file) ?? new Set()).add(kindOf(complaint)));
  }
  const fresh = after.complaints.filter(
    (complaint) => !known.get(complaint.split('.')[0] ?? '')?.has(kindOf(complaint)),
  );
  expect(fresh.slice(0, 30)).toEqual([]);
}, 600_000);
