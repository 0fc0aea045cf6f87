import { peopleBundles, syntheaBundles, textsOf } from '../../examples/demo/load.ts';
import { scan } from '../../src/document/tape.ts';
import { ViewVersions } from '../../src/enforce/version.ts';
import { type ViewSettings, viewOf } from '../../src/enforce/view.ts';
import { timeReader } from '../../src/fhir/dates.ts';
import { type Reading, readResource } from '../../src/label/read.ts';

export const limits = { maximumDepth: 64, maximumMembers: 2_000, maximumNodes: 100_000, maximumStringBytes: 1_000_000 };
const settings: ViewSettings = {
  narrative: 'keep',
  publicBase: 'https://gateway.example/fhir',
  upstreamBase: 'http://upstream:8080/r4',
  shownProfiles: [],
  shownTagSystems: [],
  versions: new ViewVersions(() => Buffer.alloc(32, 7)),
  statement: 'short',
  announced: new Set<string>(),
  masked: new Set(['SDV']),
};
/** What an element bears that has a label of its own (HL7 DS4P). */
export const labelled = {
  extension: [
    {
      url: 'http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label',
      valueCoding: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'SDV' },
    },
  ],
};
/** The view of a resource for somebody who may not have what bears an inline label. */
export function redactedView(resource: object, masked: boolean): Record<string, unknown> | undefined {
  const tape = scan(Buffer.from(JSON.stringify(resource)), limits);
  const reading = readResource(
    { tape, node: 0 },
    { localBases: [], time: timeReader('UTC'), inlineByElement: true },
  ) as Reading;
  const redactions = (reading.inline ?? []).map(({ node }) => ({ node, masked }));
  if (redactions.length === 0) return undefined; // the label is of the whole
  const made = viewOf({ tape, node: 0 }, reading, false, () => true, settings, [], redactions);
  if (made === undefined) return undefined;
  return JSON.parse(Buffer.concat(made.edits.write(tape, 0)).toString()) as Record<string, unknown>;
}

/** One function for each element below the resource: it labels that element. */
export function elementsOf(holder: Record<string, unknown>, isRoot = true): (() => void)[] {
  return Object.entries(holder).flatMap(([name, value]): (() => void)[] => {
    if (name === 'resourceType' || (isRoot && name === 'id')) return [];
    if (name.startsWith('_') || name === 'extension') return [];
    const items = Array.isArray(value) ? (value as unknown[]) : [value];
    return items.flatMap((item, index): (() => void)[] => {
      if (typeof item === 'object' && item !== null) {
        const object = item as Record<string, unknown>;
        return [() => Object.assign(object, labelled), ...elementsOf(object, false)];
      }
      return [
        () => {
          if (!Array.isArray(value)) holder[`_${name}`] = labelled;
          else
            holder[`_${name}`] = value.map((_one, at) =>
              at === index ? labelled : ((holder[`_${name}`] as unknown[])?.[at] ?? null),
            );
        },
      ];
    });
  });
}

/** Resources of each type in the fixtures, few of each and unlike each other: those with the most different elements. */
export function samples(each = 4): ReadonlyMap<string, readonly Record<string, unknown>[]> {
  const byType = new Map<string, Record<string, unknown>[]>();
  for (const text of textsOf([...peopleBundles(), ...syntheaBundles()])) {
    const resource = JSON.parse(text) as Record<string, unknown>;
    const type = resource.resourceType as string;
    byType.set(type, [...(byType.get(type) ?? []), resource]);
  }
  for (const [type, all] of byType) byType.set(type, mostDifferent(all, each));
  return byType;
}

function mostDifferent(all: readonly Record<string, unknown>[], count: number): Record<string, unknown>[] {
  const seen = new Set<string>();
  const chosen: Record<string, unknown>[] = [];
  const paths = new Map(all.map((one) => [one, pathsOf(one)]));
  while (chosen.length < count) {
    const news = (one: Record<string, unknown>): number =>
      (paths.get(one) ?? []).filter((path) => !seen.has(path)).length;
    const best = all.reduce(
      (before, one) => (news(one) > news(before) ? one : before),
      all[0] as Record<string, unknown>,
    );
    if (news(best) === 0) break;
    for (const path of paths.get(best) ?? []) seen.add(path);
    chosen.push(best);
  }
  return chosen;
}

function pathsOf(value: unknown, path = ''): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => pathsOf(item, path));
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([name, inner]) => pathsOf(inner, `${path}.${name}`));
}

export interface Redacted {
  /** Number of the element that bears a label. */
  readonly place: number;
  readonly masked: boolean;
  readonly view: Record<string, unknown>;
}

/** Of one resource; of a larger one every second, third ... element. */
const maximumPlaces = 150;

/** What is left of a resource when each of its elements is masked, and when it is left out; nothing where the resource would go. */
export function* masksOf(resource: object): Generator<Redacted> {
  const text = JSON.stringify(resource);
  const count = elementsOf(JSON.parse(text)).length;
  const step = Math.max(1, Math.floor(count / maximumPlaces));
  for (let place = 0; place < count; place += step)
    for (const masked of [true, false]) {
      const labelledOne = JSON.parse(text) as Record<string, unknown>;
      elementsOf(labelledOne)[place]?.();
      const view = redactedView(labelledOne, masked);
      if (view !== undefined) yield { place, masked, view };
    }
}

