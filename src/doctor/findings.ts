/** `fault`: do not go into production with it. `warning`: know it. */
type Severity = 'fault' | 'warning';

interface Entry {
  readonly severity: Severity;
  readonly what: string;
  readonly why: string;
  readonly todo: string;
}

const fault = (what: string, why: string, todo: string): Entry => ({ severity: 'fault', what, why, todo });
const warning = (what: string, why: string, todo: string): Entry => ({ severity: 'warning', what, why, todo });

/** Everything that the doctor can find. `docs/doctor.md` is generated from it. */
export const findings = {
  'upstream-unreachable': fault(
    'The FHIR server does not answer GET metadata.',
    'The gateway can answer nobody.',
    'Check upstream.baseUrl, upstream.tls, and that the network lets the gateway reach it.',
  ),
  'upstream-other-version': fault(
    'The FHIR server is not of the version of FHIR that upstream.fhirVersion names.',
    'Elements of another version would be read wrongly or not at all, so nothing is read.',
    'Name the base of that version of the server, or set upstream.fhirVersion to what it is: R4 or R5.',
  ),
  'upstream-credential-refused': fault(
    "The FHIR server refuses the gateway's credential.",
    'Every read fails.',
    'Check the file that upstream.authorizationFile names, and what that credential may read: everything, Consents too.',
  ),
  'upstream-open': fault(
    'The FHIR server answers without any credential.',
    'Whoever reaches it gets everything, past every Consent: the gateway guards nothing.',
    'Make the server ask for a credential, or let no network but the gateway reach it and leave upstream.authorizationFile out.',
  ),
  'upstream-guarded-by-network': warning(
    'The FHIR server asks for no credential, and none is configured.',
    'Only the network keeps others from it.',
    'Prove that nothing but the gateway can connect to it; better, make it ask for a credential.',
  ),
  'parameter-ignored': fault(
    'The FHIR server ignores a search parameter: a value that nobody has finds something.',
    'The gateway would read the Consents of everybody, or give up at its limits. It decides by what it reads, so nothing leaks, but nothing works either.',
    'Switch the parameter on at the server.',
  ),
  'count-ignored': fault('The FHIR server ignores _count.', 'Pages cannot be bounded.', 'Switch it on at the server.'),
  'post-search-refused': fault(
    'The FHIR server does not take searches by POST.',
    'The gateway searches by POST alone, so that names and birth dates stay out of the logs of the server.',
    'Switch POST _search on at the server and in whatever stands between.',
  ),
  'id-list-ignored': fault(
    'A search for two ids does not find both.',
    'References are resolved by lists of ids: what is not found counts as hidden.',
    'Switch lists of values in _id on at the server.',
  ),
  'next-links-missing': fault(
    'The FHIR server gives no next link where there is more.',
    'Searches would end after the first page, and lack the rest.',
    'Set upstream.paging to offset if it takes _offset.',
  ),
  'next-link-stuck': fault(
    'A next link leads to the page that it stands on.',
    'Searches cannot be answered.',
    'Update the server, or set upstream.paging to offset if it takes _offset.',
  ),
  'next-link-elsewhere': fault(
    'A next link leads out of the configured base.',
    'The gateway does not follow it: its credential would go along.',
    "Set upstream.baseUrl to the base that the server's own links have, path included.",
  ),
  'offset-ignored': fault(
    'The FHIR server ignores _offset.',
    'Every page would be the first one.',
    'Set upstream.paging to links.',
  ),
  'sort-by-id-refused': fault(
    'The FHIR server cannot sort by _id.',
    'Pages have no total order: what changes between two pages is lost or repeated.',
    'Set upstream.sortTieBreak to false, and know that.',
  ),
  'ids-repeat': fault(
    'One search gives two resources of one type with the same id.',
    'The gateway tells resources apart by type and id.',
    'This is no FHIR server that can be guarded; update it.',
  ),
  'ids-sequential': warning(
    'Ids of resources are numbers that count up.',
    'Gaps between the ids that somebody may see tell how much is hidden.',
    'Let the server give random ids.',
  ),
  'versions-missing': warning(
    'Resources have no meta.versionId.',
    'The record cannot say which version left, and Consents are parsed again for each request.',
    'Switch versions on at the server.',
  ),
  'history-missing': warning(
    'The FHIR server gives no history of a resource.',
    'vread and history answer "no such resource".',
    'Switch it on if clients need them.',
  ),
  'answers-encoded': fault(
    'The FHIR server compresses although it is asked not to.',
    'The gateway reads identity-encoded JSON alone.',
    'Switch compression off for the gateway.',
  ),
  'reads-lag': fault(
    'What was written a moment ago is not found by a search.',
    'A Consent that was just revoked would still count.',
    'Make searches of the server consistent with its writes, or expect revocations as late as its index is.',
  ),
  'consents-unfindable': fault(
    'A Consent that is stored is not found by its patient.',
    'The gateway does not know of it: what it denies is given.',
    'Index the Consents anew. HAPI FHIR with referential integrity off does not index a Consent that was written before its Patient: keep it on, or write Patients first.',
  ),
  'label-systems-unknown': warning(
    'Resources bear labels of a system that the gateway does not know.',
    'Each counts as restricted: whoever is not cleared does not get what bears it.',
    'Map them in labels.mappedLabels, or name the system in labels.ignoredLabelSystems.',
  ),
  'clock-off': fault(
    'The clock of this machine and that of another part differ by more than a minute.',
    'Tokens are refused, or accepted after their end; Consents begin and end at the wrong time.',
    'Set both by NTP.',
  ),
  'issuer-unreachable': fault(
    'An issuer of tokens gives no metadata or no keys, or its metadata names another issuer.',
    'Its tokens are refused.',
    'Check identity.issuers: issuer exactly as its tokens state it, discovery, jwksUri, and the network.',
  ),
  'issuer-keys-unusable': fault(
    'No key of an issuer is for an algorithm that is configured for it.',
    'Its tokens are refused.',
    'Name the algorithm that it signs with in identity.issuers[].algorithms.',
  ),
  'audit-unreachable': fault(
    'An audit repository does not answer, or refuses the credential.',
    'Records wait in the outbox; when it is full, nothing is disclosed.',
    'Check the address and authorizationFile of the sink.',
  ),
  'audit-file-unwritable': fault(
    'The file of an audit trail cannot be written.',
    'Records wait in the outbox; when it is full, nothing is disclosed.',
    'Give the gateway a folder that it may write to.',
  ),
  'outbox-unwritable': fault(
    'The folder of the outbox cannot be written.',
    'The gateway does not start.',
    'Mount a volume that it may write to.',
  ),
  'outbox-in-memory': fault(
    'The outbox lies on a file system in memory.',
    'Records of disclosures are lost with the machine.',
    'Put audit.outboxFile on a volume that survives it.',
  ),
  'outbox-too-small': fault(
    'The volume of the outbox has less room than audit.maximumBytes.',
    'It would be full before the alarm is given.',
    'Enlarge the volume, or lower audit.maximumBytes.',
  ),
  'redis-unreachable': fault(
    'Redis does not answer.',
    'Replicas do not hear of each other: revocations take up to consent.maximumAgeMs, limits count for each alone.',
    'Check redis.servers, the user and its password.',
  ),
  'redis-evicts': warning(
    'Redis may evict keys when its memory is full.',
    'What replicas tell each other may be lost; the gateway then asks the FHIR server again.',
    'Set maxmemory-policy to noeviction, or give the gateway a Redis of its own.',
  ),
} as const satisfies Record<string, Entry>;

export type FindingCode = keyof typeof findings;

/** One thing that was found, and where: a URL, a parameter, a system. Never data of a patient. */
export interface Finding {
  readonly code: FindingCode;
  readonly where: string;
}

export function severityOf({ code }: Finding): Severity {
  return findings[code].severity;
}
