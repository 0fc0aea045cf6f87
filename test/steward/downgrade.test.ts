import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { requesters } from '../../examples/demo/requesters.ts';
import { scan } from '../../src/document/tape.ts';
import { Proposals } from '../../src/steward/proposals.ts';
import { withoutLabel } from '../../src/steward/removals.ts';
import { detailsOf, type Place, patientsOf, startGateway } from '../services/place.ts';

const actCode = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';
const part2 = { system: actCode, code: '42CFRPart2' };
const restricted = { system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'R' };
const reason = 'filed under the wrong clinic, see ticket 4711';
const limits = { maximumDepth: 64, maximumMembers: 1_000, maximumNodes: 100_000, maximumStringBytes: 1_000_000 };

/** A weight that somebody labelled by mistake, and a note whose code shows what it is, whoever labelled it. */
const wrong = {
  resourceType: 'Observation',
  id: 'labelled-wrongly',
  meta: { security: [restricted, part2] },
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '29463-7' }] },
  subject: { reference: 'Patient/ada' },
  valueQuantity: { value: 71.0, unit: 'kg' },
};

describe('a label that a resource bears wrongly', () => {
  const folder = mkdtempSync(join(tmpdir(), 'downgrade-'));
  let place: Place;
  beforeAll(async () => {
    const steward = requesters.find(({ id }) => id === 'steward') as (typeof requesters)[number];
    (requesters as (typeof steward)[]).push({ ...steward, id: 'second-steward' });
    const writeAuthorizationFile = join(folder, 'writer');
    writeFileSync(writeAuthorizationFile, 'Bearer may-write\n');
    place = await startGateway({
      changes: { labels: { writeAuthorizationFile }, answers: { negativeGridMs: 0 } },
    });
    place.relay.origin.repo.put(JSON.stringify(wrong).replace('71,', '71.0,'));
  });
  afterAll(async () => {
    await place.close();
    rmSync(folder, { recursive: true });
  });

  const propose = (label: object, as = 'steward', why = reason, resource = 'Observation/labelled-wrongly') =>
    place.ask('/labels/downgrades', { as, body: { resource, label, reason: why } });
  const confirm = (proposal: string, as: string) => place.ask('/labels/downgrades/confirm', { as, body: { proposal } });
  const proposalIn = (text: string): string => (JSON.parse(text) as { proposal: string }).proposal;
  const codeIn = (text: string): string =>
    (JSON.parse(text) as { issue: { details: { coding: { code: string }[] } }[] }).issue[0]?.details.coding[0]?.code ??
    '';
  const stored = (): string => place.relay.origin.repo.current('Observation', 'labelled-wrongly')?.text ?? '';
  const storedCodes = (): readonly string[] =>
    ((JSON.parse(stored()) as { meta: { security?: { code: string }[] } }).meta.security ?? []).map(({ code }) => code);
  const seen = async (): Promise<number> => {
    const token = await place.identity.tokenFor('dr-grey');
    const { status } = await place.ask(`${place.fhirUrl}/Observation/labelled-wrongly`, { token });
    return status;
  };

  it('is taken away by nobody alone, by no third party, and with no reason never', async () => {
    const { status, text } = await propose(part2);
    expect(status).toBe(200);
    const own = await confirm(proposalIn(text), 'steward');
    expect([own.status, codeIn(own.text)]).toEqual([403, 'downgrade-needs-another']);
    for (const as of ['dr-grey', 'sam-nwosu', 'harbor', 'ada']) {
      expect((await confirm(proposalIn(text), as)).status).toBe(403);
      expect((await propose(part2, as)).status).toBe(403);
    }
    for (const why of ['', 'wrong', 'line\nbreak of eight'])
      expect((await propose(part2, 'steward', why)).status).toBe(400);
    expect(storedCodes()).toEqual(['R', '42CFRPart2']);
  });

  it('cannot be taken away by what somebody made up or changed', async () => {
    const sealed = proposalIn((await propose(part2)).text);
    const parts = sealed.split('.');
    const changed = [
      'made-up',
      sealed.slice(0, -2),
      [...parts.slice(0, 3), `${parts[3]?.slice(0, -3)}AAA`, parts[4]].join('.'),
      [Buffer.from('{"alg":"none"}').toString('base64url'), ...parts.slice(1)].join('.'),
    ];
    for (const one of changed) expect((await confirm(one, 'second-steward')).status).toBe(400);
    expect(storedCodes()).toEqual(['R', '42CFRPart2']);
  });

  it('is taken away by two, recorded for both, and counts from the next request on', async () => {
    expect(await seen()).toBe(404);
    const before = JSON.parse(stored()) as object;
    const { result: proposed, events: first } = await place.eventsOf(() => propose(part2));
    expect(JSON.parse(proposed.text)).toMatchObject({ left: { confidentiality: 'R', topics: [] } });
    expect(storedCodes()).toEqual(['R', '42CFRPart2']);
    const { result: confirmed, events: second } = await place.eventsOf(() =>
      confirm(proposalIn(proposed.text), 'second-steward'),
    );
    expect(confirmed.status).toBe(200);
    expect(storedCodes()).toEqual(['R']);
    const steps = [first, second].map((events) => events.flatMap((event) => detailsOf(event)));
    for (const [index, step] of ['proposed', 'confirmed'].entries())
      expect(steps[index]).toEqual(
        expect.arrayContaining([
          `step=${step}`,
          `label=${actCode}|42CFRPart2`,
          `reason=${reason}`,
          expect.stringMatching(/^proposed-by=http.*\|steward$/),
          expect.stringMatching(/^resource=Observation\/labelled-wrongly\/_history\/\d+$/),
        ]),
      );
    expect([first, second].map((events) => events.flatMap((event) => patientsOf(event)))).toEqual([
      expect.arrayContaining(['Patient/ada']),
      expect.arrayContaining(['Patient/ada']),
    ]);
    // Nothing but the label has changed, to the last digit.
    expect({ ...(JSON.parse(stored()) as object), meta: 0 }).toEqual({ ...before, meta: 0 });
    expect(stored()).toContain('"value":71.0');
    expect(await seen()).toBe(404); // R still stands
    // The same proposal again does nothing: it was of the version before.
    const again = await confirm(proposalIn(proposed.text), 'second-steward');
    expect([again.status, codeIn(again.text)]).toEqual([409, 'downgrade-not-possible']);
    const level = await propose(restricted);
    expect((await confirm(proposalIn(level.text), 'second-steward')).status).toBe(200);
    expect(stored()).not.toContain('"security"');
    expect(await seen()).toBe(200);
  });

  it('stays where it is not borne, or the resource is not there', async () => {
    expect((await propose({ system: actCode, code: 'HIV' })).status).toBe(409);
    expect((await propose(part2, 'steward', reason, 'Observation/nobody')).status).toBe(404);
    expect((await propose(part2, 'steward', reason, 'Nonsense/x')).status).toBe(400);
  });

  it('says what its codes go on to show', async () => {
    const { text } = await propose(part2, 'steward', reason, 'Observation/ada-hiv-test');
    expect(codeIn(text)).toBe('downgrade-not-possible'); // it bears none of its own
  });
});