const patient = { reference: 'Patient/ada' };
const text = (words: string) => ({ text: words });
const quantity = (value: number) => ({ value, unit: 'mg', system: 'http://unitsofmeasure.org', code: 'mg' });
const years = { value: 40, system: 'http://unitsofmeasure.org', code: 'a', unit: 'years' };
const coded = (system: string, code: string) => ({
  coding: [{ system: `http://terminology.hl7.org/CodeSystem/${system}`, code }],
});

/** Resources that hold what the invariants of FHIR R4 speak of. */
export const bound: readonly Record<string, unknown>[] = (
  [
    {
      resourceType: 'AllergyIntolerance',
      clinicalStatus: coded('allergyintolerance-clinical', 'active'),
      verificationStatus: coded('allergyintolerance-verification', 'confirmed'),
      patient,
    },
    {
      resourceType: 'AllergyIntolerance',
      verificationStatus: coded('allergyintolerance-verification', 'entered-in-error'),
      patient,
    },
    {
      resourceType: 'Appointment',
      status: 'proposed',
      start: '2026-01-01T10:00:00Z',
      end: '2026-01-01T11:00:00Z',
      participant: [
        { type: [text('x')], status: 'accepted' },
        { actor: patient, type: [text('x')], status: 'accepted' },
      ],
    },
    {
      resourceType: 'AppointmentResponse',
      appointment: { reference: 'Appointment/a' },
      participantType: [text('x')],
      participantStatus: 'accepted',
    },
    {
      resourceType: 'Composition',
      status: 'final',
      type: text('x'),
      date: '2026-01-01',
      author: [{ reference: 'Practitioner/p' }],
      title: 'x',
      section: [
        { title: 'a', entry: [patient] },
        { title: 'b', section: [{ title: 'c', entry: [patient] }] },
      ],
    },
    {
      resourceType: 'Condition',
      subject: patient,
      clinicalStatus: coded('condition-clinical', 'resolved'),
      verificationStatus: coded('condition-ver-status', 'confirmed'),
      onsetAge: years,
      abatementRange: { low: quantity(1), high: quantity(2) },
      stage: [{ type: text('x'), summary: text('x') }],
      evidence: [{ code: [text('x')] }],
    },
    {
      resourceType: 'FamilyMemberHistory',
      status: 'completed',
      patient,
      relationship: text('x'),
      ageAge: years,
      estimatedAge: true,
    },
    {
      resourceType: 'Goal',
      lifecycleStatus: 'active',
      description: text('x'),
      subject: patient,
      target: [{ measure: text('x'), detailQuantity: quantity(1), dueDate: '2026-01-01' }],
    },
    {
      resourceType: 'Immunization',
      status: 'completed',
      vaccineCode: text('x'),
      patient,
      occurrenceDateTime: '2026-01-01',
      education: [{ documentType: 'x', publicationDate: '2026-01-01' }],
    },
    {
      resourceType: 'ImmunizationRecommendation',
      patient,
      date: '2026-01-01',
      recommendation: [{ targetDisease: text('x'), forecastStatus: text('x'), description: 'x' }],
    },
    {
      resourceType: 'MedicationAdministration',
      status: 'completed',
      medicationCodeableConcept: text('x'),
      subject: patient,
      effectiveDateTime: '2026-01-01',
      dosage: { text: 'x', rateRatio: { numerator: quantity(1), denominator: quantity(2) } },
    },
    {
      resourceType: 'MedicationDispense',
      status: 'completed',
      medicationCodeableConcept: text('x'),
      whenPrepared: '2026-01-01',
      whenHandedOver: '2026-01-02',
    },
    {
      resourceType: 'MolecularSequence',
      coordinateSystem: 0,
      referenceSeq: { chromosome: text('1'), genomeBuild: 'x', windowStart: 1 },
    },
    {
      resourceType: 'Observation',
      status: 'final',
      code: text('x'),
      valueRange: { low: quantity(1), high: quantity(2) },
      referenceRange: [{ low: quantity(1), type: text('x') }],
      component: [{ code: text('y'), valueRatio: { numerator: quantity(1), denominator: quantity(2) } }],
    },
    { resourceType: 'Organization', name: 'x', telecom: [{ system: 'phone', value: '1' }] },
    {
      resourceType: 'Patient',
      contact: [{ relationship: [text('x')], name: text('x') }],
      telecom: [{ system: 'phone', value: '1' }],
    },
    {
      resourceType: 'DocumentReference',
      status: 'current',
      content: [{ attachment: { contentType: 'text/plain', data: 'eA==', title: 'x' } }],
    },
    {
      resourceType: 'RiskAssessment',
      status: 'final',
      subject: patient,
      prediction: [{ outcome: text('x'), probabilityDecimal: 0.5 }],
    },
    {
      resourceType: 'ServiceRequest',
      status: 'active',
      intent: 'order',
      code: text('x'),
      orderDetail: [text('x')],
      subject: patient,
      occurrenceTiming: {
        repeat: {
          count: 1,
          countMax: 2,
          duration: 1,
          durationMax: 2,
          durationUnit: 'h',
          period: 1,
          periodMax: 2,
          periodUnit: 'd',
          when: ['HS'],
          offset: 5,
        },
      },
    },
  ] as readonly object[]
).map((resource, at) => ({ ...resource, id: `bound-${at}` }));
