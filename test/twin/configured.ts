import { statements } from '../../src/enforce/notice.ts';
import { onePage, shown } from '../support/pdfs.ts';
import { emergencyAcr } from './issuer.ts';
import type { World } from './messages.ts';
import type { TwinRequest } from './requests.ts';
import { concept, type Resource, ref } from './world.ts';

/** Twin worlds of deployments that are configured otherwise than the demonstration. */
export interface Configured {
  readonly name: string;
  readonly asker: string;
  readonly worlds: readonly World[];
  readonly requests: readonly TwinRequest[];
  /** What has to be in the answer for the check to see anything at all. */
  readonly told?: readonly (readonly [request: TwinRequest, text: string])[];
}

const actCode = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';
const loinc = 'http://loinc.org';
const labelled = (code: string) => ({ meta: { security: [{ system: actCode, code }] } });
const inlineLabel = (code: string) => ({
  extension: [
    {
      url: 'http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label',
      valueCoding: { system: actCode, code },
    },
  ],
});
const observation = (id: string, patient: string, more: object = {}): Resource => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: concept(loinc, '29463-7'),
  subject: ref(`Patient/${patient}`),
  ...more,
});
const patient = (id: string, more: object = {}): Resource => ({
  resourceType: 'Patient',
  id,
  name: [{ family: 'Sample' }],
  ...more,
});
const world = (settings: Readonly<Record<string, unknown>>, ...resources: readonly Resource[]): World => ({
  settings,
  resources: resources.map((one) => JSON.stringify(one)),
});
const get = (path: string, headers?: TwinRequest['headers']): TwinRequest => ({
  method: 'GET',
  path,
  ...(headers === undefined ? {} : { headers }),
});
const all = (paths: readonly string[]): readonly TwinRequest[] => paths.map((path) => get(path));

const emergencies = { emergency: { acrValues: [emergencyAcr], maximumAgeMs: 86_400_000 } };
const stated = { 'x-emergency-patient': 'Patient/ada', 'x-emergency-reason': 'unconscious in the street' };
const opened = [
  patient('ada'),
  patient('ben'),
  observation('ada-screen', 'ada', labelled('42CFRPart2')),
  observation('ben-weight', 'ben'),
];
const ofBen = [
  observation('ben-screen', 'ben', { ...labelled('42CFRPart2'), hasMember: [ref('Observation/ada-screen')] }),
  observation('ben-tested', 'ben', { ...labelled('42CFRPart2'), hasMember: [ref('Observation/ben-screen')] }),
];

const inline = { labels: { inline: 'element' } };
const known = [{ city: 'Springfield' }];
const flatOf = (more: object = {}): Resource => patient('moved', { address: known, ...more });
/** Somebody to stand before or behind in an order. */
const stayed: Resource = patient('stayed', { birthDate: '1990-01-01' });
const noteOf = (...notes: readonly object[]): Resource =>
  observation('noted', 'moved', { note: [{ text: 'came by bus' }, ...notes] });
const masked = { labels: { inline: 'element', masked: ['SDV'] } };
const shelter = (city: string): Resource =>
  patient('moved', { address: [...known, { ...inlineLabel('SDV'), city, use: 'home' }] });
const askedOfElements = all([
  'Patient/moved',
  'Patient/moved/_history',
  'Patient?address-city=Shelbyville',
  'Patient?address-city=Ogdenville',
  'Patient?address-city:missing=true',
  'Patient?address=Shelby',
  'Patient?_sort=birthdate',
  'Patient?_sort=-_lastUpdated',
  'Patient?_elements=address',
  'Patient?_elements=name',
  'Patient?_summary=true',
  'Patient?_summary=count&address-city=Shelbyville',
  'Observation/noted',
  'Observation?_elements=note',
  'Observation?subject:Patient.address-city=Shelbyville',
  'Patient?_revinclude=Observation:subject&_elements=address',
]);

