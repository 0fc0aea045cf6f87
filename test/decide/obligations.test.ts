import { describe, expect, test } from '@jest/globals';
import { part2Config } from '../../src/config/part2.ts';
import { type Agreement, isForOperations, registered } from '../../src/decide/agreements.ts';
import { type Ruling, ready } from '../../src/decide/answer.ts';
import type { Obligation, Reason } from '../../src/decide/decision.ts';
import type { Asker } from '../../src/decide/match.ts';
import { scopesOf } from '../../src/decide/obligations.ts';
import { timeReader } from '../../src/fhir/dates.ts';
import type { PatientKey, ResourceKey } from '../../src/fhir/ids.ts';
import type { Facts } from '../../src/label/facts.ts';
import { gatewayLabels } from '../reference/evaluate.ts';
import {
  consent,
  participation,
  plainCase,
  programsNamed,
  purpose,
  type Wish,
  writtenConsent,
} from '../reference/plain.ts';
import { decide, parsed } from '../reference/production.ts';
import type { R4Provision } from '../reference/r4.ts';

/** What goes with 42 CFR Part 2 records that leave, and under which name they leave without a written consent. */

const day = (text: string): number => Date.parse(`${text}T00:00:00Z`);
const lastMoment = (text: string): number => day(text) + 86_400_000 - 1;
const bob = {
  role: { coding: [participation('IRCP')] },
  reference: { reference: 'Practitioner/bob' },
};
const part2Records = [{ labels: { topics: ['42CFRPart2'] } }];

/** The one decision: what it releases for and with, or why not. */
function decided(wish: Wish): {
  readonly outcome: string;
  reasons: readonly Reason[];
  obligations: readonly Obligation[];
} {
  const [decision] = decide(plainCase({ resources: part2Records, ...wish }));
  if (decision === undefined) throw new Error('nothing was decided');
  return { obligations: [], ...decision };
}
const obligations = (wish: Wish): readonly Obligation[] => decided(wish).obligations;

