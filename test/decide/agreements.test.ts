import { describe, expect, test } from '@jest/globals';
import { part2Config } from '../../src/config/part2.ts';
import { isForOperations, registered } from '../../src/decide/agreements.ts';
import { timeReader } from '../../src/fhir/dates.ts';
import type { PatientKey, ResourceKey } from '../../src/fhir/ids.ts';
import type { Facts } from '../../src/label/facts.ts';
import { gatewayLabels } from '../reference/evaluate.ts';
import {
  consent,
  emergency,
  participation,
  plainCase,
  purpose,
  type Wish,
  writtenConsent,
} from '../reference/plain.ts';
import { decide } from '../reference/production.ts';

const order = {
  id: 'order-12',
  section: '2.64',
  instrument: 'subpoena 12',
  recipients: ['Organization/court'],
  approved: ['Observation/1'],
  until: '2026-12-31',
};

/** Whether the court receives an Observation and a Condition of Ada's Part 2 record, and may know that she exists. */
function toCourt(change: Partial<typeof order>, wish: Wish = {}): readonly string[] {
  const { orders } = part2Config.parse({ orders: [{ ...order, ...change }] });
  const agreements = registered({ ...part2Config.parse({}), orders }, timeReader('UTC'), (one) => one);
  const labels = { topics: ['42CFRPart2'] };
  const world = plainCase({
    organizations: ['Organization/court'],
    purposes: ['HLEGAL'],
    resources: [
      { labels },
      { facts: { type: 'Condition', key: 'Condition/1' as ResourceKey }, labels },
      {
        facts: { type: 'Patient', key: 'Patient/p1' as ResourceKey, patients: ['Patient/p1' as PatientKey] },
        asTarget: true,
      },
      { facts: { type: 'Patient', key: 'Patient/p1' as ResourceKey, patients: ['Patient/p1' as PatientKey] } },
    ],
    settings: { part2: { agreements, coveredEntities: [], intermediaries: [] } },
    ...wish,
  });
  return decide(world).map(({ outcome, reasons }) => (outcome === 'release' ? (reasons[0]?.rule ?? '') : outcome));
}

describe('a court order', () => {
  test('opens what was approved by itself, and that there is somebody it is about', () => {
    expect(toCourt({})).toEqual(['order-12', 'withhold', 'order-12', 'withhold']);
  });

  test.each([
    ['of another recipient', { recipients: ['Organization/other-court'] }, {}],
    ['that ended', { until: '2026-06-14' }, {}],
    ['for other resources', { approved: ['Observation/2'] }, {}],
    ['for another purpose', {}, { purposes: ['TREAT'] }],
    ['for no purpose', {}, { purposes: [] }],
  ])('opens nothing %s', (_what, change, wish) => {
    expect(toCourt(change, wish)[0]).toBe('withhold');
  });

  test('opens on its last day', () => {
    expect(toCourt({ until: '2026-06-15' })[0]).toBe('order-12');
  });

  test('opens no notes', () => {
    expect(toCourt({}, { resources: [{ labels: { topics: ['42CFRPart2', 'SUDCN'] } }] })).toEqual(['withhold']);
  });

  test('opens that there is somebody it is about, be that a Part 2 record itself', () => {
    const facts = { type: 'Patient', key: 'Patient/p1' as ResourceKey };
    const labels = { topics: ['42CFRPart2'] };
    expect(toCourt({}, { resources: [{ facts, labels, asTarget: true }] })).toEqual(['order-12']);
    expect(toCourt({}, { resources: [{ facts, labels }] })).toEqual(['withhold']);
  });

  test('opens nothing that the patient denies', () => {
    expect(toCourt({}, { consents: [consent({ type: 'deny' })] })[0]).toBe('withhold');
  });
});

