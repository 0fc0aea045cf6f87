import { describe, expect, it } from '@jest/globals';
import type { Obligation } from '../../src/decide/decision.ts';
import { Edits } from '../../src/document/edits.ts';
import { scan } from '../../src/document/tape.ts';
import { ViewVersions } from '../../src/enforce/version.ts';
import { type ViewSettings, viewOf } from '../../src/enforce/view.ts';
import { timeReader } from '../../src/fhir/dates.ts';
import { type Reading, readResource } from '../../src/label/read.ts';

const limits = { maximumDepth: 64, maximumMembers: 2_000, maximumNodes: 100_000, maximumStringBytes: 1_000_000 };
const settings: ViewSettings = {
  narrative: 'omit',
  publicBase: 'https://gateway.example/fhir',
  upstreamBase: 'http://upstream:8080/r4',
  shownProfiles: ['http://hl7.org/fhir/us/core/'],
  shownTagSystems: [],
  versions: new ViewVersions(() => Buffer.alloc(32, 7)),
  statement: 'short',
  announced: new Set<string>(),
  masked: new Set(),
};
const readSettings = {
  localBases: ['http://upstream:8080/r4', 'https://gateway.example/fhir'],
  time: timeReader('UTC'),
};

/** The view of a resource for somebody who may know everything but what `hidden` names. */
function view(
  resource: object,
  hidden: readonly string[],
  cleared = false,
  obligations: readonly Obligation[] = [],
): { json: Record<string, unknown> | undefined; versionId: string | undefined } {
  const tape = scan(Buffer.from(JSON.stringify(resource)), limits);
  const reading = readResource({ tape, node: 0 }, readSettings) as Reading;
  const made = viewOf(
    { tape, node: 0 },
    reading,
    cleared,
    ({ key }) => !hidden.includes(key ?? ''),
    settings,
    obligations,
    [],
  );
  if (made === undefined) return { json: undefined, versionId: undefined };
  return { json: JSON.parse(Buffer.concat(made.edits.write(tape, 0)).toString()), versionId: made.versionId };
}

const encounter = { reference: 'Encounter/sud-1', display: 'Sunrise detox intake' };