describe('what a written consent covers goes with what it releases (42 CFR 2.32)', () => {
  const scoped = (scope: object, redisclosable = false) => [
    {
      kind: 'part2',
      basis: 'consent',
      redisclosable,
      scope: { purposes: ['TREAT'], until: undefined, dated: day('2026-01-01'), notes: false, ...scope },
    },
  ];
  const given = (provision: object, more: object = {}, wish: Wish = {}) =>
    obligations({ consents: [writtenConsent({ actor: [bob], ...provision }, more)], ...wish });

  test('its purposes, its date and its end', () => {
    expect(given({})).toEqual(scoped({}));
    expect(given({ purpose: [purpose('TREAT'), purpose('HPAYMT')] })).toEqual(
      scoped({ purposes: ['TREAT', 'HPAYMT'] }),
    );
    expect(given({ period: { start: '2026-01-01', end: '2026-12-31' } })).toEqual(
      scoped({ until: lastMoment('2026-12-31') }),
    );
    expect(given({ period: { start: '2026-01-01' } })).toEqual(scoped({}));
  });

  test('of a Consent in no such form for substance use, that it may not be disclosed further', () => {
    const settings = { part2: { agreements: [], coveredEntities: ['Organization/h'], intermediaries: [] } };
    const asked = (provision: R4Provision) =>
      obligations({
        consents: [consent({ type: 'permit', actor: [bob], ...provision })],
        resources: [{ labels: { topics: ['SUD'] } }],
        organizations: ['Organization/h'],
        settings,
      });
    const undated = { dated: undefined };
    expect(asked({})).toEqual(scoped({ ...undated, purposes: [] }, false));
    expect(asked({ purpose: [purpose('TREAT')] })).toEqual(scoped(undated, true));
  });

  test('no date, where that cannot be read', () => {
    const world = plainCase({});
    const [read] = parsed([writtenConsent({})], []).consents;
    if (read?.root === undefined) throw new Error('unreadable');
    const asker: Asker = {
      ...{ identities: new Set(), organizations: new Set(), elsewhere: new Set(), roles: [], treats: false },
      ...{ isSystem: false, collectives: new Map(), purpose: 'TREAT', at: world.context.at },
    };
    const told = (dateTime: typeof read.dateTime) => {
      const one = ready({ consent: { ...read, dateTime }, mayPermit: true, mayDeny: true }, asker, world.settings);
      const ruling: Ruling = { answer: 'permit', provision: 'provision', deciding: [{ notUnderstood: false }] };
      return scopesOf(one, ruling, '42CFRPart2', asker, { coveredEntities: [] })[0];
    };
    expect(told(7)).toMatchObject({ scope: { dated: 7 } });
    expect(told('unreadable')).toMatchObject({ scope: { dated: undefined } });
  });

  test('the earlier end of the Consent and of the provision that permits', () => {
    const nested = (whole: string, part: string) =>
      given({
        type: 'deny',
        period: { end: whole },
        provision: [{ type: 'permit', actor: [bob], purpose: [purpose('TREAT')], period: { end: part } }],
      });
    expect(nested('2026-12-31', '2026-09-30')).toEqual(scoped({ until: lastMoment('2026-09-30') }));
    expect(nested('2026-09-30', '2026-12-31')).toEqual(scoped({ until: lastMoment('2026-09-30') }));
  });

  test('that notes are covered is said of notes alone', () => {
    const notes = given(
      { securityLabel: [{ system: gatewayLabels, code: 'SUDCN' }] },
      {},
      { resources: [{ labels: { topics: ['SUDCN'] } }] },
    );
    expect(notes).toEqual(scoped({ notes: true }));
  });

  test('nothing of it goes with other records', () => {
    const both = {
      resources: [{ labels: { topics: ['HIV'] } }],
      policy: { cleared: [{ role: 'doctor', topic: 'HIV' }] },
    };
    expect(decided({ consents: [writtenConsent({ actor: [bob] })], roles: ['doctor'], ...both })).toMatchObject({
      outcome: 'release',
      obligations: [],
    });
  });

  test('each that permits is told, and what of substance use it permits', () => {
    const consents = ['c1', 'c2'].map((id) =>
      writtenConsent({ actor: [bob] }, { id, policy: [{ uri: `https://example.org/${id}` }] }),
    );
    expect(obligations({ consents })).toEqual([...scoped({}), ...scoped({})]);
    expect(obligations({ consents, resources: [{ labels: { topics: ['42CFRPart2', 'SUD'] } }] })).toHaveLength(4);
  });

  describe('may be disclosed further to contractors of a lawful holder (2.33(b)(3))', () => {
    const holding = (...lawfulHolders: string[]): Wish => ({
      settings: { part2: { agreements: [], coveredEntities: [], intermediaries: [], lawfulHolders } },
      organizations: ['Organization/mercy', 'Organization/mercy-east'],
    });
    const told = (purposes: readonly string[], wish: Wish = holding('Organization/other', 'Organization/mercy')) => {
      const [one] = given({ purpose: purposes.map(purpose), period: { end: '2026-12-31' } }, {}, wish);
      return one?.basis === 'consent' ? one.scope.contractors : 'no consent';
    };
    const asks = (code: string): Wish => ({ ...holding('Organization/mercy'), purposes: [code] });
    test('where nothing but payment and operations was consented to', () => {
      expect(told(['HPAYMT'], asks('HPAYMT'))).toBe(true);
      expect(told(['HPAYMT', 'HOPERAT'], asks('HOPERAT'))).toBe(true);
      expect(told(['CLMATTCH'], asks('CLMATTCH'))).toBe(true);
    });
    test('nor where a purpose is named that nobody knows', () => {
      const other = { system: 'urn:x', code: 'OTHER' };
      const [one] = given(
        { purpose: [purpose('HPAYMT'), other], period: { end: '2026-12-31' } },
        {},
        { ...holding('Organization/mercy'), purposes: ['HPAYMT'] },
      );
      expect(one).toMatchObject({ basis: 'consent', redisclosable: false });
      expect(one).not.toHaveProperty('scope.contractors');
    });
    test('and nowhere else', () => {
      expect(told(['TREAT'])).toBeUndefined();
      expect(told(['HPAYMT', 'TREAT'])).toBeUndefined();
      expect(told(['HPAYMT', 'COC'], asks('HPAYMT'))).toBeUndefined();
      expect(told(['HPAYMT', 'HRESCH'], asks('HPAYMT'))).toBeUndefined();
      expect(told(['HLEGAL'], asks('HLEGAL'))).toBeUndefined();
      expect(told(['HPAYMT'], { ...holding('Organization/other'), purposes: ['HPAYMT'] })).toBeUndefined();
      expect(told(['HPAYMT'], { ...holding(), purposes: ['HPAYMT'] })).toBeUndefined();
    });
  });

  describe('may be disclosed further as HIPAA permits (2.33(b)(1))', () => {
    const settings = (...coveredEntities: string[]) => ({
      settings: { part2: { agreements: [], coveredEntities, intermediaries: [] } },
      organizations: ['Organization/mercy', 'Organization/mercy-east'],
    });
    const covered = settings('Organization/other', 'Organization/mercy');
    const isSo = (purposes: readonly string[], wish: Wish = covered) =>
      given({ purpose: purposes.map(purpose) }, {}, wish)[0]?.redisclosable;
    test('by a covered entity, where nothing but treatment, payment and operations was consented to', () => {
      expect(isSo(['TREAT', 'HPAYMT', 'HOPERAT'])).toBe(true);
      expect(isSo(['TREAT', 'HPAYMT'], settings('Organization/other'))).toBe(false);
    });
    test('and not where anything else was, as proceedings', () => {
      const until = { period: { end: '2026-12-31' } };
      const wide = (other: string) =>
        given({ purpose: [purpose('TREAT'), purpose(other)], ...until }, {}, covered)[0]?.redisclosable;
      expect(['HRESCH', 'HLEGAL', 'PATRQT'].map(wide)).toEqual([false, false, false]);
    });
  });

  test('of purposes', () => {
    const is = ['TREAT', 'ETREAT', 'HPAYMT', 'CLMATTCH', 'HOPERAT', 'HQUALIMP'].filter((one) => !isForOperations(one));
    expect(is).toEqual([]);
    expect(['HLEGAL', 'HRESCH', 'PUBHLTH', 'NONSENSE'].filter(isForOperations)).toEqual([]);
  });
});

