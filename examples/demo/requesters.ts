/** One who asks, as the demonstration's OpenID provider knows them. */
export interface DemoRequester {
  readonly id: string;
  readonly title: string;
  /** `person` signs in to an app; `system` is a backend service with credentials of its own. */
  readonly kind: 'person' | 'system';
  readonly scope: string;
  /** Claims of the access token beside the standard ones. */
  readonly claims: (fhirBase: string) => Readonly<Record<string, unknown>>;
}

/** UDAP B2B Authorization Extension Object (HL7 UDAP Security), as the provider copies it into the token. */
const b2b = (fhirBase: string, organization: string, name: string, purpose: string) => ({
  extensions: {
    'hl7-b2b': {
      version: '1',
      organization_name: name,
      organization_id: `${fhirBase}/Organization/${organization}`,
      purpose_of_use: [`urn:oid:2.16.840.1.113883.5.8#${purpose}`],
    },
  },
});

const staff = (organization: string, role: string, purpose: string, fhirUser?: string) => ({
  ...(fhirUser === undefined ? {} : { fhirUser }),
  organization: `Organization/${organization}`,
  roles: [role],
  purpose_of_use: [purpose],
});

export const requesters: readonly DemoRequester[] = [
  {
    id: 'dr-grey',
    title: 'Dr. Grey, primary care at Mercy',
    kind: 'person',
    scope: 'openid fhirUser user/*.rs',
    claims: () => ({ name: 'Avery Grey', ...staff('mercy-hospital', 'clinician', 'TREAT', 'Practitioner/dr-grey') }),
  },
  {
    id: 'sam-nwosu',
    title: 'Nwosu, counselor at Lakeside (the Part 2 program)',
    kind: 'person',
    scope: 'openid fhirUser user/*.rs',
    claims: () => ({
      name: 'Sam Nwosu',
      ...staff('lakeside-recovery', 'counselor', 'TREAT', 'Practitioner/sam-nwosu'),
    }),
  },
  {
    id: 'harbor',
    title: 'Harbor clinic, an HIE partner that Ada’s Part 2 Consent names',
    kind: 'system',
    scope: 'system/*.rs',
    claims: (fhirBase) => b2b(fhirBase, 'harbor-clinic', 'Harbor Example Clinic', 'TREAT'),
  },
  {
    id: 'summit',
    title: 'Summit clinic, an HIE partner that it does not name',
    kind: 'system',
    scope: 'system/*.rs',
    claims: (fhirBase) => b2b(fhirBase, 'summit-clinic', 'Summit Example Clinic', 'TREAT'),
  },
  {
    id: 'biller',
    title: 'a biller at Mercy',
    kind: 'person',
    scope: 'openid user/*.rs',
    claims: () => ({ name: 'Bill Example', ...staff('mercy-hospital', 'billing', 'HPAYMT') }),
  },
  {
    id: 'front-desk',
    title: 'the front desk at Mercy',
    kind: 'person',
    scope: 'openid user/*.rs',
    claims: () => ({ name: 'Desk Example', ...staff('mercy-hospital', 'front-desk', 'PATADMIN') }),
  },
  {
    id: 'ada',
    title: 'Ada herself',
    kind: 'person',
    scope: 'openid fhirUser launch/patient patient/*.rs',
    claims: () => ({
      name: 'Ada Sample',
      fhirUser: 'Patient/ada',
      patient: 'ada',
      roles: ['patient'],
      purpose_of_use: ['PATRQT'],
    }),
  },
  {
    id: 'cy-guardian',
    title: 'Cy’s guardian',
    kind: 'person',
    scope: 'openid fhirUser launch/patient patient/*.rs',
    claims: () => ({
      name: 'Gale Sample',
      fhirUser: 'RelatedPerson/cy-guardian',
      patient: 'cy',
      roles: ['proxy'],
      purpose_of_use: ['FAMRQT'],
    }),
  },
  {
    id: 'meridian',
    title: 'Meridian institute, research',
    kind: 'system',
    scope: 'system/*.rs',
    claims: (fhirBase) => b2b(fhirBase, 'meridian-institute', 'Meridian Example Research Institute', 'HRESCH'),
  },
  {
    id: 'steward',
    title: 'the records steward, cleared for everything',
    kind: 'person',
    scope: 'openid user/*.rs',
    claims: () => ({ name: 'Stewart Example', ...staff('mercy-hospital', 'steward', 'RECORDMGT') }),
  },
];

/** The app through which people sign in, a public SMART client. */
export const appClientId = 'demo-app';
/** Every system's secret, in this demonstration only. */
export const systemSecret = 'for-the-demonstration-only';

export function requesterById(id: string): DemoRequester | undefined {
  return requesters.find((requester) => requester.id === id);
}
