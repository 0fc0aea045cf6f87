import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { calendarOf } from '../../src/administer/calendar.ts';
import { type InForce, reviewOf } from '../../src/administer/in-force.ts';
import { piecesOf } from '../../src/administer/in-force-text.ts';
import { htmlOf, textOf } from '../../src/administer/layout.ts';
import type { ConsentVersion } from '../../src/administer/versions.ts';
import type { Lexicon } from '../../src/administer/words.ts';
import { Rules } from '../../src/decide/decide.ts';
import { applicable } from '../../src/decide/families.ts';
import type { DecisionSettings } from '../../src/decide/question.ts';
import type { PatientKey } from '../../src/fhir/ids.ts';
import type { Case } from '../reference/evaluate.ts';
import { cases } from '../reference/generate.ts';
import { act, consent, participation, plainCase, purpose, writtenConsent } from '../reference/plain.ts';
import { decide, parsed, policyOf } from '../reference/production.ts';
import type { R4Consent } from '../reference/r4.ts';

const lexicon: Lexicon = { calendar: calendarOf('UTC'), names: new Map() };
const patient = 'Patient/p1' as PatientKey;
const now = Date.parse('2026-06-15T12:00:00Z');
const { settings } = plainCase({});

function review(
  consents: readonly R4Consent[],
  more: Partial<DecisionSettings> = {},
  histories: ReadonlyMap<string, readonly ConsentVersion[]> = new Map(),
): InForce {
  return reviewOf(patient, { consents: parsed(consents, []), histories }, now, { ...settings, ...more }, lexicon);
}

const told = (consents: readonly R4Consent[], more?: Partial<DecisionSettings>) =>
  review(consents, more).consents.map(({ ref, counts, reason }) => [ref.split('/')[1], counts, reason]);

describe('what counts, and why the rest does not', () => {
  const root = { type: 'permit', purpose: [purpose('TREAT')] };
  const dated = (id: string, dateTime: string, more: Partial<R4Consent> = {}) =>
    consent(root, { id, dateTime, ...more });

  test('status, beginning and end', () => {
    expect(
      told([
        dated('active', '2026-01-01'),
        dated('inactive', '2026-01-02', { status: 'inactive', policy: [{ uri: 'urn:a' }] }),
        dated('rejected', '2026-01-03', { status: 'rejected', policy: [{ uri: 'urn:b' }] }),
        dated('future', '2026-07-01', { policy: [{ uri: 'urn:c' }] }),
        consent({ ...root, period: { end: '2026-06-14' } }, { id: 'ended', policy: [{ uri: 'urn:d' }] }),
        consent({ ...root, period: { start: '2026-06-16' } }, { id: 'early', policy: [{ uri: 'urn:e' }] }),
      ]),
    ).toEqual([
      ['active', true, 'in-force'],
      ['future', false, 'not-begun'],
      ['rejected', false, 'not-active'],
      ['inactive', false, 'not-active'],
      ['ended', false, 'ended'],
      ['early', false, 'not-begun'],
    ]);
  });

  test('a newer one of the same kind replaces an older one, and is named', () => {
    const found = review([dated('old', '2026-01-01'), dated('new', '2026-02-01')]).consents;
    expect(found.map(({ ref, reason, by }) => [ref, reason, by])).toEqual([
      ['Consent/new/_history/1', 'in-force', undefined],
      ['Consent/old/_history/1', 'superseded', 'Consent/new/_history/1'],
    ]);
  });

  test('a revoked newer one leaves the older one its denials', () => {
    expect(told([dated('old', '2026-01-01'), dated('new', '2026-02-01', { status: 'inactive' })])).toEqual([
      ['old', true, 'denials-only'],
      ['new', false, 'not-active'],
    ]);
  });

  test('another organization’s counts for its denials, or not at all', () => {
    const theirs = [dated('theirs', '2026-01-01', { organization: [{ reference: 'Organization/other' }] })];
    const organizations = ['Organization/ours'];
    expect(told(theirs, { organizations })).toEqual([['theirs', true, 'denials-only']]);
    expect(told(theirs, { organizations, foreignDenyBinds: false })).toEqual([['theirs', false, 'other-organization']]);
  });

  test('notices and treatment directives decide nothing; a research Consent counts for research', () => {
    const scope = (code: string) => ({
      scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code }] },
    });
    const found = review([
      consent(undefined, { id: 'notice', policyRule: { coding: [act('NOPP')] } }),
      consent(root, { id: 'directive', ...scope('adr') }),
      consent(root, { id: 'research', ...scope('research') }),
    ]).consents;
    expect(Object.fromEntries(found.map(({ ref, why }) => [ref.split('/')[1], why]))).toEqual({
      notice: 'It does not count: it records that a notice was given, and decides nothing.',
      directive: 'It does not count: it is about treatment or another matter, not about who receives data.',
      research: 'It counts, for research alone.',
    });
  });
});