describe('without a written consent', () => {
  const program = 'Organization/program';
  const inputs = { type: 'Observation', own: [], codings: [], actors: [program], actorIdentifiers: [] };
  const insider: Wish = {
    organizations: [program],
    roles: ['counselor'],
    settings: { programs: programsNamed(program) },
    policy: { cleared: [{ role: 'counselor', topic: '42CFRPart2' }] },
    resources: [{ ...part2Records[0], facts: { labelInputs: inputs } }],
  };

  test('within the program: for that reason, and no further', () => {
    expect(decided(insider)).toEqual({
      outcome: 'release',
      reasons: [
        { code: 'within-program', step: 6, label: '42CFRPart2', rule: 'table of topics' },
        { code: 'within-program', step: 8, label: 'rest', rule: 'table of topics' },
      ],
      obligations: [{ kind: 'part2', basis: 'program', redisclosable: false }],
    });
  });

  test('the program may be named by identifier', () => {
    const named = { ...inputs, actors: [], actorIdentifiers: ['urn:npi|1'] };
    const wish = { ...insider, organizations: ['urn:npi|1'], settings: { programs: programsNamed('urn:npi|1') } };
    expect(decided({ ...wish, resources: [{ ...part2Records[0], facts: { labelInputs: named } }] }).outcome).toBe(
      'release',
    );
  });

  test.each<[string, Wish]>([
    ['whoever asks for no purpose', { purposes: [] }],
    [
      'another program',
      { organizations: ['Organization/other'], settings: { programs: programsNamed(program, 'Organization/other') } },
    ],
    ['an organization that is no program', { settings: { programs: programsNamed() } }],
    ['a role that is not cleared', { roles: ['cook'] }],
  ])('not for %s', (_who, change) => {
    expect(decided({ ...insider, ...change })).toEqual({
      outcome: 'withhold',
      reasons: [{ code: 'no-qualifying-permit', step: 6, label: '42CFRPart2' }],
      obligations: [],
    });
  });

  test('what is very restricted must be named, whoever is within the program', () => {
    const labels = { topics: ['42CFRPart2'], stated: 'V' } as const;
    expect(decided({ ...insider, resources: [{ labels, facts: { labelInputs: inputs } }] })).toMatchObject({
      outcome: 'withhold',
      reasons: [{ code: 'no-applicable-consent', step: 8, label: 'rest' }],
    });
  });
});