describe('metadata', () => {
  it('is reduced in what is contained and in the siblings of its primitives too', () => {
    const redacted = { system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue', code: 'REDACTED' };
    const inner = {
      source: '#sunrise',
      versionId: '7',
      lastUpdated: '2020-01-01T00:00:00Z',
      tag: [{ code: 'x' }],
      security: [redacted],
    };
    const said = { extension: [{ url: 'http://example.org/e', valueString: 'by Sunrise' }] };
    const { json } = view(
      {
        resourceType: 'Observation',
        id: 'o',
        meta: { lastUpdated: '2020-01-01T00:00:00Z', _lastUpdated: said, _source: said, _profile: [said] },
        contained: [{ resourceType: 'Device', id: 'd', meta: inner }],
        device: { reference: '#d' },
      },
      [],
    );
    expect(json?.meta).toEqual({ lastUpdated: '2020-01-01T00:00:00Z' });
    expect(json?.contained).toEqual([{ resourceType: 'Device', id: 'd' }]);
  });
});

describe('references to what is hidden', () => {
  it('go whole, display and identifier with them', () => {
    const { json } = view(
      {
        resourceType: 'Observation',
        id: 'o',
        status: 'final',
        encounter,
        performer: [encounter, { reference: 'Practitioner/p' }],
      },
      ['Encounter/sud-1'],
    );
    expect(json).toEqual({
      resourceType: 'Observation',
      id: 'o',
      status: 'final',
      performer: [{ reference: 'Practitioner/p' }],
    });
  });

  it.each([
    ['absolute, under the upstream base', 'http://upstream:8080/r4/Encounter/sud-1'],
    ['absolute, under the public base', 'https://gateway.example/fhir/Encounter/sud-1'],
    ['versioned', 'Encounter/sud-1/_history/3'],
  ])('are found when they are %s', (_, reference) => {
    expect(view({ resourceType: 'Observation', id: 'o', encounter: { reference } }, ['Encounter/sud-1']).json).toEqual({
      resourceType: 'Observation',
      id: 'o',
    });
  });

  it('take the backbone with them when it requires them, and a list with ranks whole', () => {
    const diagnosis = [
      { condition: { reference: 'Condition/visible' }, rank: 1 },
      { condition: { reference: 'Condition/hidden' }, rank: 2 },
    ];
    const { json } = view(
      {
        resourceType: 'Encounter',
        id: 'e',
        diagnosis,
        location: [{ location: { reference: 'Location/hidden' } }, { location: { reference: 'Location/x' } }],
      },
      ['Condition/hidden', 'Location/hidden'],
    );
    expect(json).toEqual({ resourceType: 'Encounter', id: 'e', location: [{ location: { reference: 'Location/x' } }] });
  });

  it('leave no empty object or list behind', () => {
    const { json } = view(
      {
        resourceType: 'Encounter',
        id: 'e',
        status: 'finished',
        participant: [{ individual: { reference: 'Practitioner/h' } }],
      },
      ['Practitioner/h'],
    );
    expect(json).toEqual({ resourceType: 'Encounter', id: 'e', status: 'finished' });
  });

  it('take an extension with them, also inside another', () => {
    const extension = [
      { url: 'http://example.org/outer', extension: [{ url: 'inner', valueReference: encounter }] },
      { url: 'http://example.org/kept', valueCode: 'x' },
    ];
    expect(view({ resourceType: 'Basic', id: 'b', extension }, ['Encounter/sud-1']).json).toEqual({
      resourceType: 'Basic',
      id: 'b',
      extension: [{ url: 'http://example.org/kept', valueCode: 'x' }],
    });
  });

  it('take the sibling of a primitive with its element', () => {
    const resource = {
      resourceType: 'Condition',
      id: 'c',
      subject: { reference: 'Patient/p' },
      encounter,
      _encounter: { id: 'x' },
    };
    expect(view(resource, ['Encounter/sud-1']).json).toEqual({
      resourceType: 'Condition',
      id: 'c',
      subject: { reference: 'Patient/p' },
    });
  });

  it('withhold the resource when it cannot stand without them', () => {
    expect(
      view({ resourceType: 'Condition', id: 'c', subject: { reference: 'Patient/h' } }, ['Patient/h']).json,
    ).toBeUndefined();
    expect(
      view({ resourceType: 'Provenance', id: 'p', target: [encounter] }, ['Encounter/sud-1']).json,
    ).toBeUndefined();
    expect(
      view({ resourceType: 'Provenance', id: 'p', target: [encounter, { reference: 'Observation/v' }] }, [
        'Encounter/sud-1',
      ]).json,
    ).toEqual({
      resourceType: 'Provenance',
      id: 'p',
      target: [{ reference: 'Observation/v' }],
    });
  });

  it.each(['Claim', 'ExplanationOfBenefit', 'Composition'])(
    'withhold a %s whole, even where they are optional',
    (resourceType) => {
      expect(
        view({ resourceType, id: 'x', encounter, item: [{ sequence: 1, encounter: [encounter] }] }, ['Encounter/sud-1'])
          .json,
      ).toBeUndefined();
    },
  );

  it('inside what is contained go too', () => {
    const contained = [{ resourceType: 'Condition', id: 'c1', subject: { reference: 'Patient/p' }, encounter }];
    expect(view({ resourceType: 'CarePlan', id: 'x', contained }, ['Encounter/sud-1']).json).toEqual({
      resourceType: 'CarePlan',
      id: 'x',
      contained: [{ resourceType: 'Condition', id: 'c1', subject: { reference: 'Patient/p' } }],
    });
  });
});

describe('what the uncleared see of every resource alike', () => {
  const resource = {
    resourceType: 'Observation',
    id: 'o',
    meta: {
      versionId: '17',
      lastUpdated: '2026-01-01T00:00:00Z',
      source: '#rehab-feed',
      profile: ['http://hl7.org/fhir/us/core/StructureDefinition/x', 'http://sud.example/profile'],
      tag: [{ system: 'urn:internal', code: 'x' }],
      security: [
        { system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'R' },
        { system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue', code: 'REDACTED' },
      ],
    },
    text: { status: 'generated', div: '<div>after the SUD encounter</div>' },
    unheardOf: 'x',
    note: [{ text: 'seen at http://upstream:8080/r4/Patient/p' }],
  };

  it('has no narrative, no inner metadata, no upstream address and no name that FHIR does not know', () => {
    const { json, versionId } = view(resource, []);
    expect(json).toEqual({
      resourceType: 'Observation',
      id: 'o',
      meta: {
        versionId,
        lastUpdated: '2026-01-01T00:00:00Z',
        profile: ['http://hl7.org/fhir/us/core/StructureDefinition/x'],
        security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'R' }],
      },
      note: [{ text: 'seen at https://gateway.example/fhir/Patient/p' }],
    });
  });

  it('has a version of its own that hidden changes, labels and times do not move', () => {
    const { versionId } = view(resource, []);
    const relabelled = {
      ...resource,
      meta: { versionId: '18', lastUpdated: '2026-02-02T00:00:00Z', security: [] },
      text: { status: 'generated', div: '<div>other</div>' },
    };
    expect(view(relabelled, []).versionId).toBe(versionId);
    expect(view({ ...resource, encounter }, ['Encounter/sud-1']).versionId).toBe(versionId);
    expect(view({ ...resource, status: 'final' }, []).versionId).not.toBe(versionId);
    expect(versionId).toMatch(/^[A-Za-z0-9\-.]{22}$/);
  });

  it('is left as it is for the cleared', () => {
    const { json, versionId } = view(resource, [], true);
    expect(json).toEqual({ ...resource, note: [{ text: 'seen at https://gateway.example/fhir/Patient/p' }] });
    expect(versionId).toBe('17');
  });

  it('is the same when it is made of a view again', () => {
    const once = view({ ...resource, encounter }, ['Encounter/sud-1']).json as object;
    expect(view(once, ['Encounter/sud-1']).json).toEqual(once);
    expect(new Edits().cutsNothing).toBe(true);
  });
});