describe('since when', () => {
  const at = (text: string): number => Date.parse(text);
  const versions = (...all: readonly [R4Consent, string][]): ReadonlyMap<string, readonly ConsentVersion[]> =>
    new Map([
      [
        'Consent/c1',
        all.map(([json, time]) => ({
          versionId: json.meta.versionId,
          lastUpdated: at(time),
          consent: parsed([json], []).consents[0],
        })),
      ],
    ]);
  const version = (versionId: string, type: string, status = 'active'): R4Consent =>
    consent({ type }, { status, meta: { versionId, lastUpdated: '2026-05-01T00:00:00Z' } });

  test('the present terms have stood, not the present version', () => {
    const history = versions(
      [version('4', 'permit'), '2026-05-01T00:00:00Z'],
      [version('3', 'permit'), '2026-04-01T00:00:00Z'],
      [version('2', 'permit', 'inactive'), '2026-03-01T00:00:00Z'],
      [version('1', 'permit'), '2026-02-01T00:00:00Z'],
    );
    const [one] = review([version('4', 'permit')], {}, history).consents;
    expect(one?.since).toBe(at('2026-04-01T00:00:00Z'));
    expect(one?.changes?.map(({ versionId, what }) => [versionId, what])).toEqual([
      ['4', ['Nothing that matters to who may receive what.']],
      ['3', ['Its status changed from inactive to active.']],
      ['2', ['Its status changed from active to inactive.']],
      ['1', ['Recorded.', 'Its status is active.']],
    ]);
  });

  test('what a version took away and brought is told', () => {
    const history = versions(
      [version('2', 'deny'), '2026-05-01T00:00:00Z'],
      [version('1', 'permit'), '2026-02-01T00:00:00Z'],
    );
    const [one] = review([version('2', 'deny')], {}, history).consents;
    expect(one?.since).toBe(at('2026-05-01T00:00:00Z'));
    expect(one?.changes?.[0]?.what).toEqual([
      'No longer: Allows anyone to receive records (but no psychotherapy or substance use counseling notes).',
      'New: Does not allow anyone to receive any records.',
    ]);
  });

  test('what it states itself, where that is later; what it was stored at, where there is no history', () => {
    const stated = consent({ type: 'permit', period: { start: '2026-06-01' } });
    expect(review([stated]).consents[0]?.since).toBe(at('2026-06-01T00:00:00Z'));
    expect(review([consent({ type: 'permit' })]).consents[0]?.since).toBe(at('2026-01-01T00:00:00Z'));
    expect(review([consent({ type: 'permit' }, { status: 'inactive' })]).consents[0]?.since).toBeUndefined();
  });
});

describe('Part 2', () => {
  const complete = writtenConsent({
    period: { end: '2030-12-31' },
    actor: [{ role: { coding: [participation('IRCP')] }, reference: { reference: 'Organization/clinic' } }],
    purpose: [purpose('TREAT'), purpose('HRESCH')],
    securityLabel: [act('42CFRPart2')],
  });
  const lacks = (one: R4Consent, more?: Partial<DecisionSettings>) =>
    review([one], more).consents.flatMap(({ part2 }) =>
      part2.flatMap(({ missing }) => missing.map(({ element, section }) => `${element} (${section})`)),
    );
  const without = (name: keyof NonNullable<R4Consent['provision']>): R4Consent => {
    const { [name]: _, ...provision } = complete.provision ?? {};
    return { ...complete, provision };
  };
  const { sourceReference: _source, ...unsigned } = complete;
  const { dateTime: _date, ...undated } = complete;
  const { organization: _organization, ...undisclosed } = complete;
  const { policy: _policy, ...vague } = without('securityLabel');
  const { policyRule: _rule, ...unrecognised } = complete;

  test.each([
    ['complete', complete, []],
    ['recipient', without('actor'), ['recipient (42 CFR 2.31(a)(4))']],
    ['purpose', without('purpose'), ['purpose (42 CFR 2.31(a)(5))']],
    ['end', without('period'), ['expiry (42 CFR 2.31(a)(7))']],
    ['signature', unsigned, ['signature (42 CFR 2.31(a)(8))']],
    ['date', undated, ['date (42 CFR 2.31(a)(9))']],
    ['discloser', undisclosed, ['discloser (42 CFR 2.31(a)(2))']],
    ['description', vague, ['description (42 CFR 2.31(a)(3))']],
    ['policy rule, as its label says it too', unrecognised, []],
    ['a claim to be one', consent({ type: 'permit' }), []],
  ])('a Consent that lacks nothing but its %s: that is named', (_what, one, expected) => {
    expect(lacks(one)).toEqual(expected);
  });

  test('proceedings beside another purpose are named, and verification where the deployment asks for it', () => {
    const legal = { ...complete, provision: { ...complete.provision, purpose: [purpose('TREAT'), purpose('HLEGAL')] } };
    expect(lacks(legal)).toEqual(['proceedings (42 CFR 2.31(d))']);
    expect(lacks(complete, { part2RequiresVerification: true })).toEqual(['verification (42 CFR 2.31(c))']);
    const part2 = { agreements: [], coveredEntities: [], intermediaries: [] };
    const withdrawn = { accepted: [], withdrawn: ['https://example.org/release-form'] };
    expect(lacks(complete, { part2: { ...part2, forms: withdrawn } })).toEqual([
      'form (42 CFR 2.31(a)(4)(iii), (a)(6), (a)(10), (c))',
    ]);
  });

  test('what it denies needs nothing that the law asks of what it permits', () => {
    const closed = writtenConsent({ type: 'deny' }, { id: 'closed' });
    const { sourceReference: _, ...without } = closed;
    expect(lacks(without)).toEqual([]);
  });

  test('what lacks an element permits no Part 2 data, what lacks none does', () => {
    const records = { resources: [{ labels: { topics: ['42CFRPart2'] } }], organizations: ['Organization/clinic'] };
    for (const [one, outcome] of [
      [complete, 'release'],
      [unsigned, 'withhold'],
    ] as const) {
      const world = plainCase({ consents: [one], ...records });
      expect(decide(world).map((decision) => decision.outcome)).toEqual([outcome]);
    }
  });
});