const base = part2Config.parse({});
function agreementsOf(agreements: readonly object[], orders: readonly object[] = []): readonly Agreement[] {
  const config = part2Config.parse({ agreements, orders });
  return registered(
    { ...base, agreements: config.agreements, orders: config.orders },
    timeReader('UTC'),
    (one) => `name of ${one}`,
  );
}

describe('what is registered is read whole', () => {
  const agreement = {
    id: 'a',
    kind: 'research',
    programs: ['Organization/lakeside'],
    recipients: ['Organization/lab'],
    purposes: ['HRESCH'],
    until: '2026-12-31',
  };
  const ready = {
    id: 'a',
    kind: 'research',
    programs: new Set(['name of Organization/lakeside']),
    recipients: ['name of Organization/lab'],
    purposes: ['HRESCH'],
    types: undefined,
    resources: undefined,
    listsPatients: false,
    topics: new Set(),
    period: { start: Number.NEGATIVE_INFINITY, end: lastMoment('2026-12-31') },
  };
  test('an agreement', () => {
    expect(agreementsOf([agreement])).toEqual([ready]);
  });
  test('an agreement that says more', () => {
    const more = { from: '2026-02-01', types: ['Observation', 'Patient'], topics: ['HIV'], programs: ['server'] };
    expect(agreementsOf([{ ...agreement, ...more }])).toEqual([
      {
        ...ready,
        programs: undefined,
        types: new Set(['Observation', 'Patient']),
        listsPatients: true,
        topics: new Set(['HIV']),
        period: { start: day('2026-02-01'), end: lastMoment('2026-12-31') },
      },
    ]);
  });
  const order = {
    id: 'o',
    section: '2.64',
    instrument: 'subpoena 12',
    recipients: ['Organization/court'],
    approved: ['Observation/1', 'Patient/p1'],
    until: '2026-12-31',
  };
  const readyOrder = {
    ...ready,
    id: 'o',
    kind: 'order',
    programs: undefined,
    recipients: ['name of Organization/court'],
    purposes: ['HLEGAL'],
    resources: new Set(['Observation/1', 'Patient/p1']),
    listsPatients: true,
  };
  test('an order', () => {
    expect(agreementsOf([], [order])).toEqual([readyOrder]);
    expect(agreementsOf([], [{ ...order, approved: ['Observation/1'] }])[0]?.listsPatients).toBe(false);
  });
  test('one whose days cannot be read is never in force', () => {
    const never = registered(
      {
        ...base,
        agreements: [
          { ...part2Config.parse({ agreements: [agreement] }).agreements[0], from: 'soon', until: 'later' } as never,
        ],
        orders: [],
      },
      timeReader('UTC'),
      (one) => one,
    );
    expect(never[0]?.period).toEqual({ start: Number.POSITIVE_INFINITY, end: Number.NEGATIVE_INFINITY });
  });
});