describe('law enforcement (42 CFR 2.12(d)(1))', () => {
  const named = (...actors: string[]) => ({
    actor: actors.map((reference) => ({ role: { coding: [participation('IRCP')] }, reference: { reference } })),
  });
  const police = 'Organization/police';
  const outcome = (wish: Wish, topic = '42CFRPart2') =>
    decide(
      plainCase({
        organizations: [police],
        consents: [writtenConsent({ ...named(police), purpose: [purpose('TREAT')] })],
        resources: [{ labels: { topics: [topic] } }],
        settings: part2({ lawEnforcement: [police] }),
        ...wish,
      }),
    )[0];
  const part2 = (change: object) => ({
    part2: { agreements: [], coveredEntities: [], intermediaries: [], ...change },
  });
  const withheld = {
    outcome: 'withhold',
    reasons: [{ code: 'no-qualifying-permit', step: 6, label: '42CFRPart2' }],
  };

  test('has no Part 2 record for treatment, by whatever name it is known, whoever permits it', () => {
    expect(outcome({})).toEqual(withheld);
    expect(outcome({ organizations: ['Organization/else', police] })).toEqual(withheld);
    expect(outcome({ settings: part2({ lawEnforcement: ['Organization/x', 'Practitioner/bob'] }) })).toEqual(withheld);
    expect(outcome({ purposes: [] })).toEqual(withheld);
  });
  test('has no counseling notes either', () => {
    const notes = { ...named(police), securityLabel: [{ system: gatewayLabels, code: 'SUDCN' }] };
    const consents = [writtenConsent({ ...notes, purpose: [purpose('TREAT')] })];
    expect(outcome({ consents, settings: part2({}) }, 'SUDCN')?.outcome).toBe('release');
    expect(outcome({ consents }, 'SUDCN')?.outcome).toBe('withhold');
  });
  test('is whoever is configured, and nobody else', () => {
    expect(outcome({ settings: part2({}) })?.outcome).toBe('release');
    expect(outcome({ settings: part2({ lawEnforcement: ['Organization/court'] }) })?.outcome).toBe('release');
  });
  test('has for proceedings what a consent for them alone gives', () => {
    const end = { period: { end: '2026-12-31' } };
    const consents = [writtenConsent({ ...named(police), ...end, purpose: [purpose('HLEGAL')] })];
    expect(outcome({ consents, purposes: ['HLEGAL'] })?.outcome).toBe('release');
  });
  test('has what is no Part 2 record as anybody', () => {
    const permit = consent({ type: 'permit', ...named(police) });
    expect(outcome({ consents: [permit] }, 'HIV')?.outcome).toBe('release');
  });
  test('has nothing of it in an emergency', () => {
    const context = (wish: Wish) => {
      const world = plainCase({
        resources: [{ labels: { topics: ['42CFRPart2'] } }, { labels: { topics: ['HIV'] } }],
        organizations: [police],
        purposes: ['ETREAT'],
        ...wish,
      });
      return decide({ ...world, context: { ...world.context, emergency } }).map((one) => one.outcome);
    };
    expect(context({})).toEqual(['release', 'release']);
    expect(context({ settings: part2({ lawEnforcement: [police] }) })).toEqual(['withhold', 'release']);
  });
});

describe('an order that is registered', () => {
  const faultOf = (change: object) =>
    part2Config.safeParse({ orders: [{ ...order, ...change }] }).error?.issues[0]?.path.at(-1);
  test.each(['id', 'section', 'instrument', 'recipients', 'approved', 'until'])('is none without %s', (name) => {
    expect(faultOf({ [name]: undefined })).toBe(name);
  });
  test.each([
    ['section', '2.61'],
    ['instrument', ''],
    ['recipients', []],
    ['approved', []],
  ])('is none whose %s is %j', (name, value) => {
    expect(faultOf({ [name]: value })).toBe(name);
  });
  test('is otherwise taken', () => {
    expect(faultOf({})).toBeUndefined();
  });
});

