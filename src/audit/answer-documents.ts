import type { Review } from './access-review.ts';
import { type AccountingLaw, type AccountingRow, lookBackYears, type Recipient } from './accounting.ts';
import type { AnswerDocument } from './answer-document.ts';
import type { Period } from './archive.ts';
import type { SeenBy } from './patient-view.ts';
import type { Received } from './received.ts';

const laws: Readonly<Record<AccountingLaw, string>> = {
  hipaa: 'Accounting of disclosures (45 CFR 164.528)',
  part2: 'Accounting of disclosures of substance use disorder records made with consent (42 CFR 2.25)',
  intermediary: 'Recipients of substance use disorder records by this intermediary (42 CFR 2.24)',
};

const scopes: Readonly<Record<AccountingLaw, string>> = {
  hipaa:
    'Listed is what this gateway released for other purposes than treatment, payment and health care operations, but not what it released to the patient. Where no purpose was stated, it is listed. What rests on a Consent is listed with it, although disclosures by authorization need not be.',
  part2:
    'Listed are records known to be protected by 42 CFR Part 2 that this gateway released with a consent of the patient, whatever the purpose. Releases in an emergency are documented apart (42 CFR 2.51).',
  intermediary: 'Listed is to whom this gateway released such records with a consent of the patient.',
};

/** What the law asks for: date, recipient, what, purpose (45 CFR 164.528(b)(2)); repeated ones by first, number and last. */
export function accountingDocument(
  patient: string,
  law: AccountingLaw,
  period: Period,
  rows: readonly AccountingRow[],
): AnswerDocument {
  return {
    title: laws[law],
    lead: [
      `Patient: ${patient}. Period: ${days(period)} (the law gives ${lookBackYears[law]} years).`,
      scopes[law],
      'It tells of this gateway alone: what left by other ways is not in its record.',
    ],
    tables: [
      {
        caption: 'Disclosures',
        columns: ['Date', 'Recipient', 'Purpose', 'What', 'Basis', 'Number', 'Last', 'Not known to have arrived'],
        rows: rows.map((row) => [
          time(row.first),
          recipient(row.recipient),
          purposesText(row.purposes),
          row.what.join(', '),
          row.basis.join('; '),
          String(row.count),
          row.count === 1 ? '' : time(row.last),
          row.uncertain === 0 ? '' : String(row.uncertain),
        ]),
        none: 'There are none.',
      },
    ],
  };
}

export function receivedDocument(received: Received, period: Period): AnswerDocument {
  const { client, answers, uncertain, empty, requesters, addresses, patients, others, isCut } = received;
  return {
    title: `What the client ${client} received`,
    lead: [
      `Period: ${days(period)}.`,
      `${answers} answers with content, to ${patients.length} patients' records; ${uncertain} of them are not known to have arrived whole. ${empty} requests were refused or held nothing.`,
      ...(isCut ? ['There is more in this period than was looked at: ask for shorter ones.'] : []),
      `For: ${requesters.join('; ')}.`,
      `From the addresses: ${addresses.join(', ')}.`,
    ],
    tables: [
      {
        caption: 'Patients',
        columns: ['Patient', 'First', 'Last', 'Part 2 records', 'Resource versions'],
        rows: patients.map((one) => [
          one.patient,
          time(one.first),
          time(one.last),
          one.holdsPart2 ? 'yes' : 'no',
          one.resources.join(', '),
        ]),
        none: 'There are none.',
      },
      {
        caption: 'About nobody',
        columns: ['Resource version'],
        rows: others.map((one) => [one]),
        none: 'There are none.',
      },
    ],
  };
}

export function reviewDocument({ requesters, roles }: Review, period: Period, dormantDays: number): AnswerDocument {
  return {
    title: 'Access review',
    lead: [
      `Period: ${days(period)}. Dormant: not seen for ${dormantDays} days. Sensitive: restricted, or of a sensitive topic.`,
      'It tells of those who asked in this period, with the roles of their last request. Who holds a role and never asked is for the identity provider to say.',
    ],
    tables: [
      {
        caption: 'Roles',
        columns: ['Role', 'Who bore it', 'Received something sensitive', 'Received nothing sensitive'],
        rows: roles.map(({ role, holders, users, unused }) => [
          role,
          String(holders),
          String(users),
          unused.join('; '),
        ]),
        none: 'No role was borne.',
      },
      {
        caption: 'People and systems, the longest unseen first',
        columns: [
          'Name',
          'Organization',
          'Issuer and subject',
          'Roles',
          'Requests',
          'Denied',
          'Sensitive',
          'Last seen',
          'Last sensitive',
          'Dormant',
        ],
        rows: requesters.map((one) => [
          one.name,
          one.organization ?? '',
          `${one.issuer} ${one.subject}`,
          one.roles.join(', '),
          String(one.requests),
          String(one.denied),
          String(one.sensitive),
          time(one.last),
          one.lastSensitive === undefined ? 'never' : time(one.lastSensitive),
          one.isDormant ? 'yes' : 'no',
        ]),
        none: 'Nobody asked.',
      },
    ],
  };
}

export function seenDocument(seen: readonly SeenBy[], period: Period): AnswerDocument {
  return {
    title: 'Who has seen my record',
    lead: [`Period: ${days(period)}.`, 'It tells what left through this gateway, the latest first.'],
    tables: [
      {
        caption: 'Seen by',
        columns: ['When', 'Who', 'Organization', 'Purpose', 'What', 'In an emergency'],
        rows: seen.map((one) => [
          time(one.at),
          one.byHerself ? `${one.who} (yourself)` : one.who,
          one.organization ?? '',
          purposesText(one.purposes),
          one.what.join(', '),
          one.inEmergency ? 'yes' : '',
        ]),
        none: 'Nobody has.',
      },
    ],
  };
}

/** Displays of HL7 v3-ActReason, for those that occur most. */
const purposeNames: Readonly<Record<string, string>> = {
  TREAT: 'treatment',
  ETREAT: 'emergency treatment',
  BTG: 'break the glass',
  HPAYMT: 'payment',
  HOPERAT: 'health care operations',
  HRESCH: 'research',
  PATRQT: 'at the request of the patient',
  FAMRQT: 'at the request of the family',
  PUBHLTH: 'public health',
  HLEGAL: 'legal',
  HMARKT: 'marketing',
  SUPNWK: 'support network',
};

function purposesText(purposes: readonly string[]): string {
  if (purposes.length === 0) return 'none stated';
  return purposes
    .map((code) => (purposeNames[code] === undefined ? code : `${purposeNames[code]} (${code})`))
    .join(', ');
}

function recipient({ name, organization, client, address }: Recipient): string {
  const affiliation = organization === undefined || organization === name ? '' : `, ${organization}`;
  return `${name}${affiliation}; by the application ${client}, network address ${address}`;
}

/** The last instant a date can stand for (ECMAScript Time Values). */
const lastInstant = 8.64e15;

function time(at: number): string {
  const text = new Date(Math.min(at, lastInstant)).toISOString();
  return text.replace('T', ' ').replace(/\.\d+Z$/, ' UTC');
}

function days({ from, to }: Period): string {
  return `${time(from)} to ${time(to)}`;
}
