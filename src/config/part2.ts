import { z } from 'zod';
import { isKnownPurpose, purposeCovers, topicNamed } from '../fhir/vocabulary.ts';
import { isActorName } from './labels.ts';

const name = z.string().min(1).max(500);
const id = z
  .string()
  .regex(/^[A-Za-z0-9\-.]{1,64}$/)
  .describe('Its name in the record: 1 to 64 letters, digits, - and .');
const recipients = z
  .array(name)
  .min(1)
  .max(100)
  .describe(
    'To whom: organizations and clients as verified by the token, as Organization/id, URI, system|value, or issuer|client_id.',
  );
const resourceTypes = z
  .array(z.string().regex(/^[A-Z][A-Za-z]{1,63}$/))
  .max(150)
  .describe('Resource types that it covers. Empty: every type but Patient, which is covered where it is listed.');
const from = z.iso.date().optional().describe('First day on which it holds.');
const until = z.iso.date().describe('Last day on which it holds.');

/** What a kind of agreement may be for, of v3-ActReason (42 CFR 2.12(c)(4), 2.51(b), 2.52, 2.53). */
const purposesOfKind: Readonly<Record<'qso' | 'research' | 'audit' | 'fda', readonly string[]>> = {
  qso: ['TREAT', 'HPAYMT', 'HOPERAT'],
  research: ['HRESCH'],
  audit: ['HOPERAT', 'HPAYMT'],
  fda: ['PUBHLTH'],
};

/** How long a notice of the FDA may open anything, first and last day included. */
const longestNoticeDays = 90;

const fdaNotice = z
  .strictObject({
    reference: z.string().min(1).max(200).describe('The reference that the FDA gave its notice.'),
    product: z.string().min(1).max(200).describe('The product that it is about. Goes into the record.'),
    error: z.enum(['manufacture', 'labeling', 'sale']).describe('Where the error was made.'),
    healthThreatened: z
      .literal(true)
      .describe('The FDA asserts a reason to believe that the health of an individual may be threatened by the error.'),
    toNotifyAlone: z
      .literal(true)
      .describe(
        'The FDA asserts that it uses the information to notify patients or their physicians of potential dangers, and for nothing else.',
      ),
    disclosedBy: z
      .string()
      .min(1)
      .max(200)
      .describe('The person who makes the disclosure (42 CFR 2.51(c)(2)). Goes into the record.'),
  })
  .describe('Of an fda agreement, and needed there: the notice that it rests on.');

const agreement = z
  .strictObject({
    id,
    kind: z
      .enum(['qso', 'research', 'audit', 'fda'])
      .describe(
        'qso: a Qualified Service Organization of the programs (42 CFR 2.11, 2.12(c)(4)); research: an approval (2.52); audit: audit and evaluation (2.53); fda: a notice of the Food and Drug Administration (2.51(b)), for persons with a role of decision.clinicianRoles alone, with types or patients, and from and until no more than 90 days apart.',
      ),
    programs: z
      .array(
        name.refine((one) => one === 'server' || isActorName(one), 'is no Type/id, URL or system|value, nor server'),
      )
      .min(1)
      .max(100)
      .describe('Programs whose records it covers, as in labels.programs; server: all Part 2 records of this server.'),
    recipients,
    purposes: z.array(z.string()).min(1).max(20).describe('Purposes of use (v3-ActReason), each with those below it.'),
    types: resourceTypes.default([]),
    patients: z
      .array(z.string().regex(/^Patient\/[A-Za-z0-9\-.]{1,64}$/))
      .max(10_000)
      .default([])
      .describe(
        'Patients whose records it covers, as Patient/id. Empty: every patient. The Patient resource of one who is listed is covered where types lists Patient, whoever made it.',
      ),
    topics: z
      .array(z.string())
      .max(50)
      .default([])
      .describe('Sensitive topics that it covers beside substance use (v3-ActCode), such as HIV. Never notes.'),
    notice: fdaNotice.optional(),
    from,
    until,
  })
  .superRefine((one, context) => {
    const { kind, purposes, topics } = one;
    const allowed = purposesOfKind[kind];
    for (const purpose of purposes) {
      const isFitting = allowed.some((one) => purposeCovers(one, purpose)) && !purposeCovers('HLEGAL', purpose);
      if (!isKnownPurpose(purpose) || !isFitting)
        context.addIssue({ code: 'custom', path: ['purposes'], message: `${purpose} is no purpose of this kind` });
    }
    for (const topic of topics) {
      if (topicNamed(topic) === undefined || topic === 'SUDCN' || topic === 'PSYTHPN')
        context.addIssue({ code: 'custom', path: ['topics'], message: `${topic} cannot be covered` });
    }
    for (const { path, message } of kind === 'fda' ? faultsOfNotice(one) : faultsOfOthers(one))
      context.addIssue({ code: 'custom', path: [path], message });
  })
  .describe('A registered agreement or approval.');