describe('what is registered', () => {
  const agreement = {
    id: 'a',
    kind: 'qso',
    programs: ['Organization/lakeside'],
    recipients: ['Organization/lab'],
    purposes: ['HOPERAT'],
    until: '2026-12-31',
  };
  const faultOf = (change: object, more: object = {}): string | undefined =>
    part2Config.safeParse({ agreements: [{ ...agreement, ...change }], ...more }).error?.issues[0]?.message;

  test.each([
    ['proceedings', { purposes: ['HLEGAL'] }, 'HLEGAL is no purpose of this kind'],
    ['research by a QSO', { purposes: ['HRESCH'] }, 'HRESCH is no purpose of this kind'],
    ['treatment by an auditor', { kind: 'audit', purposes: ['TREAT'] }, 'TREAT is no purpose of this kind'],
    ['operations by a researcher', { kind: 'research' }, 'HOPERAT is no purpose of this kind'],
    ['counseling notes', { topics: ['SUDCN'] }, 'SUDCN cannot be covered'],
    ['no topic', { topics: ['NONSENSE'] }, 'NONSENSE cannot be covered'],
    ['a program that nobody can name', { programs: ['unstated'] }, 'is no Type/id, URL or system|value, nor server'],
    ['the same name twice', {}, 'a is used twice', { orders: [{ ...order, id: 'a' }] }],
  ])('is never %s', (_what, change, message, more: object | undefined = {}) => {
    expect(faultOf(change, more)).toBe(message);
  });

  test('is otherwise taken', () => {
    expect(faultOf({})).toBeUndefined();
  });
});

