import type { TwinRequest } from './requests.ts';

/**
 * Requests by which somebody could learn of what is withheld, each with the claim that it does not help. `sud-1` is
 * withheld; the same request about `nvr-1`, which never existed, must get the same answer. Where a status is given, the
 * request has to be answered with it whatever there is.
 */
export interface Channel {
  readonly id: string;
  readonly claim: string;
  readonly requests: readonly (string | TwinRequest)[];
  readonly status?: number;
  /** Who asks besides the usual two. */
  readonly also?: readonly string[];
}

export interface Section {
  readonly title: string;
  readonly channels: readonly Channel[];
}

const get = (path: string, headers: Record<string, string> = {}): TwinRequest => ({ method: 'GET', path, headers });
const post = (path: string, body: string, type = 'application/x-www-form-urlencoded'): TwinRequest => ({
  method: 'POST',
  path,
  body,
  headers: { 'content-type': type },
});
const methods = (path: string): readonly TwinRequest[] =>
  (['PUT', 'DELETE', 'PATCH', 'POST', 'OPTIONS', 'HEAD'] as const).map((method) => ({ method, path }));
const unsaid = ['o1', 'o2', 'o3', 'o4', 'o5', 'o6'];

export const sections: readonly Section[] = [
  {
    title: 'direct access and status codes',
    channels: [
      {
        id: 'LC-01',
        claim: 'a withheld resource reads like one that never was',
        requests: ['Encounter/sud-1', 'Condition/sud-c', 'Patient/eve', 'Observation/sud-o', 'Consent/sud-con'],
        status: 404,
      },
      {
        id: 'LC-02',
        claim: 'what was deleted reads like what never was',
        requests: ['Encounter/gone-w', 'Observation/gone-v'],
        status: 404,
      },
      {
        id: 'LC-03',
        claim: 'a denied read has no status of its own',
        requests: ['Observation/eve-o', 'Encounter/eve-e'],
        status: 404,
      },
      {
        id: 'LC-05',
        claim: 'an id that breaks the grammar reads like one that is absent',
        requests: [
          `Encounter/sud-1${'x'.repeat(65)}`,
          'Encounter/sud-1_',
          'Encounter/sud-1$',
          'Encounter/.',
          'Encounter/sud-1%00',
        ],
        status: 404,
      },
      {
        id: 'LC-06',
        claim: 'HEAD tells no more than GET',
        requests: [{ method: 'HEAD', path: 'Encounter/sud-1' }],
        status: 404,
      },
      {
        id: 'LC-07',
        claim: 'OPTIONS is answered by route',
        requests: [{ method: 'OPTIONS', path: 'Encounter/sud-1' }],
        status: 204,
      },
      {
        id: 'LC-08',
        claim: 'there is no other way to the same thing',
        requests: [
          'Patient/ada/Encounter/sud-1',
          'Encounter/sud-1/',
          'encounter/sud-1',
          'ENCOUNTER/sud-1',
          'Encounter/sud-1.xml',
          'Encounter/sud-1.json',
          'Encounter//sud-1',
          'Encounter/./sud-1',
          'Patient/../Encounter/sud-1',
          'Encounter/%73ud-1',
          'Encounter/sud-1;v=1',
          'Bundle/sud-1',
          'Binary/sud-b',
        ],
        status: 404,
      },
      {
        id: 'LC-09',
        claim: 'no method tells more than another',
        requests: [...methods('Encounter/sud-1'), ...methods('Encounter/sud-1/_history'), ...methods('Patient/eve')],
      },
    ],
  },
  {
    title: 'history and versions',
    channels: [
      {
        id: 'LC-10',
        claim: 'a label that came later covers the versions before it',
        requests: ['Encounter/sud-1/_history/1', 'Encounter/sud-1/_history/2', 'Encounter/sud-1/_history/3'],
        status: 404,
      },
      { id: 'LC-11', claim: 'a withheld resource has no history', requests: ['Encounter/sud-1/_history'], status: 404 },
      {
        id: 'LC-12',
        claim: 'no history tells of deletions',
        requests: ['Encounter/_history', '_history', 'Encounter/gone-w/_history', 'Observation/gone-v/_history'],
        status: 404,
      },
      {
        id: 'LC-13',
        claim: 'history counts and pages what is visible',
        requests: unsaid.flatMap((id) => [
          `Observation/${id}/_history?_count=1`,
          `Observation/${id}/_history?_count=2`,
        ]),
        status: 200,
      },
      {
        id: 'LC-14',
        claim: 'a change of hidden elements is no version',
        requests: unsaid.flatMap((id) => [`Observation/${id}`, `Observation/${id}/_history`]),
        status: 200,
      },
      {
        id: 'LC-15',
        claim: 'stored version numbers lead nowhere',
        requests: ['Observation/o2/_history/1', 'Observation/o2/_history/2', 'Observation/o1/_history/1'],
        status: 404,
      },
      {
        id: 'LC-16',
        claim: 'times of change do not tell of hidden changes',
        requests: [
          'Observation/o2/_history?_since=2026-01-01T00:00:00Z',
          'Observation?_lastUpdated=gt2020-01-01&_sort=_lastUpdated',
          'Observation?_lastUpdated=lt2020-01-01',
          'Encounter?_lastUpdated=gt2020-01-01&_count=1',
        ],
        status: 200,
      },
      {
        id: 'LC-16',
        claim: '_at is refused',
        requests: ['Observation/o2/_history?_at=2025', 'Encounter/sud-1/_history?_at=2025'],
        status: 400,
      },
    ],
  },
  {
    title: 'totals and paging',
    channels: [
      {
        id: 'LC-18',
        claim: 'totals count what is visible',
        requests: [
          'Encounter?patient=ada',
          'Encounter?patient=ada&_total=accurate&_count=1',
          'Observation?_total=accurate&_count=2',
          'Patient?_total=accurate',
          'Condition?_total=estimate&_count=1',
          'Condition?_total=none',
        ],
        status: 200,
      },
      {
        id: 'LC-19',
        claim: 'pages are full wherever hidden things stand',
        requests: [1, 2, 3].flatMap((count) => [
          `Encounter?patient=ada&_count=${count}`,
          `Observation?patient=ada&_count=${count}&_sort=date`,
          `Observation?_count=${count}&_sort=-date`,
        ]),
        status: 200,
      },
      {
        id: 'LC-20',
        claim: 'no next link leads to hidden things alone',
        requests: [
          'Encounter?patient=ada&_sort=date&_count=3',
          'Encounter?_sort=date&_count=4',
          'Observation?_sort=date&_count=5',
          'Patient?_count=2',
        ],
        status: 200,
      },
      {
        id: 'LC-21',
        claim: 'offsets and foreign page parameters are refused',
        requests: [
          'Encounter?_offset=2',
          'Encounter?_getpagesoffset=2',
          'Encounter?page=3',
          'Encounter?ct=x',
          'Encounter?_getpages=x',
          'Encounter?_skip=1',
        ],
        status: 400,
      },
      {
        id: 'LC-22',
        claim: 'a count alone counts what is visible',
        requests: [
          'Encounter?patient=ada&_summary=count',
          'Observation?code=4548-4&_summary=count',
          'Condition?_count=0',
          'Patient?_count=0&birthdate=1970-02-03',
        ],
        status: 200,
      },
      {
        id: 'LC-23',
        claim: 'links lead to this page and the next, nowhere else',
        requests: ['Encounter?_count=1&_sort=-date', 'Observation/o2/_history?_count=1'],
        status: 200,
      },
      {
        id: 'LC-24',
        claim: 'the self link is what was asked',
        requests: ['Encounter?patient=ada&_count=2&_sort=-date&_format=json'],
        status: 200,
      },
      {
        id: 'LC-25',
        claim: 'a made-up page is an unknown one',
        requests: [`Encounter?_page=${'A'.repeat(2_086)}`, 'Encounter?_page=sud-1'],
        status: 404,
      },
      {
        id: 'LC-27',
        claim: 'the size of a page does not depend on what is hidden',
        requests: ['Observation?_count=1000', 'Observation?_count=100000'],
        status: 200,
      },
    ],
  },
  {
    title: 'search as an oracle',
    channels: [
      {
        id: 'LC-28',
        claim: 'a reverse chain goes through what is visible',
        requests: [
          'Patient?_has:Encounter:patient:type=SUD',
          'Patient?_has:Condition:patient:code=F11.20',
          'Patient?_has:Encounter:patient:identifier=VN-77',
          'Encounter?_has:Observation:encounter:value-quantity=99',
          'Patient?_has:Observation:patient:encounter=Encounter/sud-1',
          'Condition?_has:Encounter:diagnosis:class=AMB',
          'Patient?_has:Consent:patient:status=active',
          'Patient?_has:Observation:patient:_has:Provenance:target:agent=Practitioner/doc1',
        ],
      },
      {
        id: 'LC-29',
        claim: 'a chain goes through what is visible',
        requests: [
          'Observation?encounter.class=AMB',
          'Observation?encounter:Encounter.service-provider=Organization/rehab',
          'Observation?encounter:Encounter.type=SUD',
          'Encounter?part-of:Encounter.identifier=VN-77',
          'Encounter?part-of:Encounter.class=AMB',
          'Encounter?diagnosis:Condition.code=F11.20',
          'Encounter?subject:Patient.family=Sample',
          'Patient?link:Patient.given=Eve',
          'MedicationRequest?encounter.class=AMB',
          'Provenance?target:Encounter.class=AMB',
          'Observation?focus:Encounter.class=AMB',
          'Observation?subject:Patient.link=Patient/eve',
        ],
      },
      {
        id: 'LC-30',
        claim: 'no reference to a withheld resource matches',
        requests: [
          'Observation?encounter=Encounter/sud-1',
          'Observation?encounter=sud-1',
          'Observation?focus=Encounter/sud-1',
          'Condition?evidence-detail=Encounter/sud-1',
          'List?item=Encounter/sud-1',
          'Provenance?target=Encounter/sud-1',
          'DocumentReference?related=Encounter/sud-1',
          'Encounter?part-of=Encounter/sud-1',
          'Observation?focus=Encounter/sud-1,Encounter/v1',
          'Encounter?diagnosis=Condition/sud-c',
          'Encounter?reason-reference=Condition/sud-c',
          'Procedure?reason-reference=Condition/sud-c',
          'CarePlan?condition=Condition/sud-c',
          'List?item=Condition/sud-c',
          'Patient?link=Patient/eve',
          'Group?member=Patient/eve',
          'Observation?focus=Patient/eve',
        ],
        status: 200,
      },
      {
        id: 'LC-30',
        claim: 'versions and other forms of a reference are refused or do not match',
        requests: [
          'Observation?focus=Encounter/sud-1/_history/1',
          'Observation?focus=http://gateway.example/fhir/Encounter/sud-1',
          'Observation?focus=http://other.example/Encounter/sud-1',
        ],
      },
      {
        id: 'LC-31',
        claim: 'no logical reference to a withheld resource matches',
        requests: [
          'Observation?encounter:identifier=VN-77',
          'Observation?focus:identifier=VN-77',
          'Condition?evidence-detail:identifier=urn:visits|VN-77',
        ],
        status: 200,
      },
      {
        id: 'LC-32',
        claim: 'negation is decided on what is visible',
        requests: [
          ...['true', 'false'].flatMap((value) => [
            `Observation?encounter:missing=${value}`,
            `Observation?focus:missing=${value}`,
            `Encounter?diagnosis:missing=${value}`,
            `Encounter?reason-reference:missing=${value}`,
            `Patient?link:missing=${value}`,
            `List?item:missing=${value}`,
            `Condition?evidence-detail:missing=${value}`,
            `Observation?_tag:missing=${value}`,
            `Observation?_profile:missing=${value}`,
            `Observation?_security:missing=${value}`,
            `DocumentReference?related:missing=${value}`,
          ]),
          'Observation?code:not=4548-4',
          'Condition?code:not=I10',
          'Observation?date=ne2025-12-31',
          'Observation?value-quantity=ne99',
          'Observation?_security:not=R',
          'Encounter?type:not=SUD',
        ],
      },
      {
        id: 'LC-33',
        claim: '_filter is refused',
        requests: ['Observation?_filter=encounter%20eq%20sud-1'],
        status: 400,
      },
      {
        id: 'LC-34',
        claim: 'full text is refused',
        requests: ['Observation?_content=methadone', 'Observation?_text=methadone', 'Patient?_text=detox'],
        status: 400,
      },
      {
        id: 'LC-35',
        claim: 'named queries and unknown parameters are refused',
        requests: ['Encounter?_query=sud-1', 'Encounter?sudness=sud-1'],
        status: 400,
      },
      {
        id: 'LC-36',
        claim: 'labels are searched as they are shown',
        requests: [
          'Encounter?_security=42CFRPart2',
          'Observation?_security=REDACTED',
          'Observation?_tag=rehab',
          'Observation?_tag=SUBSETTED',
          'Observation?_profile=http://example.org/StructureDefinition/sud-result',
          'Encounter?_security=http://terminology.hl7.org/CodeSystem/v3-Confidentiality|R',
        ],
        status: 200,
      },
      { id: 'LC-36', claim: '_source is refused', requests: ['Observation?_source=%23rehab-feed'], status: 400 },
      {
        id: 'LC-37',
        claim: 'nothing is sorted by what may be hidden',
        requests: [
          'Encounter?_sort=diagnosis',
          'Observation?_sort=focus',
          'Observation?_sort=_tag',
          'Encounter?_sort=part-of',
          'Observation?_sort=_security',
        ],
        status: 400,
      },
      {
        id: 'LC-37',
        claim: 'the order is that of what is visible',
        requests: ['Observation?_sort=-date,code', 'Condition?_sort=code', 'Patient?_sort=birthdate'],
        status: 200,
      },
      {
        id: 'LC-38',
        claim: 'nothing is sorted by relevance',
        requests: ['Encounter?_sort=_score', 'Encounter?_sort=-_score'],
        status: 400,
      },
      {
        id: 'LC-39',
        claim: 'a projection comes after the decision',
        requests: ['true', 'text', 'data', 'false'].flatMap((value) => [
          `Encounter?_summary=${value}`,
          `Observation?patient=ada&_summary=${value}`,
          `Observation/o2?_summary=${value}`,
        ]),
        status: 200,
      },
      {
        id: 'LC-39',
        claim: 'a projection hides no label from the decision',
        requests: [
          'Encounter?_elements=id',
          'Observation?_elements=id,code',
          'Observation?_elements=focus,extension',
          'Patient?_elements=link',
          'Encounter?_elements=diagnosis,meta',
        ],
        status: 200,
      },
      {
        id: 'LC-39',
        claim: 'a withheld resource is absent in every projection',
        requests: ['true', 'text', 'data', 'false'].map((value) => `Encounter/sud-1?_summary=${value}`),
        status: 404,
      },
      {
        id: 'LC-40',
        claim: 'contained resources are not searched',
        requests: ['Medication?_contained=true', 'Condition?_contained=both', 'Condition?_containedType=contained'],
        status: 400,
      },
      {
        id: 'LC-41',
        claim: 'lists are no way to search',
        requests: ['Condition?_list=l1', 'Condition?_list=$current-problems', 'Condition?_list=sud-1'],
        status: 400,
      },
      {
        id: 'LC-42',
        claim: 'a list of ids finds those that are visible',
        requests: [
          'Encounter?_id=sud-1,v1',
          'Encounter?_id=sud-1',
          'Encounter?_id=sud-1,sud-0,v1,v2&_count=1',
          'Patient?_id=eve,ada',
        ],
        status: 200,
      },
      {
        id: 'LC-42',
        claim: 'composite parameters are refused',
        requests: ['Observation?code-value-quantity=4548-4$99'],
        status: 400,
      },
      {
        id: 'LC-43',
        claim: 'terminology modifiers are refused',
        requests: [
          'Condition?code:in=http://example.org/vs',
          'Condition?code:below=F11',
          'Condition?code:above=F11.20',
          'Condition?code:text=opioid',
          'Condition?code:not-in=http://example.org/vs',
        ],
        status: 400,
      },
      {
        id: 'LC-44',
        claim: 'malformed values are refused before anything is read',
        requests: [
          'Encounter?date=yesterday',
          'Encounter?_count=x',
          'Encounter?_lastUpdated=gt',
          'Observation?value-quantity=gtx',
          'Encounter?subject=Nothing/1',
          'Encounter?_sort=nothing',
        ],
        status: 400,
      },
      {
        id: 'LC-45',
        claim: 'lenient handling says what it left out, and widens nothing else',
        requests: [
          get('Encounter?patient=ada&_content=methadone', { prefer: 'handling=lenient' }),
          get('Encounter?_filter=x&_count=1', { prefer: 'handling=lenient' }),
          get('Observation?sudness=sud-1', { prefer: 'handling=lenient' }),
        ],
        status: 200,
      },
      {
        id: 'LC-46',
        claim: 'POST searches as GET does, and both its lists count',
        requests: [
          post('Encounter/_search', 'patient=ada&_count=1'),
          post('Encounter/_search?patient=ada', '_count=2'),
          post('Observation/_search?focus=Encounter/sud-1', 'code=4548-4'),
          post('Encounter/_search', '_id=sud-1,v1'),
        ],
        status: 200,
      },
      {
        id: 'LC-47',
        claim: 'there is no search of everything',
        requests: ['?_type=Encounter', '?_id=sud-1', '?_lastUpdated=gt2020', '_search', ''],
        status: 404,
      },
    ],
  },
  {
    title: 'includes, compartments, traversal',
    channels: [
      {
        id: 'LC-50',
        claim: 'an include brings what is visible',
        requests: [
          'Observation?_include=Observation:encounter',
          'Observation?_include=Observation:focus',
          'Encounter?_include=Encounter:diagnosis',
          'Encounter?_include=Encounter:part-of',
          'List?_include=List:item',
          'Provenance?_include=Provenance:target',
          'Patient?_include=Patient:link',
          'Group?_include=Group:member',
          'MedicationRequest?_include=MedicationRequest:patient',
          'Condition?_include=Condition:evidence-detail&_include=Condition:encounter',
          'CarePlan?_include=CarePlan:condition',
          'Observation?_include=Observation:focus:Encounter',
        ],
        status: 200,
      },
      {
        id: 'LC-51',
        claim: 'a reverse include brings what is visible',
        requests: [
          'Patient?_revinclude=Encounter:patient',
          'Patient?_revinclude=Observation:patient',
          'Patient?_revinclude=Condition:patient&_revinclude=Consent:patient',
          'Encounter?_revinclude=Observation:encounter',
          'Observation?_revinclude=Provenance:target',
          'Condition?_revinclude=Encounter:diagnosis',
          'Condition?_revinclude=List:item',
          'Patient?_id=ada&_revinclude=Claim:patient&_revinclude=Composition:patient',
        ],
        status: 200,
      },
      {
        id: 'LC-51',
        claim: 'wildcards are refused',
        requests: ['Patient?_revinclude=*', 'Patient?_include=*', 'Encounter?_include=Encounter:*'],
        status: 400,
      },
      {
        id: 'LC-52',
        claim: 'includes of includes go over what is visible',
        requests: [
          'Observation?_include=Observation:encounter&_include:iterate=Encounter:part-of',
          'Observation?_include=Observation:encounter&_include:iterate=Encounter:diagnosis',
          'Patient?_revinclude=Encounter:patient&_revinclude:iterate=Observation:encounter',
          'Patient?_include:iterate=Patient:link',
        ],
        status: 200,
      },
      {
        id: 'LC-53',
        claim: 'there is no compartment of everything',
        requests: ['Patient/ada/*', 'Encounter/sud-1/*'],
        status: 404,
      },
      {
        id: 'LC-53',
        claim: 'a withheld root has no compartment',
        requests: [
          'Encounter/sud-1/Observation',
          'Encounter/sud-1/Condition?_count=1',
          'Patient/eve/Observation',
          'Patient/eve/Encounter?_summary=count',
          post('Encounter/sud-1/Observation/_search', 'code=4548-4'),
        ],
        status: 404,
      },
      {
        id: 'LC-53',
        claim: 'a compartment holds what is visible',
        requests: [
          'Patient/ada/Encounter',
          'Patient/ada/Observation?_count=1',
          'Encounter/v1/Observation',
          'Patient/ada/Provenance',
          'Patient/ada/Condition?_total=accurate&_count=1',
          'Patient/ada/List',
          'Patient/ada/Patient',
          'Practitioner/doc1/Observation',
        ],
      },
      {
        id: 'LC-55',
        claim: 'another patient is cut from what names several',
        requests: ['Group/g1', 'Group', 'List/l1', 'List/l2', 'Group?member=Patient/ada'],
        status: 200,
      },
      {
        id: 'LC-56',
        claim: 'a link to a withheld patient is cut',
        requests: ['Patient/ada', 'Patient?link=Patient/eve', 'RelatedPerson?patient=eve', 'Patient?family=sample'],
        status: 200,
      },
    ],
  },
  {
    title: 'content of visible resources',
    channels: [
      {
        id: 'LC-57',
        claim: 'no reference to a withheld resource is left',
        requests: [...unsaid.map((id) => `Observation/${id}`), 'Encounter/v1', 'Encounter/v2', 'Encounter/v3'],
        status: 200,
      },
      {
        id: 'LC-58',
        claim: 'a reference goes with its display and its identifier',
        requests: ['Observation/o2', 'Condition/c1'],
        status: 200,
      },
      {
        id: 'LC-59',
        claim: 'a required reference takes its parent with it',
        requests: ['List/l1', 'List/l2', 'Group/g1', 'Provenance/pr1'],
        status: 200,
      },
      {
        id: 'LC-59',
        claim: 'what cannot stand without a withheld resource is withheld',
        requests: ['Provenance/sud-pr', 'Composition/sud-co', 'Claim/sud-cl'],
        status: 404,
      },
      {
        id: 'LC-60',
        claim: 'a gap in ranks does not show',
        requests: ['Encounter/v2', 'Encounter?_elements=diagnosis'],
        status: 200,
      },
      {
        id: 'LC-61',
        claim: 'narrative is left out of everything',
        requests: ['Patient/ada', 'Observation/o1', 'Observation?_summary=text'],
        status: 200,
      },
      {
        id: 'LC-62',
        claim: 'a document with a withheld section entry is withheld',
        requests: ['Composition', 'Composition/sud-co'],
      },
      {
        id: 'LC-63',
        claim: 'a document is withheld as a whole',
        requests: ['Composition?entry=Encounter/sud-1', 'DocumentReference?patient=ada'],
        status: 200,
      },
      { id: 'LC-64', claim: 'contained content is labelled by its codes', requests: ['CarePlan/sud-cp'], status: 404 },
      {
        id: 'LC-66',
        claim: 'codes that speak are withheld without labels',
        requests: ['MedicationRequest/sud-m', 'Condition/sud-c', 'Observation/sud-inline', 'Observation/sud-unk'],
        status: 404,
      },
      {
        id: 'LC-67',
        claim: 'every kind of link is cut',
        requests: [
          'MedicationRequest/m1',
          'CarePlan/cp1',
          'CareTeam/ct1',
          'ServiceRequest/sr1',
          'Procedure/p1',
          'DocumentReference/d1',
        ],
        status: 200,
      },
      {
        id: 'LC-68',
        claim: 'a claim is withheld as a whole',
        requests: ['Claim?patient=ada', 'Claim?_total=accurate&_count=1'],
        status: 200,
      },
      {
        id: 'LC-69',
        claim: 'what is derived is withheld with its source',
        requests: ['Observation/sud-sum', 'Observation/sud-panel', 'DiagnosticReport/sud-dr'],
        status: 404,
      },
      {
        id: 'LC-70',
        claim: 'answers to questions are withheld with their visit, and for what they ask',
        requests: [
          'QuestionnaireResponse/sud-q',
          'QuestionnaireResponse/sud-dast',
          'QuestionnaireResponse?patient=ada',
        ],
      },
      {
        id: 'LC-71',
        claim: 'a sensitive actor is a label',
        requests: [
          'Observation/sud-ctx',
          'Observation?performer=Organization/lakeside-recovery',
          'Organization/lakeside-recovery',
        ],
      },
      {
        id: 'LC-72',
        claim: 'a document reference is withheld with its content',
        requests: ['DocumentReference/d1', 'DocumentReference/sud-d', 'DocumentReference?_content=Detox'],
      },
      {
        id: 'LC-73',
        claim: 'there is no way to raw content',
        requests: ['Binary/sud-b', 'Binary/sud-1', 'Binary'],
        status: 404,
      },
      {
        id: 'LC-74',
        claim: 'stored containers have no route',
        requests: ['Bundle/sud-1', 'Parameters/sud-1', 'Bundle'],
        status: 404,
      },
      {
        id: 'LC-75',
        claim: 'numbers of members are left out',
        requests: ['Group/g1', 'Group?_summary=true', 'MeasureReport'],
      },
      {
        id: 'LC-56',
        claim: 'a withheld patient has no other record of herself',
        requests: ['Person/eve-p', 'Appointment/eve-a', 'Schedule/eve-s', 'Slot/eve-sl'],
        status: 404,
      },
      {
        id: 'LC-76',
        claim: 'no calendar tells of a withheld patient',
        requests: [
          'Appointment',
          'Appointment?actor=Patient/eve',
          'Slot?status=busy',
          'Slot?schedule.actor=Patient/eve',
          'Schedule?actor=Patient/eve',
          'Person?name=sample',
        ],
        status: 200,
      },
      {
        id: 'LC-77',
        claim: 'shadows of a withheld visit are withheld',
        requests: ['Flag/sud-f', 'Communication/sud-com', 'Task/sud-t'],
        status: 404,
      },
      {
        id: 'LC-78',
        claim: 'extensions and unknown elements do not tell',
        requests: ['Observation/o2', 'Observation/o3'],
        status: 200,
      },
    ],
  },
  {
    title: 'labels and metadata',
    channels: [
      {
        id: 'LC-80',
        claim: 'labels of what was cut are not shown',
        requests: unsaid.map((id) => `Observation/${id}?_elements=meta`),
        status: 200,
      },
      {
        id: 'LC-81',
        claim: 'a Bundle bears no label of its own',
        requests: ['Observation?patient=ada&_summary=true'],
        status: 200,
      },
      {
        id: 'LC-82',
        claim: 'marks of earlier alterations are not shown',
        requests: ['Observation/o5', 'Observation?_id=o5'],
        status: 200,
      },
      {
        id: 'LC-83',
        claim: 'nothing warns of what is missing',
        requests: ['Observation?encounter=Encounter/sud-1', 'Encounter?_id=sud-1'],
        status: 200,
      },
      {
        id: 'LC-84',
        claim: 'nothing is offered where it would help',
        requests: ['Encounter/sud-1', 'Patient/eve'],
        status: 404,
      },
      {
        id: 'LC-85',
        claim: '$meta is an unknown operation',
        requests: ['Encounter/sud-1/$meta', 'Encounter/v1/$meta', '$meta', 'Encounter/$meta'],
        status: 404,
      },
      {
        id: 'LC-86',
        claim: 'source, tags and foreign profiles are not shown',
        requests: ['Observation/o4', 'Observation?_id=o4'],
        status: 200,
      },
      {
        id: 'LC-87',
        claim: 'a Consent that tells is withheld',
        requests: [
          'Consent?patient=ada',
          'Consent?_count=1',
          'Consent?patient=eve',
          'Consent?actor=Organization/elsewhere',
        ],
        status: 200,
      },
      {
        id: 'LC-87',
        claim: 'a Consent that tells reads like one that never was',
        requests: ['Consent/sud-con', 'Consent/eve-con'],
        status: 404,
      },
      {
        id: 'LC-88',
        claim: 'provenance speaks of what is visible',
        requests: ['Provenance?target=Encounter/sud-1', 'Provenance', 'Provenance/pr1'],
        status: 200,
      },
      {
        id: 'LC-88',
        claim: 'the record of accesses has no route',
        requests: ['AuditEvent', 'AuditEvent?entity=Encounter/sud-1'],
        status: 404,
      },
    ],
  },
  {
    title: 'conditional requests and caching headers',
    channels: [
      {
        id: 'LC-89',
        claim: 'a version of a withheld resource is not confirmed',
        requests: ['W/"1"', 'W/"2"', '*'].map((etag) => get('Encounter/sud-1', { 'if-none-match': etag })),
        status: 404,
      },
      {
        id: 'LC-89',
        claim: 'stored versions of a visible resource are not confirmed',
        requests: ['W/"1"', 'W/"2"'].map((etag) => get('Observation/o2', { 'if-none-match': etag })),
        status: 200,
      },
      {
        id: 'LC-90',
        claim: 'the time of a hidden change is not confirmed',
        requests: [
          get('Encounter/sud-1', { 'if-modified-since': 'Sun, 01 Mar 2026 12:00:00 GMT' }),
          get('Observation/o2', { 'if-modified-since': 'Sun, 01 Mar 2026 12:00:00 GMT' }),
          get('Observation/o2', { 'if-modified-since': 'Thu, 01 Jan 2026 12:00:00 GMT' }),
        ],
      },
      {
        id: 'LC-91',
        claim: 'If-Match meets the same refusal',
        requests: ['W/"1"', 'W/"2"'].map((etag) => ({
          method: 'PUT' as const,
          path: 'Encounter/sud-1',
          headers: { 'if-match': etag },
        })),
        status: 405,
      },
      {
        id: 'LC-92',
        claim: 'If-None-Exist meets the same refusal',
        requests: [
          {
            ...post('Encounter', '{}', 'application/fhir+json'),
            headers: { 'content-type': 'application/fhir+json', 'if-none-exist': 'identifier=VN-77' },
          },
          { ...post('Encounter', ''), headers: { 'if-none-exist': '_id=sud-1' } },
        ],
      },
      {
        id: 'LC-94',
        claim: 'conditional writes meet the same refusal',
        requests: [
          { method: 'PUT', path: 'Condition?code=F11.20' },
          { method: 'DELETE', path: 'Condition?code=F11.20' },
          { method: 'PATCH', path: 'Encounter?_id=sud-1' },
        ],
        status: 405,
      },
      {
        id: 'LC-95',
        claim: 'no header of the FHIR server comes through',
        requests: [
          { method: 'HEAD', path: 'Observation/o2' },
          { method: 'HEAD', path: 'Encounter?patient=ada' },
        ],
        status: 200,
      },
    ],
  },
];

export function requestOf(request: string | TwinRequest): TwinRequest {
  return typeof request === 'string' ? { method: 'GET', path: request } : request;
}

/** The same request about an id that never existed; undefined when it names no withheld one. */
export function aboutNever(request: TwinRequest): TwinRequest | undefined {
  const text = JSON.stringify(request);
  return text.includes('sud-1') ? (JSON.parse(text.replaceAll('sud-1', 'nvr-1')) as TwinRequest) : undefined;
}