describe('no label is ever lowered but by two', () => {
  const secret = new Uint8Array(32).fill(7);
  const lifetimeMs = 1_000;

  it('whatever is proposed, changed, kept too long or sealed elsewhere', async () => {
    const made = {
      key: 'Observation/1',
      version: '3',
      system: actCode,
      code: 'PSY',
      reason,
      issuer: 'https://issuer.example',
      subject: 'a',
    };
    const { sealed } = await new Proposals(secret, lifetimeMs).seal(made, 0);
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          key: fc.constantFrom(secret, new Uint8Array(32).fill(8)),
          at: fc.integer({ min: -2_000, max: 5_000 }),
          place: fc.integer({ min: 0, max: sealed.length - 1 }),
          letter: fc.constantFrom(...'ABCxyz019-_.'),
        }),
        async ({ key, at, place, letter }) => {
          const text = sealed.slice(0, place) + letter + sealed.slice(place + 1);
          const opened = await new Proposals(key, lifetimeMs).open(text, at);
          if (opened === undefined) return;
          expect([opened, key, at < lifetimeMs + 1_000]).toEqual([made, secret, true]);
        },
      ),
      { numRuns: 500 },
    );
    expect(await new Proposals(secret, lifetimeMs).open(sealed, 500)).toEqual(made);
    expect(await new Proposals(secret, lifetimeMs).open(sealed, 1_500)).toBeUndefined();
  });

  it('and then nothing but that one label goes', () => {
    const label = fc.record({
      system: fc.constantFrom(actCode, 'http://hl7.org/fhir/v3/ActCode'),
      code: fc.constantFrom('PSY', 'HIV', 'ETH'),
    });
    const isIt = (one: { system: string; code: string }, other: { system: string; code: string }): boolean =>
      one.system === other.system && one.code === other.code;
    fc.assert(
      fc.property(fc.array(label, { maxLength: 6 }), label, fc.boolean(), (security, gone, spaced) => {
        const resource = {
          resourceType: 'Observation',
          id: 'o',
          meta: { versionId: '1', security },
          value: [1, { a: 'b' }],
        };
        const text = JSON.stringify(resource, undefined, spaced ? 2 : 0);
        const tape = scan(Buffer.from(text), limits);
        const left = withoutLabel({ tape, node: 0 }, gone);
        if (!security.some((one) => isIt(one, gone))) return expect(left).toBeUndefined();
        const others = security.filter((one) => !isIt(one, gone));
        expect(JSON.parse(left ?? '')).toEqual({
          ...resource,
          meta: { versionId: '1', ...(others.length === 0 ? {} : { security: others }) },
        });
      }),
    );
  });
});