describe('under a registered agreement', () => {
  /** Noon, 15 June 2026: when everybody asks here. */
  const now = Date.UTC(2026, 5, 15, 12);
  const agreement: Agreement = {
    id: 'qso-1',
    kind: 'qso',
    programs: new Set(['Organization/program']),
    recipients: ['Organization/lab', 'Organization/else'],
    purposes: ['HOPERAT'],
    types: undefined,
    resources: undefined,
    patients: undefined,
    listsPatients: false,
    topics: new Set(['HIV']),
    period: { start: now, end: now },
  };
  const facts = {
    labelInputs: { type: 'Observation', own: [], codings: [], actors: ['Organization/program'], actorIdentifiers: [] },
  };
  const asked = (change: Partial<Agreement> = {}, wish: Wish = {}, topics: readonly string[] = ['42CFRPart2']) =>
    decided({
      organizations: ['Organization/lab'],
      purposes: ['HOPERAT'],
      resources: [{ labels: { topics }, facts }],
      settings: { part2: { agreements: [{ ...agreement, ...change }], coveredEntities: [], intermediaries: [] } },
      ...wish,
    });
  const byAgreement = (...others: Reason[]) => ({
    outcome: 'release',
    reasons: [
      { code: 'registered-agreement', step: 6, label: '42CFRPart2', rule: 'qso-1' },
      ...others,
      { code: 'registered-agreement', step: 8, label: 'rest', rule: 'qso-1' },
    ],
    obligations: [{ kind: 'part2', basis: 'qso', redisclosable: false }],
  });

  test('for that reason, by its name, and no further', () => {
    expect(asked()).toEqual(byAgreement());
    for (const kind of ['research', 'audit', 'order'] as const)
      expect(asked({ kind }).obligations).toEqual([{ kind: 'part2', basis: kind, redisclosable: false }]);
  });
  test('who is named himself, too', () => {
    expect(asked({ recipients: ['Practitioner/bob'] }, { organizations: [] })).toEqual(byAgreement());
  });
  test('a program named by identifier', () => {
    const named = { ...facts.labelInputs, actors: [], actorIdentifiers: ['urn:npi|1'] };
    const resources = [{ labels: { topics: ['42CFRPart2'] }, facts: { labelInputs: named } as Partial<Facts> }];
    expect(asked({ programs: new Set(['urn:npi|1']) }, { resources })).toEqual(byAgreement());
  });
  test('what it covers besides, and substance use', () => {
    expect(asked({}, {}, ['42CFRPart2', 'HIV'])).toEqual(
      byAgreement({ code: 'registered-agreement', step: 7, label: 'HIV', rule: 'qso-1' }),
    );
    expect(asked({}, {}, ['42CFRPart2', 'SUD'])).toEqual(
      byAgreement({ code: 'registered-agreement', step: 7, label: 'SUD', rule: 'qso-1' }),
    );
    expect(asked({}, {}, ['42CFRPart2', 'PSY'])).toMatchObject({
      outcome: 'withhold',
      reasons: [{ code: 'no-permit-for-topic', step: 7, label: 'PSY' }],
    });
  });
  test.each<[string, Partial<Agreement>, Wish]>([
    ['not before it begins', { period: { start: now + 1, end: now + 2 } }, {}],
    ['not after it ended', { period: { start: now - 2, end: now - 1 } }, {}],
    ['not for another recipient', { recipients: ['Organization/else'] }, {}],
    ['not for another purpose', {}, { purposes: ['TREAT'] }],
    ['not for no purpose', {}, { purposes: [] }],
    ['not what comes from elsewhere', { programs: new Set(['Organization/other']) }, {}],
    ['not another type', { types: new Set(['Condition']) }, {}],
    ['not another resource', { resources: new Set(['Observation/2']) }, {}],
  ])('%s', (_what, change, wish) => {
    expect(asked(change, wish)).toMatchObject({
      outcome: 'withhold',
      reasons: [{ code: 'no-qualifying-permit', step: 6, label: '42CFRPart2' }],
    });
  });
  test('not what is not Part 2 data', () => {
    expect(asked({}, {}, ['HIV'])).toMatchObject({ outcome: 'withhold', reasons: [{ label: 'HIV' }] });
  });

  describe('who she is', () => {
    const patient = (asTarget: boolean): Wish => ({
      resources: [
        {
          asTarget,
          labels: { topics: [] },
          facts: {
            type: 'Patient',
            key: 'Patient/p1' as ResourceKey,
            patients: ['Patient/p1' as PatientKey],
            labelInputs: { ...facts.labelInputs, type: 'Patient' },
          },
        },
      ],
    });
    const known = {
      outcome: 'release',
      reasons: [{ code: 'registered-agreement', step: 8, label: 'rest', rule: 'qso-1' }],
      obligations: [],
    };
    test('follows from any record that is given', () => {
      expect(asked({}, patient(true))).toEqual(known);
    });
    test('her own resource has to be listed, and covered', () => {
      expect(asked({}, patient(false)).outcome).toBe('withhold');
      expect(asked({ listsPatients: true }, patient(false))).toEqual(known);
      expect(asked({ listsPatients: true, types: new Set(['Observation']) }, patient(false)).outcome).toBe('withhold');
    });
    test('nothing of it for another recipient', () => {
      expect(asked({ recipients: ['Organization/else'] }, patient(true)).outcome).toBe('withhold');
    });
    test('and nothing but her', () => {
      const [target] = patient(true).resources ?? [];
      const condition = {
        ...target,
        facts: { ...target?.facts, type: 'Condition', key: 'Condition/1' as ResourceKey },
      };
      expect(asked({}, { resources: [condition] }).outcome).toBe('withhold');
    });
  });
});