describe('a notice of the FDA (42 CFR 2.51(b))', () => {
  const notice = {
    reference: 'Notice 26-117',
    product: 'tablets of one lot',
    error: 'manufacture',
    healthThreatened: true,
    toNotifyAlone: true,
    disclosedBy: 'Health information desk',
  };
  const recall = {
    id: 'recall',
    kind: 'fda',
    programs: ['Organization/lakeside'],
    recipients: ['Organization/fda'],
    purposes: ['PUBHLTH'],
    types: ['Observation'],
    notice,
    from: '2026-05-01',
    until: '2026-07-29',
  };
  const faultOf = (change: object): readonly [path: string, message: string] | undefined => {
    const issue = part2Config.safeParse({ agreements: [{ ...recall, ...change }] }).error?.issues[0];
    return issue && [issue.path.slice(2).join('.'), issue.message];
  };
  test.each<[string, object, string, string]>([
    ['without what it rests on', { notice: undefined }, 'notice', 'is needed for this kind'],
    ['about everything', { types: [] }, 'types', 'or patients have to be listed'],
    ['without a first day', { from: undefined }, 'from', 'is needed for this kind'],
    ['for more than 90 days', { until: '2026-07-30' }, 'until', 'has to be within 90 days of from'],
    ['that ends before it begins', { until: '2026-04-30' }, 'until', 'has to be within 90 days of from'],
    ['for research', { purposes: ['HRESCH'] }, 'purposes', 'HRESCH is no purpose of this kind'],
    ['for treatment', { purposes: ['TREAT'] }, 'purposes', 'TREAT is no purpose of this kind'],
    ['of another kind', { kind: 'research', purposes: ['HRESCH'] }, 'notice', 'is for the kind fda alone'],
    ['about nobody', { patients: ['ada'] }, 'patients.0', 'Invalid string: must match pattern'],
  ])('is none %s', (_what, change, path, message) => {
    const [at, said] = faultOf(change) ?? [];
    expect([at, said?.startsWith(message)]).toEqual([path, true]);
  });
  test.each(['reference', 'product', 'error', 'healthThreatened', 'toNotifyAlone', 'disclosedBy'])(
    'is none without %s',
    (name) => {
      expect(faultOf({ notice: { ...notice, [name]: undefined } })?.[0]).toBe(`notice.${name}`);
    },
  );
  test.each(['healthThreatened', 'toNotifyAlone'])('is none where the FDA does not assert %s', (name) => {
    expect(faultOf({ notice: { ...notice, [name]: false } })?.[0]).toBe(`notice.${name}`);
  });
  test('is one of a single day, and one about patients alone', () => {
    expect(faultOf({})).toBeUndefined();
    expect(faultOf({ until: '2026-05-01' })).toBeUndefined();
    expect(faultOf({ types: [], patients: ['Patient/p1'] })).toBeUndefined();
  });

  const ofLakeside = { sources: ['Organization/lakeside'], labels: { topics: ['42CFRPart2'] } };
  const decided = (change: object, wish: Wish = {}) => {
    const config = part2Config.parse({ agreements: [{ ...recall, ...change }] });
    const agreements = registered(config, timeReader('UTC'), (one) => one);
    return decide(
      plainCase({
        organizations: ['Organization/fda'],
        purposes: ['PUBHLTH'],
        roles: ['clinician'],
        resources: [ofLakeside],
        settings: { part2: { agreements, coveredEntities: [], intermediaries: [] } },
        ...wish,
      }),
    );
  };
  const outcome = (change: object, wish: Wish = {}) => decided(change, wish).map((one) => one.outcome);

  test('opens what it is about, by its name, and goes with its basis', () => {
    expect(decided({})).toEqual([
      {
        outcome: 'release',
        reasons: [
          { code: 'registered-agreement', step: 6, label: '42CFRPart2', rule: 'recall' },
          { code: 'registered-agreement', step: 8, label: 'rest', rule: 'recall' },
        ],
        obligations: [{ kind: 'part2', basis: 'fda', redisclosable: false }],
      },
    ]);
  });
  test.each<[string, object, Wish]>([
    ['to who has no role of a clinician', {}, { roles: ['billing'] }],
    ['to who has no role', {}, { roles: [] }],
    ['to a system', {}, { clientKind: 'system' }],
    ['to another organization', {}, { organizations: ['Organization/mercy'] }],
    ['for another purpose', {}, { purposes: ['TREAT'] }],
    ['for no purpose', {}, { purposes: [] }],
    ['after its last day', { from: '2026-06-01', until: '2026-06-14' }, {}],
    ['before its first day', { from: '2026-06-16', until: '2026-06-20' }, {}],
    ['of another kind of record', { types: ['MedicationRequest'] }, {}],
    ['of another patient', { patients: ['Patient/p2'] }, {}],
    ['of another program', { programs: ['Organization/hillside'] }, {}],
  ])('opens nothing %s', (_what, change, wish) => {
    expect(outcome(change, wish)).toEqual(['withhold']);
  });
  test('asks of other agreements no role of a clinician', () => {
    const study = { kind: 'research', purposes: ['HRESCH'], notice: undefined };
    const wish: Wish = { roles: [], clientKind: 'system', purposes: ['HRESCH'] };
    expect(outcome(study, wish)).toEqual(['release']);
  });

  const her = (asTarget: boolean) => ({
    ...{ asTarget, sources: [] },
    facts: { type: 'Patient', key: 'Patient/p1' as ResourceKey, patients: ['Patient/p1' as PatientKey] },
  });
  test.each<[string, object, readonly string[]]>([
    ['whom it lists, and by kind', { types: ['Patient'], patients: ['Patient/p1'] }, ['release', 'release']],
    ['whom it does not list', { types: ['Patient'], patients: ['Patient/p2'] }, ['withhold', 'withhold']],
    ['whom it lists, but not by kind', { types: ['Condition'], patients: ['Patient/p1'] }, ['withhold', 'release']],
    ['of another source, listed by kind alone', { types: ['Patient'] }, ['withhold', 'release']],
  ])('tells who a patient is %s, and that there is somebody', (_what, change, expected) => {
    expect(outcome(change, { resources: [her(false), her(true)] })).toEqual(expected);
  });
  test('that is about two patients opens what is about both where it lists both', () => {
    const patients = ['Patient/p1', 'Patient/p2'];
    const shared = { ...ofLakeside, facts: { patients: patients as PatientKey[] } };
    const others = { 'Patient/p2': [] };
    expect(outcome({ patients: ['Patient/p1'] }, { resources: [shared], others })).toEqual(['withhold']);
    expect(outcome({ patients }, { resources: [shared], others })).toEqual(['release']);
  });
});

