import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { reasonTexts } from '../../src/decide/reasons.ts';

const folder = join(import.meta.dirname, '../../fixtures/scenarios');

const code = z.union([z.string(), z.record(z.string(), z.unknown())]);
const codes = z.array(code);
const reason = z.enum(Object.keys(reasonTexts) as [keyof typeof reasonTexts]);
const period = z
  .strictObject({ start: z.string().optional(), end: z.string().optional() })
  .describe('FHIR dates, or $hour-ago, $in-an-hour, $yesterday, $today, $tomorrow.');

const actor = z.union([
  z.string().describe('Reference to a recipient (role IRCP).'),
  z.strictObject({
    role: code.describe('Code of v3-ParticipationType, or system|code.'),
    reference: z.union([z.string(), z.record(z.string(), z.unknown())]),
  }),
]);

const meaning = z.enum(['instance', 'related', 'dependents', 'authoredby']);

const provision = z
  .looseObject({
    type: z.string().optional().describe('permit or deny.'),
    period: period.optional(),
    actor: z.array(actor).optional(),
    action: codes.optional().describe('Codes of consentaction.'),
    securityLabel: codes
      .optional()
      .describe('Confidentiality (U L M N R V), sensitivity (HIV, PSY ...), 42CFRPart2, SUDCN, or system|code.'),
    purpose: codes.optional().describe('Codes of v3-ActReason, or system|code.'),
    class: codes.optional().describe('Resource type, profile URL, mime type, or system|code of a document type.'),
    code: codes.optional().describe('system|code; loinc|, snomed| and icd10| for short.'),
    dataPeriod: period.optional(),
    data: z.array(z.partialRecord(meaning, z.string())).optional().describe('Meaning: reference.'),
    get provision() {
      return z.array(provision).optional();
    },
  })
  .describe('FHIR R4 Consent.provision, codes for short.');
export type Provision = z.infer<typeof provision>;

const consent = z
  .strictObject({
    like: z.string().optional().describe('A Consent of cast.yaml to begin with.'),
    without: z.array(z.string()).optional().describe('Elements to leave out of it, as paths: provision.purpose.'),
    status: z.string().optional(),
    scope: z.string().optional().describe('Code of consentscope.'),
    category: codes.optional(),
    patient: z.string().optional(),
    dateTime: z.string().optional(),
    organization: z.array(z.string()).optional(),
    policy: z.string().optional().describe('policy.uri'),
    policyRule: code.optional().describe('Code of v3-ActCode.'),
    source: z.string().optional().describe('Title of the signed paper.'),
    verified: z.boolean().optional(),
    provision: provision.optional(),
    fhir: z.record(z.string(), z.unknown()).optional().describe('Elements as they stand; null leaves one out.'),
  })
  .describe('An R4 Consent; what is not said: active, patient-privacy, of the first patient, of 2024.');
export type CompactConsent = z.infer<typeof consent>;

const provisionR5 = z
  .looseObject({
    actor: z
      .array(
        z.strictObject({
          role: code.optional().describe('Code of v3-ParticipationType, or system|code.'),
          reference: z.string().optional(),
        }),
      )
      .optional()
      .describe('By role, by reference, or both.'),
    resourceType: z.array(z.string()).optional(),
    documentType: codes.optional().describe('system|code; loinc| for short.'),
    get provision() {
      return z.array(provisionR5).optional();
    },
  })
  .describe('FHIR R5 Consent.provision, codes for short; what is not named here as in R4.');
export type ProvisionR5 = z.infer<typeof provisionR5>;

const consentR5 = z
  .strictObject({
    status: z.string().optional(),
    category: codes.optional(),
    subject: z.string().optional(),
    date: z.string().optional(),
    period: period.optional(),
    controller: z.array(z.string()).optional(),
    manager: z.array(z.string()).optional(),
    source: z.string().optional().describe('Title of the signed paper.'),
    regulatoryBasis: code.optional().describe('Code of v3-ActCode.'),
    policy: z.string().optional().describe('policyBasis.url'),
    decision: z.string().optional(),
    provision: z.array(provisionR5).optional(),
    fhir: z.record(z.string(), z.unknown()).optional().describe('Elements as they stand; null leaves one out.'),
  })
  .describe('An R5 Consent; what is not said: active, a Consent by LOINC, of the first patient, of 2024.');
export type CompactConsentR5 = z.infer<typeof consentR5>;

const resource = z
  .looseObject({
    type: z.string().describe('Resource type.'),
    labels: codes.optional().describe('meta.security.'),
    of: z
      .union([z.string(), z.array(z.string())])
      .optional()
      .describe('Patient, if not the first.'),
  })
  .describe('A FHIR resource; system|code and Type/name for short.');
export type CompactResource = z.infer<typeof resource>;

const requester = z.strictObject({
  title: z.string().optional(),
  role: z.string(),
  user: z.string().optional().describe('fhirUser.'),
  organization: z.string().optional(),
  purpose: z.string().optional().describe('Purpose of use when the scenario states none.'),
  client: z.string().optional().describe('client_id, if not the role’s usual one.'),
  launchPatient: z.string().optional().describe('Patient in the launch context (SMART patient).'),
});
export type CompactRequester = z.infer<typeof requester>;