describe('Part 2 records that leave', () => {
  const actCode = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';
  const display = 'http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-display';
  const scope = { purposes: ['TREAT', 'COC'], until: Date.UTC(2027, 0, 31), dated: Date.UTC(2026, 0, 1), notes: false };
  const byConsent: Obligation = { kind: 'part2', basis: 'consent', redisclosable: false, scope };
  const metaOf = (resource: object, obligations: readonly Obligation[]) =>
    view(resource, [], false, obligations).json?.meta as {
      security?: { system: string; code: string }[];
      extension?: { url: string; valueAnnotation: { text: string } }[];
      tag?: unknown;
    };
  const bare = { resourceType: 'Condition', id: 'c', subject: { reference: 'Patient/ada' } };
  const stored = { ...bare, meta: { versionId: '3', security: [{ system: actCode, code: '42CFRPart2' }] } };

  it('bear the labels of Part 2, each once', () => {
    const codes = (resource: object) => metaOf(resource, [byConsent]).security?.map(({ code }) => code);
    expect(codes(stored)).toEqual(['42CFRPart2', 'R', 'NORDSCLCD', 'RedisclosureProhibitionMark']);
    expect(codes({ ...bare, meta: { versionId: '1' } })).toEqual([
      'R',
      '42CFRPart2',
      'NORDSCLCD',
      'RedisclosureProhibitionMark',
    ]);
    expect(codes(bare)).toEqual(['R', '42CFRPart2', 'NORDSCLCD', 'RedisclosureProhibitionMark']);
  });

  it('bear the statement and the scope of the consent, and nothing else of it', () => {
    expect(metaOf(stored, [byConsent]).extension).toEqual([
      {
        url: display,
        valueAnnotation: { text: '42 CFR part 2 prohibits unauthorized use or disclosure of these records.' },
      },
      {
        url: display,
        valueAnnotation: {
          text: "Disclosed with the patient's written consent of 2026-01-01. Scope: records under 42 CFR part 2, to this recipient, for treatment (TREAT), COC, until 2027-01-31 or until the patient revokes it.",
        },
      },
    ]);
  });

  it('may be disclosed further as HIPAA permits by those whom HIPAA governs', () => {
    const security = metaOf(bare, [{ ...byConsent, redisclosable: true }]).security?.map(({ code }) => code);
    expect(security).toEqual(['R', '42CFRPart2', 'RedisclosureProhibitionMark']);
  });

  it('have a name that does not depend on the notice', () => {
    expect(view(stored, [], false, [byConsent]).versionId).toBe(view(stored, []).versionId);
  });

  it('keep to what is stored for those who are cleared', () => {
    expect(view(stored, [], true, [byConsent]).json).toEqual(stored);
  });
});