describe('what an agreement opens', () => {
  const research = {
    id: 'study',
    kind: 'research',
    programs: ['Organization/lakeside'],
    recipients: ['Organization/lab', 'Organization/registry'],
    purposes: ['HRESCH'],
    topics: ['HIV'],
    from: '2026-06-15',
    until: '2026-06-15',
  };
  const made = (change: object) => {
    const config = part2Config.parse({ agreements: [research] });
    const agreements = config.agreements.map((one) => ({ ...one, ...change }));
    return registered({ ...config, agreements }, timeReader('UTC'), (one) => one);
  };
  const from = (actors: readonly string[], actorIdentifiers: readonly string[] = []): Partial<Facts> => ({
    labelInputs: { type: 'Observation', own: [], codings: [], actors, actorIdentifiers },
  });
  const decided = (change: object, wish: Wish = {}, topics: readonly string[] = ['42CFRPart2']) =>
    decide(
      plainCase({
        organizations: ['Organization/lab'],
        purposes: ['HRESCH'],
        resources: [{ facts: from(['Organization/lakeside']), labels: { topics } }],
        settings: { part2: { agreements: made(change), coveredEntities: [], intermediaries: [] } },
        ...wish,
      }),
    )[0];

  test('is that of every program whose records it holds, and of none that nobody can name', () => {
    const of = (...sources: string[]) => [{ sources, labels: { topics: ['42CFRPart2'] } }];
    const outcome = (change: object, ...sources: string[]) => decided(change, { resources: of(...sources) })?.outcome;
    const both = { programs: ['Organization/lakeside', 'Organization/hillside'] };
    expect(outcome({}, 'Organization/lakeside')).toBe('release');
    expect(outcome({}, 'Organization/hillside', 'Organization/lakeside')).toBe('withhold');
    expect(outcome(both, 'Organization/hillside', 'Organization/lakeside')).toBe('release');
    expect(outcome(both, 'Organization/hillside', 'unstated')).toBe('withhold');
    expect(outcome(both)).toBe('withhold');
    expect(outcome({ programs: ['server'] }, 'Organization/hillside', 'unstated')).toBe('release');
  });

  test('is the topics of all that apply, each told with its own basis', () => {
    const { agreements } = part2Config.parse({
      agreements: [
        { ...research, id: 'first', topics: [] },
        { ...research, id: 'second', kind: 'audit', purposes: ['HOPERAT'], topics: ['HIV'] },
        { ...research, id: 'third', programs: ['Organization/hillside'], topics: ['PSY'] },
      ],
    });
    const all = registered(
      { ...part2Config.parse({}), agreements: agreements.map((one) => ({ ...one, purposes: ['HRESCH'] })) },
      timeReader('UTC'),
      (one) => one,
    );
    const given = (topics: readonly string[], agreements = all) =>
      decided({}, { settings: { part2: { agreements, coveredEntities: [], intermediaries: [] } } }, topics);
    expect(given(['42CFRPart2', 'HIV'])).toEqual({
      outcome: 'release',
      reasons: [
        { code: 'registered-agreement', step: 6, label: '42CFRPart2', rule: 'first' },
        { code: 'registered-agreement', step: 7, label: 'HIV', rule: 'second' },
        { code: 'registered-agreement', step: 8, label: 'rest', rule: 'first' },
      ],
      obligations: [
        { kind: 'part2', basis: 'research', redisclosable: false },
        { kind: 'part2', basis: 'audit', redisclosable: false },
      ],
    });
    expect(given(['42CFRPart2', 'SUD'])?.outcome).toBe('release');
    expect(given(['42CFRPart2', 'SUD'])).toMatchObject({ obligations: [{ basis: 'research' }] });
    for (const order of [all, [...all].reverse()])
      expect(given(['42CFRPart2', 'PSY'], order)?.outcome).toBe('withhold');
  });

  const noon = { from: '2026-06-15T12:00:00.000Z' };
  const ofLakeside = [{ facts: from([], ['urn:npi|1']), labels: { topics: ['42CFRPart2'] } }];
  const fromElsewhere = [{ facts: from(['Organization/x']), labels: { topics: ['42CFRPart2'] } }];
  test.each([
    ['on its one day', {}, {}, 'release'],
    ['from its first instant', noon, {}, 'release'],
    ['until its last', { from: '2026-01-01', until: '2026-06-15T12:00:00.000Z' }, {}, 'release'],
    ['without a beginning', { from: undefined }, {}, 'release'],
    ['before it begins', { from: '2026-06-16', until: '2026-06-17' }, {}, 'withhold'],
    ['with a beginning that nobody can read', { from: 'soon' }, {}, 'withhold'],
    ['with an end that nobody can read', { until: 'later' }, {}, 'withhold'],
    ['after its end', { from: '2026-06-01', until: '2026-06-14' }, {}, 'withhold'],
    ['to the other who is named', {}, { organizations: ['Organization/registry'] }, 'release'],
    ['to a person who is named', { recipients: ['Practitioner/bob'] }, { organizations: [] }, 'release'],
    ['to nobody else', {}, { organizations: ['Organization/x'] }, 'withhold'],
    ['for no purpose', {}, { purposes: [] }, 'withhold'],
    ['by an identifier of the program', { programs: ['urn:npi|1'] }, { resources: ofLakeside }, 'release'],
    ['of no other program', {}, { resources: fromElsewhere }, 'withhold'],
  ])('%s', (_what, change, wish, expected) => {
    expect(decided(change, wish)?.outcome).toBe(expected);
  });

  test('is told by its name and topic, and goes with its basis', () => {
    expect(decided({}, {}, ['42CFRPart2', 'HIV', 'SUD'])).toEqual({
      outcome: 'release',
      reasons: [
        { code: 'registered-agreement', step: 6, label: '42CFRPart2', rule: 'study' },
        { code: 'registered-agreement', step: 7, label: 'HIV', rule: 'study' },
        { code: 'registered-agreement', step: 7, label: 'SUD', rule: 'study' },
        { code: 'registered-agreement', step: 8, label: 'rest', rule: 'study' },
      ],
      obligations: [{ kind: 'part2', basis: 'research', redisclosable: false }],
    });
    expect(decided({}, {}, ['42CFRPart2', 'PSY'])?.reasons).toEqual([
      { code: 'no-permit-for-topic', step: 7, label: 'PSY' },
    ]);
  });

  test('an order is one of the court, and shows the one Patient who was approved, whatever of her was asked before', () => {
    const approved = (...keys: string[]) =>
      registered(part2Config.parse({ orders: [{ ...order, approved: keys }] }), timeReader('UTC'), (one) => one)[0];
    expect(approved('Observation/1', 'Patient/p1')).toMatchObject({
      ...{ id: 'order-12', kind: 'order', programs: undefined, types: undefined, listsPatients: true },
      topics: new Set(),
    });
    expect(approved('Observation/1')?.listsPatients).toBe(false);
    const her = { type: 'Patient', key: 'Patient/p1' as ResourceKey };
    const of = (key: string) => ({ ...her, key: key as ResourceKey });
    const agreements = [approved('Observation/1', 'Patient/p1')].filter((one) => one !== undefined);
    const toAsker = (organization: string) =>
      decide(
        plainCase({
          organizations: [organization],
          purposes: ['HLEGAL'],
          resources: [{ facts: her }, { facts: of('Patient/p2') }, { facts: her, asTarget: true }],
          settings: { part2: { agreements, coveredEntities: [], intermediaries: [] } },
        }),
      ).map(({ outcome }) => outcome);
    expect(toAsker('Organization/court')).toEqual(['release', 'withhold', 'release']);
    expect(toAsker('Organization/other')).toEqual(['withhold', 'withhold', 'withhold']);
  });
});

test.each([
  ['TREAT', true],
  ['HPAYMT', true],
  ['HOPERAT', true],
  ['COC', true],
  ['HLEGAL', false],
  ['HRESCH', false],
])('%s is of treatment, payment or operations, and of no proceedings: %s (42 CFR 2.33(b)(1))', (asked, expected) => {
  expect(isForOperations(asked)).toBe(expected);
});