const read = { labels: { readText: true } };
const pdf = onePage({ content: shown('uses heroin daily') });
const visible = [patient('ada'), observation('plain', 'ada', { note: [{ text: 'came by bus' }] })];
const told = [
  observation('noted', 'ada', { note: [{ text: 'uses heroin daily' }] }),
  observation('valued', 'ada', { valueString: 'opioid use disorder, severe' }),
  observation('marked', 'ada', {
    text: {
      status: 'generated',
      div: '<div xmlns="http://www.w3.org/1999/xhtml"><p title="uses heroin daily">x</p></div>',
    },
  }),
  {
    resourceType: 'DocumentReference',
    id: 'letter',
    status: 'current',
    subject: ref('Patient/ada'),
    content: [{ attachment: { contentType: 'text/plain', data: Buffer.from('uses heroin daily').toString('base64') } }],
  } satisfies Resource,
  {
    resourceType: 'DocumentReference',
    id: 'report',
    status: 'current',
    subject: ref('Patient/ada'),
    content: [{ attachment: { contentType: 'application/pdf', data: pdf.toString('base64') } }],
  } satisfies Resource,
];
const pointing = (target: string): Resource => observation('pointing', 'ada', { focus: [ref(target)] });

const handled = observation('not-to-be-kept', 'ada', labelled('NOPERSISTP'));

const agreed = {
  part2: {
    agreements: [
      {
        id: 'laboratory',
        kind: 'qso',
        programs: ['Organization/lakeside-recovery'],
        recipients: ['Organization/mercy-hospital'],
        purposes: ['TREAT'],
        types: ['Observation'],
        patients: [],
        topics: [],
        until: '2099-12-31',
      },
    ],
  },
  labels: { programs: ['Organization/lakeside-recovery', 'Organization/hillside-recovery'] },
};
const byProgram = (id: string, program: string, more: object = {}): Resource =>
  observation(id, 'ada', { performer: [ref(`Organization/${program}`)], ...more });
const visit = (id: string, program: string): Resource => ({
  resourceType: 'Encounter',
  id,
  status: 'finished',
  class: { code: 'AMB' },
  subject: ref('Patient/ada'),
  serviceProvider: ref(`Organization/${program}`),
});
const covered = [
  patient('ada'),
  observation('plain', 'ada'),
  byProgram('screen', 'lakeside-recovery'),
  visit('lakeside-visit', 'lakeside-recovery'),
  observation('made-at-lakeside', 'ada', { encounter: ref('Encounter/lakeside-visit') }),
];
const beyond = [
  visit('hillside-visit', 'hillside-recovery'),
  byProgram('made-at-hillside', 'lakeside-recovery', { encounter: ref('Encounter/hillside-visit') }),
  byProgram('of-both', 'lakeside-recovery', {
    performer: [ref('Organization/lakeside-recovery'), ref('Organization/hillside-recovery')],
  }),
  byProgram('from-hillside', 'lakeside-recovery', { derivedFrom: [ref('Observation/other-screen')] }),
  observation('of-nobody-named', 'ada', labelled('42CFRPart2')),
  byProgram('from-nobody-named', 'lakeside-recovery', { hasMember: [ref('Observation/of-nobody-named')] }),
  byProgram('other-screen', 'hillside-recovery', { hasMember: [ref('Observation/screen')] }),
  byProgram('counseling', 'lakeside-recovery', {
    meta: { security: [{ system: 'urn:fhir-consent-gateway:label', code: 'SUDCN' }] },
  }),
  {
    resourceType: 'Condition',
    id: 'diagnosed',
    code: concept(loinc, '29463-7'),
    subject: ref('Patient/ada'),
    asserter: ref('Organization/lakeside-recovery'),
    evidence: [{ detail: [ref('Observation/screen')] }],
  } satisfies Resource,
];