interface Fault {
  readonly path: string;
  readonly message: string;
}

/** 42 CFR 2.51(b) is about one error: it names its notice, what it needs, and a short time. */
function faultsOfNotice({
  notice,
  types,
  patients,
  from,
  until,
}: {
  readonly notice?: unknown;
  readonly types: readonly string[];
  readonly patients: readonly string[];
  readonly from?: string | undefined;
  readonly until: string;
}): readonly Fault[] {
  const days = from === undefined ? undefined : (Date.parse(until) - Date.parse(from)) / 86_400_000 + 1;
  return [
    ...(notice === undefined ? [{ path: 'notice', message: 'is needed for this kind' }] : []),
    ...(types.length + patients.length === 0 ? [{ path: 'types', message: 'or patients have to be listed' }] : []),
    ...(days === undefined ? [{ path: 'from', message: 'is needed for this kind' }] : []),
    ...(days !== undefined && (days < 1 || days > longestNoticeDays)
      ? [{ path: 'until', message: `has to be within ${longestNoticeDays} days of from` }]
      : []),
  ];
}

function faultsOfOthers({ notice }: { readonly notice?: unknown }): readonly Fault[] {
  return notice === undefined ? [] : [{ path: 'notice', message: 'is for the kind fda alone' }];
}

const order = z
  .strictObject({
    id,
    section: z
      .enum(['2.63', '2.64', '2.65', '2.66', '2.67'])
      .describe('The section of 42 CFR Part 2 that it was made under.'),
    instrument: z
      .string()
      .min(1)
      .max(200)
      .describe('The subpoena or similar that compels; an order alone only authorizes (42 CFR 2.61).'),
    recipients,
    approved: z
      .array(z.string().regex(/^[A-Z][A-Za-z]{1,63}\/[A-Za-z0-9\-.]{1,64}$/))
      .min(1)
      .max(1_000)
      .describe(
        'The resources that it covers, each approved by itself: Type/id. The Patient too, if it is to be told.',
      ),
    from,
    until,
  })
  .describe('A court order under subpart E: it opens, for HLEGAL, what is listed and nothing else.');

/** 42 CFR Part 2, as far as paper decides it. */
export const part2Config = z
  .strictObject({
    agreements: z.array(agreement).max(1_000).default([]).describe('Registered agreements and approvals.'),
    orders: z.array(order).max(1_000).default([]).describe('Registered court orders.'),
    coveredEntities: z
      .array(name)
      .max(10_000)
      .default([])
      .describe(
        'Organizations that are covered entities or business associates: what they receive for treatment, payment and operations they may disclose further as HIPAA permits (42 CFR 2.33(b)(1)).',
      ),
    intermediaries: z
      .array(name)
      .max(1_000)
      .default([])
      .describe(
        'Organizations that receive records for their participants (42 CFR 2.11). A consent that names one reaches those who act for it only where an active CareTeam of the patient names them, or the consent names them too.',
      ),
    lawEnforcement: z
      .array(name)
      .max(1_000)
      .default([])
      .describe(
        'Organizations and clients of law enforcement, as Organization/id, URI, system|value, or issuer|client_id: Part 2 records reach them for HLEGAL alone (by a consent for nothing else, or a registered order), whatever purpose they state, in emergencies too.',
      ),
    lawfulHolders: z
      .array(name)
      .max(10_000)
      .default([])
      .describe(
        'Organizations that are lawful holders without being covered entities, and that have written contracts with those who work for them (42 CFR 2.33(c)): what they receive for payment and operations alone goes with the word that these may have it (2.33(b)(3)).',
      ),
    forms: z
      .strictObject({
        accepted: z
          .array(name)
          .max(1_000)
          .default([])
          .describe(
            'Forms that say what they must on redisclosure, revocation and refusing (42 CFR 2.31(a)(4)(iii), (a)(6), (a)(10)), by the policy URI of Consents on them. A Consent on any other form is no written consent. Empty: every form counts.',
          ),
        withdrawn: z
          .array(name)
          .max(1_000)
          .default([])
          .describe(
            'Forms that were withdrawn, in the same way, one without |version in every version: a Consent on one is no written consent (42 CFR 2.31(c)).',
          ),
      })
      .prefault({})
      .describe('Forms of written consents.'),
    statement: z
      .enum(['short', 'full'])
      .default('short')
      .describe('Which of the two statements of 42 CFR 2.32(a) accompanies Part 2 records.'),
  })
  .superRefine(({ agreements, orders }, context) => {
    const ids = [...agreements, ...orders].map((one) => one.id);
    for (const twice of new Set(ids.filter((one, index) => ids.indexOf(one) !== index)))
      context.addIssue({ code: 'custom', path: ['agreements'], message: `${twice} is used twice` });
  })
  .describe('42 CFR Part 2: agreements, orders, and what accompanies its records.');

export type Part2Config = z.infer<typeof part2Config>;
