/**
 * `npm run bench:decisions`: what a decision costs by the number of Consents a patient has, in one interleaved run. No
 * network and no documents: Consents as they are read, labels and facts as they are found.
 *
 *   --save FILE  writes the table as Markdown
 *
 * Exits 1 when ten times the Consents cost more than fifteen times as much.
 */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { configSchema } from '../src/config/config.ts';
import { type ParseOptions, parseConsent } from '../src/consent/parse.ts';
import type { ParsedConsent } from '../src/consent/parsed.ts';
import type { RequesterContext } from '../src/context/requester-context.ts';
import { Rules } from '../src/decide/decide.ts';
import type { Candidate, DecisionSettings } from '../src/decide/question.ts';
import { intervalOf, timeReader } from '../src/fhir/dates.ts';
import type { PatientKey, ResourceKey } from '../src/fhir/ids.ts';
import type { Labels } from '../src/label/labels.ts';
import { createPolicy, readPolicySet } from '../src/policy/policy.ts';
import { median } from './load.ts';

const { values: options } = parseArgs({ options: { save: { type: 'string' } } });

const sizes = [1, 10, 100, 1_000];
const rounds = 15;
const resources = 200;
/** One slice repeats what it measures for at least so long. */
const sliceMs = 12;

const at = Date.UTC(2026, 5, 15, 12);
const time = timeReader('UTC');
const patient = 'Patient/one' as PatientKey;
const parseOptions: ParseOptions = {
  fhirVersion: 'R4',
  time,
  localBases: [],
  harmlessExtensions: [],
  part2PolicyUris: [],
};
const terminology = 'http://terminology.hl7.org/CodeSystem';
const policy = createPolicy(readPolicySet({ set: 'us-part2', rememberedAnswers: 1_000 }), 1_000);
const settings: DecisionSettings = {
  ...configSchema.shape.decision.parse({}),
  instantOf: (text) => (text === undefined ? undefined : intervalOf(text, time)),
  programs: new Map(),
  handling: { handlers: new Map(), isEncrypted: true },
  part2: { agreements: [], coveredEntities: [], intermediaries: [] },
};

const codings = Array.from({ length: 40 }, (_, index) => ({ system: 'http://loinc.org', code: `${1000 + index}-1` }));
const types = ['Observation', 'Condition', 'DocumentReference', 'MedicationRequest'];
const topicSets: readonly (readonly string[])[] = [[], [], [], ['HIV'], ['SUD'], ['PSY'], ['42CFRPart2']];

/** What a patient's Consents are like, by their place: sharing, a topic, a kind left out, a code denied, a written consent, one run out. */
function consentAt(place: number, isForAsker: boolean): object {
  const act = (code: string) => ({ system: `${terminology}/v3-ActCode`, code });
  const purpose = [{ system: `${terminology}/v3-ActReason`, code: 'TREAT' }];
  const actor = [
    {
      role: { coding: [{ system: `${terminology}/v3-ParticipationType`, code: 'IRCP' }] },
      reference: { reference: isForAsker ? 'Practitioner/asker' : `Practitioner/p${place}` },
    },
  ];
  const kind = (code: string) => [{ system: 'http://hl7.org/fhir/resource-types', code }];
  const kinds: readonly object[] = [
    { type: 'permit', actor, purpose },
    { type: 'permit', actor, purpose, securityLabel: [act('HIV')] },
    { type: 'permit', actor, provision: [{ type: 'deny', class: kind('DocumentReference') }] },
    { type: 'deny', actor, code: [{ coding: [codings[place % codings.length]] }] },
    { type: 'permit', actor, purpose, securityLabel: [act('42CFRPart2')], period: { end: '2027-01-01' } },
    { type: 'permit', actor, period: { end: '2026-01-01' } },
  ];
  return {
    resourceType: 'Consent',
    id: `c${place}`,
    meta: { versionId: '1', lastUpdated: '2026-01-01T00:00:00Z' },
    status: 'active',
    scope: { coding: [{ system: `${terminology}/consentscope`, code: 'patient-privacy' }] },
    patient: { reference: patient },
    dateTime: '2025-06-01',
    organization: [{ reference: `Organization/o${place % 50}` }],
    policy: [{ uri: `https://example.org/policy-${place}` }], // none supersedes another
    sourceReference: { reference: `DocumentReference/d${place}` },
    provision: kinds[place % kinds.length],
  };
}

function parsed(json: object): ParsedConsent {
  const consent = parseConsent(json, parseOptions);
  if (!consent.readable) throw new Error('a Consent cannot be read');
  return consent;
}

const context: RequesterContext = {
  requester: {
    issuer: 'https://issuer.example',
    subject: 'asker',
    clientId: 'bench',
    tokenId: '1',
    tokenHash: '1',
    expiresAt: at + 3_600_000,
    clientKind: 'app',
    scopes: [],
    identities: ['Practitioner/asker'],
    organizations: ['Organization/clinic'],
    roles: ['clinician'],
    roleCodes: [],
    purposes: [{ code: 'TREAT', assigned: false }],
    amr: [],
  },
  purposes: ['TREAT'],
  purposeAssigned: false,
  unrestricted: false,
  at,
};

