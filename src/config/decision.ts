import { z } from 'zod';

/** What a deployment decides where the law and the standards leave a choice. */
export const decisionConfig = z
  .strictObject({
    implicitPolicy: z
      .enum(['deny', 'break-glass-only', 'basic-normal', 'all-normal'])
      .default('basic-normal')
      .describe(
        'What holds where no Consent speaks (IHE PCF implicit policies). basic-normal: clinicians for treatment and billing for payment receive ordinary data.',
      ),
    clinicianRoles: z
      .array(z.string())
      .default(['clinician', 'counselor'])
      .describe('Roles that count as clinicians for basic-normal.'),
    billingRoles: z.array(z.string()).default(['billing']).describe('Roles that count as billing for basic-normal.'),
    billingTypes: z
      .array(z.string())
      .default([
        'Patient',
        'Coverage',
        'Claim',
        'ClaimResponse',
        'ExplanationOfBenefit',
        'Account',
        'ChargeItem',
        'Invoice',
        'CoverageEligibilityRequest',
        'CoverageEligibilityResponse',
      ])
      .describe('Resource types that billing receives by basic-normal.'),
    conflictStrategy: z
      .enum(['deny-overrides', 'most-recent', 'most-specific'])
      .default('deny-overrides')
      .describe('Which of several Consents counts. deny-overrides: any deny wins.'),
    withholdFromPatient: z
      .boolean()
      .default(false)
      .describe('Honour NOPAT and TBOO labels against the patient herself.'),
    representativesSeeNotes: z
      .boolean()
      .default(false)
      .describe('Personal representatives receive SUD counseling and psychotherapy notes.'),
    sudIsPart2: z
      .boolean()
      .default(true)
      .describe('A substance-use topic counts as 42 CFR Part 2 data whatever its source.'),
    organizations: z
      .array(z.string())
      .default([])
      .describe(
        'Organizations the gateway acts for: Type/id, URL or system|value. Consents of others cannot permit here. Empty: any may.',
      ),
    foreignDenyBinds: z.boolean().default(true).describe('A deny in a Consent of another organization binds here.'),
    part2PolicyUris: z.array(z.string()).default([]).describe('Consent.policy.uri values that mark a Part 2 consent.'),
    part2RequiresVerification: z
      .boolean()
      .default(false)
      .describe('A Part 2 consent permits only when Consent.verification.verified is true.'),
    harmlessExtensions: z
      .array(z.string())
      .default([
        'http://hl7.org/fhir/StructureDefinition/rendering-style',
        'http://hl7.org/fhir/StructureDefinition/narrativeLink',
        'http://hl7.org/fhir/StructureDefinition/translation',
      ])
      .describe(
        'Extensions in Consents that change no meaning. Any other makes what it stands on count in a deny and not in a permit.',
      ),
    timeZone: z.string().default('UTC').describe('IANA zone in which dates without an offset are read.'),
  })
  .describe('Decisions.');