describe('agrees with what decides', () => {
  const purposesIn = ({ context }: Case): readonly (string | undefined)[] => [undefined, 'HRESCH', ...context.purposes];

  test('it counts exactly when some purpose has it among the Consents that decide', () => {
    let counted = 0;
    fc.assert(
      fc.property(cases, (world) => {
        for (const { consents } of world.patients) {
          const held = parsed(consents, world.settings.part2PolicyUris);
          const { at } = world.context;
          const found = reviewOf(patient, { consents: held, histories: new Map() }, at, world.settings, lexicon);
          const deciding = new Set(
            purposesIn(world).flatMap((asked) =>
              applicable(held.consents, asked, at, world.settings)
                .filter(({ mayPermit, mayDeny }) => mayPermit || mayDeny)
                .map(({ consent: { ref } }) => ref),
            ),
          );
          expect(new Set(found.consents.filter(({ counts }) => counts).map(({ ref }) => ref))).toEqual(deciding);
          counted += deciding.size;
        }
      }),
      { numRuns: 500 },
    );
    expect(counted).toBeGreaterThan(100);
  });

  test('a decision names no Consent that does not count, and each names it for what it answered', () => {
    let named = 0;
    fc.assert(
      fc.property(cases, (given) => {
        const { emergency: _, ...context } = given.context;
        const world: Case = { ...given, context };
        const rules = new Rules(context, policyOf(world.policy), world.settings, undefined);
        const counting = new Set<string>();
        for (const { key, consents, standing } of world.patients) {
          const held = parsed(consents, world.settings.part2PolicyUris);
          rules.establish(key as PatientKey, { consents: held, standing });
          const found = reviewOf(
            key as PatientKey,
            { consents: held, histories: new Map() },
            context.at,
            world.settings,
            lexicon,
          );
          for (const { ref, counts } of found.consents) if (counts) counting.add(ref);
        }
        for (const candidate of world.candidates) {
          const votes = rules.votes(candidate);
          for (const { code, consent: ref, label, provision, step } of rules.decide(candidate).reasons) {
            if (ref === undefined) continue;
            named += 1;
            expect(counting).toContain(ref);
            const answers = votes.filter(
              (vote) => vote.consent === ref && vote.label === label && vote.provision === provision,
            );
            const wanted = code === 'consent-deny' ? 'deny' : code === 'consent-uncovered' ? 'uncovered' : undefined;
            // At step 8 a permit for a topic may have carried the rest.
            if (wanted !== undefined) expect(answers.map(({ answer }) => answer)).toContain(wanted);
            else if (step !== 8) expect(answers.map(({ answer }) => answer)).toContain('permit');
          }
        }
      }),
      { numRuns: 1_000 },
    );
    expect(named).toBeGreaterThan(50);
  });
});

describe('as a page', () => {
  const hostile = consent(
    {
      type: 'permit',
      code: [{ coding: [{ system: 'https://x.example/<script>alert(1)</script>', code: '"><img src=x onerror=a>' }] }],
      provision: [{ type: 'deny', provision: [{ type: 'permit' }] }],
    },
    { id: 'c1' },
  );
  const pieces = piecesOf(review([hostile]), lexicon, 'self');

  test('nothing of a Consent is markup, and there is no script and nothing to load', () => {
    const html = htmlOf(pieces);
    expect(html).not.toMatch(/<script|<img|<link|href=|src=(?!x)|onerror=a>/);
    expect(html).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
    expect(html).toContain("default-src 'none'");
  });

  test('every list that is opened is closed, exceptions within what they except', () => {
    const html = htmlOf(pieces);
    expect(html.match(/<ul>/g)).toHaveLength(html.match(/<\/ul>/g)?.length ?? -1);
    expect(html.match(/<ul>/g)?.length).toBeGreaterThanOrEqual(3);
  });

  test('as text it has no markup of its own to escape', () => {
    expect(textOf(pieces)).toContain('\n    - Except: allows anyone to receive');
  });
});
