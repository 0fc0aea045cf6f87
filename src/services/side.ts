import type { AdministerEdges } from '../administer/administer.ts';
import type { DescribedRequester } from '../authenticate/authenticate.ts';
import type { Requester } from '../authenticate/requester.ts';
import type { FhirVersion } from '../consent/parse.ts';
import type { ParsedConsent, UnreadableConsent } from '../consent/parsed.ts';
import type { PatientKey } from '../fhir/ids.ts';

/** One set of rules, over one store. */
export interface Side {
  readonly edges: AdministerEdges;
  /** The same with drafts in force. */
  readonly edgesWith: (patient: PatientKey, drafts: readonly ParsedConsent[]) => AdministerEdges;
  readonly requesterOf: (described: DescribedRequester, at: number) => Requester;
  readonly parserFor: (version: FhirVersion) => (json: unknown) => ParsedConsent | UnreadableConsent;
}
