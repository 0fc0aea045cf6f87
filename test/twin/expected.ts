import { isOfPatient, type Resource } from './world.ts';

/** Whether somebody may know a resource of the visible world, said again by how that world was made. */
export type Knows = (resource: Resource) => boolean;

const directory = ['Organization', 'Practitioner', 'Location'];
const everything: Knows = () => true;
const ofTypes =
  (...types: readonly string[]): Knows =>
  ({ resourceType }) =>
    types.includes(resourceType);
const ofPatientOnly =
  (patient: string): Knows =>
  (resource) =>
    // A token for one patient: her own data, the directory, and what names her without being about anybody.
    isOfPatient(resource, patient) || directory.includes(resource.resourceType) || resource.resourceType === 'Group';
/** About nobody; a Provenance cannot stand without what it is about. */
const ofNobody: Knows = (resource) =>
  resource.resourceType !== 'Provenance' && !['ada', 'cy'].some((patient) => isOfPatient(resource, patient));

export const knows: Readonly<Record<string, Knows>> = {
  'dr-grey': everything,
  'sam-nwosu': everything,
  harbor: everything,
  summit: everything,
  biller: ofTypes('Patient', 'Coverage', 'Claim', ...directory),
  'front-desk': ofTypes('Patient', 'Coverage', ...directory),
  ada: ofPatientOnly('ada'),
  'cy-guardian': ofPatientOnly('cy'),
  meridian: ofNobody,
};

/** Types that somebody's role or scope does not include: asking for them is refused whatever there is. */
export const refused: Readonly<Record<string, Knows>> = {
  biller: (resource) => !(knows.biller as Knows)(resource),
  'front-desk': (resource) => !(knows['front-desk'] as Knows)(resource) && resource.resourceType !== 'RelatedPerson',
};