export const scenarioSchema = z
  .strictObject({
    scenario: z.string().describe('The claim, in one sentence.'),
    because: z.string().describe('Section of the standard or law, and what it comes to.'),
    open: z.string().optional().describe('What the gateway does not do yet, so that the claim does not hold.'),
    asker: z
      .literal('stored')
      .optional()
      .describe('What the FHIR server says of the requester decides too: only over HTTP is it read.'),
    given: z.strictObject({
      settings: z.string().default('usual').describe('Settings of cast.yaml.'),
      patient: z.string().default('ada').describe('Whom the resources are about if they do not say.'),
      patients: z
        .record(z.string(), z.record(z.string(), z.unknown()))
        .default({})
        .describe('Patients and their elements.'),
      consents: z.record(z.string(), consent).default({}),
      r5: z
        .record(z.string(), consentR5)
        .default({})
        .describe('Consents in a store of its own that speaks R5; beside these there are no others.'),
      resources: z.record(z.string(), resource).default({}),
    }),
    when: z.strictObject({
      requester: z.string().describe('Requester of cast.yaml.'),
      purposeOfUse: z
        .union([z.string(), z.array(z.string())])
        .optional()
        .describe('v3-ActReason; several are asserted together; none: [].'),
      request: z.string().describe('GET and the request; names stand for ids.'),
      emergency: z
        .strictObject({
          patient: z.string().optional().describe('Header X-Emergency-Patient.'),
          reason: z.string().optional().describe('Header X-Emergency-Reason.'),
          acr: z.string().optional().describe('Claim acr of the token.'),
          signedInMinutesAgo: z.int().optional().describe('Claim auth_time of the token.'),
        })
        .optional(),
      pcf: z.record(z.string(), z.unknown()).optional().describe('Claim extensions.ihe_pcf of the token (IHE PCF).'),
    }),
    // biome-ignore lint/suspicious/noThenProperty: given, when, then are the words of the form.
    then: z.strictObject({
      refused: z.string().optional().describe('Code of the static refusal.'),
      released: z.record(z.string(), reason).default({}).describe('What is released, and a reason for it.'),
      withheld: z.record(z.string(), reason).default({}).describe('What is withheld, and why.'),
      total: z.int().optional().describe('Bundle.total of a search.'),
      notice: z.string().optional().describe('Words of the notice that accompanies a search; none: it has no notice.'),
      announced: z.boolean().default(false).describe('The search says that something was withheld (labels.announced).'),
    }),
  })
  .describe('One scenario.');
export type Scenario = z.infer<typeof scenarioSchema>;

const fileSchema = z
  .strictObject({
    group: z.string().describe('What the scenarios are about.'),
    scenarios: z.array(scenarioSchema).min(1),
  })
  .describe('Scenarios of one group of rules.');

const castSchema = z.strictObject({
  settings: z.record(
    z.string(),
    z.strictObject({
      decision: z.record(z.string(), z.unknown()).default({}),
      labels: z.record(z.string(), z.unknown()).default({}),
      emergency: z.record(z.string(), z.unknown()).default({}),
      part2: z.record(z.string(), z.unknown()).default({}),
    }),
  ),
  organizations: z.record(
    z.string(),
    z.strictObject({ identifiers: z.array(z.string()), partOf: z.string().optional() }),
  ),
  requesters: z.record(z.string(), requester),
  consents: z.record(z.string(), consent),
  directory: z.record(z.string(), resource),
});
export type Cast = z.infer<typeof castSchema>;

/** People, organizations, settings and Consents that scenarios name. */
export const cast: Cast = castSchema.parse(parse(readFileSync(join(folder, 'cast.yaml'), 'utf8')));

export interface NamedScenario {
  /** Short and unique: it goes before every id. */
  readonly id: string;
  readonly title: string;
  readonly scenario: Scenario;
}

export interface ScenarioFile {
  readonly name: string;
  readonly group: string;
  readonly scenarios: readonly NamedScenario[];
}

/** All scenario files, checked. */
export const scenarioFiles: readonly ScenarioFile[] = readdirSync(folder)
  .filter((name) => name.endsWith('.yaml') && name !== 'cast.yaml')
  .sort()
  .map((name, file) => {
    const checked = fileSchema.safeParse(parse(readFileSync(join(folder, name), 'utf8'), { merge: true }));
    if (!checked.success) throw new Error(`${name}: ${z.prettifyError(checked.error)}`);
    const { group, scenarios } = checked.data;
    return {
      name,
      group,
      scenarios: scenarios.map((scenario, index) => ({
        id: `f${file}s${index + 1}`,
        title: scenario.scenario,
        scenario,
      })),
    };
  });

/** The form of a scenario file as JSON Schema, for editors and for those who write with other tools. */
export function scenarioJsonSchema(): string {
  return `${JSON.stringify(z.toJSONSchema(fileSchema, { io: 'input' }), null, 2)}\n`;
}