export const configured: readonly Configured[] = [
  {
    name: 'in an emergency of one patient what is hidden of others makes no difference',
    asker: 'dr-grey-in-an-emergency',
    worlds: [world(emergencies, ...opened), world(emergencies, ...opened, ...ofBen)],
    requests: [
      'Observation',
      'Observation?_count=1',
      'Observation?_summary=count',
      'Observation?patient=ben',
      'Observation/ben-screen',
      'Observation/ben-screen/_history',
      'Patient/ben/Observation',
      'Observation?has-member=Observation/ada-screen',
      'Patient?_has:Observation:subject:has-member=ada-screen',
      'Patient?_revinclude=Observation:subject',
      'Observation?_id=ada-screen&_revinclude=Observation:has-member',
    ].map((path) => get(path, stated)),
    told: [[get('Observation/ada-screen', stated), 'ada-screen']],
  },
  {
    name: 'the notice of 42 CFR 2.32 goes with what an emergency opens',
    asker: 'dr-grey-in-an-emergency',
    worlds: [world(emergencies, ...opened)],
    requests: [],
    told: [
      [get('Observation/ada-screen', stated), statements.short],
      [get('Observation/ada-screen', stated), 'RedisclosureProhibitionMark'],
      [get('Observation', stated), '"mode":"outcome"'],
    ],
  },
  {
    name: 'an element that is left out by its own label makes no difference',
    asker: 'dr-grey',
    worlds: [
      world(inline, stayed, flatOf(), noteOf()),
      world(
        inline,
        stayed,
        flatOf({
          address: [...known, { ...inlineLabel('SDV'), city: 'Shelbyville' }],
          birthDate: '1980-01-01',
          _birthDate: inlineLabel('SDV'),
        }),
        noteOf({ ...inlineLabel('SDV'), text: 'asked about a shelter' }),
      ),
    ],
    requests: [...askedOfElements, ...all(['Patient?birthdate=1980-01-01', 'Patient?birthdate:missing=false'])],
    told: [[get('Patient/moved'), 'Springfield']],
  },
  {
    name: 'what a mask covers makes no difference',
    asker: 'dr-grey',
    worlds: [world(masked, shelter('Shelbyville'), noteOf()), world(masked, shelter('Ogdenville'), noteOf())],
    requests: askedOfElements,
    told: [[get('Patient/moved'), 'Springfield']],
  },
  {
    name: 'what words alone show makes no difference',
    asker: 'dr-grey',
    worlds: [
      world(read, ...visible, pointing('Observation/nvr')),
      world(read, ...visible, ...told, pointing('Observation/noted')),
    ],
    requests: all([
      'Observation',
      'Observation?_count=1',
      'Observation?_summary=count',
      'Observation/noted',
      'Observation/valued',
      'Observation/marked',
      'Observation/noted/_history',
      'DocumentReference',
      'DocumentReference/letter',
      'DocumentReference/report',
      'DocumentReference/report/_history',
      'Observation/pointing',
      'Observation?focus:missing=true',
      'Observation?value-string=opioid',
      'Patient?_has:DocumentReference:subject:status=current',
      'Patient?_revinclude=DocumentReference:subject&_revinclude=Observation:subject',
    ]),
    told: [[get('Observation/plain'), 'came by bus']],
  },
  {
    name: 'what only a listed recipient may have makes no difference to others',
    asker: 'dr-grey',
    worlds: [world({}, ...visible), world({}, ...visible, handled)],
    requests: all(['Observation', 'Observation?_count=1', 'Observation/not-to-be-kept', 'Patient/ada/Observation']),
    told: [[get('Observation/plain'), 'came by bus']],
  },
  {
    name: 'what an agreement does not cover makes no difference to whom it is with',
    asker: 'dr-grey',
    worlds: [world(agreed, ...covered), world(agreed, ...covered, ...beyond)],
    requests: all([
      'Observation',
      'Observation?_count=1',
      'Observation?_summary=count',
      'Condition',
      'Condition/diagnosed',
      'Observation/other-screen',
      'Observation/counseling',
      'Observation/made-at-hillside',
      'Observation/of-both',
      'Observation/from-hillside',
      'Observation/from-nobody-named',
      'Observation?has-member=Observation/screen',
      'Patient?_revinclude=Condition:subject&_revinclude=Observation:subject',
      'Patient?_has:Condition:subject:code=29463-7',
    ]),
    told: [
      [get('Observation/screen'), 'lakeside-recovery'],
      [get('Observation/made-at-lakeside'), 'made-at-lakeside'],
    ],
  },
];

/** One deployment and one who asks, over worlds that are made at random. */
export interface Generated {
  readonly name: string;
  readonly asker: string;
  /** Whose blindness the worlds are made for. */
  readonly like: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;
  /** Words hide as well. */
  readonly words?: boolean;
}

const readers = ['dr-grey', 'harbor', 'ada', 'cy-guardian'];
const generatedFor = (
  name: string,
  settings: Generated['settings'],
  askers: readonly string[] = readers,
): readonly Generated[] => askers.map((asker) => ({ name, asker, like: asker, settings, headers: {} }));

export const generated: readonly Generated[] = [
  // What is visible is hidden, too, once words of it tell of a topic: then the worlds would be no twins.
  ...generatedFor('with texts read', read).map((one) => ({ ...one, words: true })),
  ...generatedFor('with labels of elements apart', inline),
  ...generatedFor('with an agreement', { part2: agreed.part2 }),
  {
    name: 'in an emergency of somebody else',
    asker: 'dr-grey-in-an-emergency',
    like: 'dr-grey',
    settings: emergencies,
    headers: { ...stated, 'x-emergency-patient': 'Patient/somebody-else' },
  },
];