const labelSets = topicSets.map((topics): Labels => ({ topics, caveats: [], origins: [], key: topics.join(' ') }));
const candidates = Array.from({ length: resources }, (_, index): Candidate => {
  const type = types[index % types.length] as string;
  const found = [0, 1].map((offset) => codings[(index * 7 + offset) % codings.length] as (typeof codings)[number]);
  return {
    facts: {
      key: `${type}/${index}` as ResourceKey,
      type,
      versionId: '1',
      lastUpdated: '2026-01-01T00:00:00Z',
      patients: [patient],
      patientUnknown: false,
      profiles: [],
      codings: found,
      primaryCodings: found.slice(0, 1),
      documentTypes: [],
      mimeTypes: [],
      clinicalTime: { start: at - 1, end: at - 1 },
      authors: [],
      references: [patient],
      partOf: [],
      labelInputs: { type, own: [], codings: found, actors: [], actorIdentifiers: [] },
    },
    labels: labelSets[index % labelSets.length] as Labels,
    sources: ['unstated'],
    asTarget: false,
    named: new Map(),
  };
});

/** Populations of Consents: those of a patient with many recipients, and the worst case. */
const populations = ['for others', 'for the asker'] as const;
type Population = (typeof populations)[number];

function rulesOf(consents: readonly ParsedConsent[]): Rules {
  const rules = new Rules(context, policy, settings, undefined);
  rules.establish(patient, {
    consents: { consents, unreadable: false },
    standing: { kind: 'none', patientIsMinor: false },
  });
  return rules;
}

/** Microseconds of one call, over as many as the slice holds. */
function microseconds(run: () => void): number {
  const started = performance.now();
  let calls = 0;
  do {
    run();
    calls += 1;
  } while (performance.now() - started < sliceMs);
  return ((performance.now() - started) * 1000) / calls;
}

interface Sample {
  readonly size: number;
  readonly what: 'reading' | 'making ready' | 'deciding';
  readonly population: Population;
  /** Microseconds: of one Consent, of the patient, of one resource with its share of making ready. */
  readonly cost: number;
}

const samples: Sample[] = [];
const stock = new Map(
  populations.flatMap((population) =>
    sizes.map((size) => {
      const json = Array.from({ length: size }, (_, place) =>
        consentAt(place, population === 'for the asker' || place % 100 === 0),
      );
      return [`${population} ${size}`, { json, consents: json.map(parsed) }] as const;
    }),
  ),
);

for (let round = -2; round < rounds; round++)
  for (const size of sizes)
    for (const population of populations) {
      const { json, consents } = stock.get(`${population} ${size}`) as { json: object[]; consents: ParsedConsent[] };
      const reading = microseconds(() => json.slice(0, 100).forEach(parsed)) / Math.min(size, 100);
      const ready = microseconds(() => rulesOf(consents));
      // Whatever is remembered of labels is remembered within one request: each time a new one.
      const whole = microseconds(() => {
        const rules = rulesOf(consents);
        for (const candidate of candidates) rules.decide(candidate);
      });
      if (round < 0) continue; // warming up
      samples.push(
        { size, population, what: 'reading', cost: reading },
        { size, population, what: 'making ready', cost: ready },
        { size, population, what: 'deciding', cost: whole / resources },
      );
    }

function cost(size: number, population: Population, what: Sample['what']): number {
  return median(
    samples
      .filter((one) => one.size === size && one.population === population && one.what === what)
      .map((one) => one.cost),
  );
}

function growth(index: number, population: Population): number {
  return (
    cost(sizes[index] as number, population, 'deciding') / cost(sizes[index - 1] as number, population, 'deciding')
  );
}

const number = (value: number): string => (value < 10 ? value.toFixed(2) : String(Math.round(value)));
const table = populations.flatMap((population) => [
  `Consents ${population}:`,
  '',
  '| Consents of the patient | reading a new one, µs each | making ready, µs a request | deciding, µs a resource | against a tenth of the Consents |',
  '| ---: | ---: | ---: | ---: | ---: |',
  ...sizes.map((size, index) => {
    const cells = [
      size.toLocaleString('en'),
      number(cost(size, population, 'reading')),
      number(cost(size, population, 'making ready')),
      number(cost(size, population, 'deciding')),
      index === 0 ? '' : `× ${number(growth(index, population))}`,
    ];
    return `| ${cells.join(' | ')} |`;
  }),
  '',
]);
const report = [
  '# Benchmark of decisions',
  '',
  `${new Date().toISOString().slice(0, 10)}; ${cpus().length} cores (${cpus()[0]?.model.trim()}); Node ${process.versions.node}; medians of ${rounds} interleaved rounds. Ratios carry to other machines, absolute numbers do not. \`npm run bench:decisions -- --save docs/benchmark-decisions.md\` wrote this file.`,
  '',
  `A clinician asks for treatment for ${resources} resources of one patient: four types, forty codes, seven sets of labels, role rules of`,
  'the shipped policy set. Her Consents are sharing as a whole, by topic, with a kind left out, denials of codes, written',
  'consents under 42 CFR Part 2 and some that have run out. "For others": one in a hundred names the asker, as where many',
  'recipients have one each. "For the asker": every one names him, and all have to be asked about every resource. A Consent is',
  'read once for each version of it; making ready is done once a request and patient, and each resource bears its share of it; nothing is remembered from one request to the next.',
  '',
  ...table,
].join('\n');
console.log(report);
if (options.save !== undefined) writeFileSync(options.save, report);
const worst = Math.max(
  ...populations.flatMap((population) => sizes.slice(1).map((_, index) => growth(index + 1, population))),
);
if (worst > 15) {
  console.error(`Ten times the Consents cost ${worst.toFixed(1)} times as much.`);
  process.exit(1);
}
