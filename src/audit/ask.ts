import type { AuditConfig } from '../config/audit.ts';
import type { PatientKey } from '../fhir/ids.ts';
import { reviewOf } from './access-review.ts';
import { type AccountingLaw, accountingBundle, accountingOf } from './accounting.ts';
import { type AnswerDocument, htmlOf, textOf } from './answer-document.ts';
import { accountingDocument, receivedDocument, reviewDocument, seenDocument } from './answer-documents.ts';
import type { Period } from './archive.ts';
import { loadKeys } from './keys.ts';
import { Ledger } from './ledger.ts';
import { seenOf } from './patient-view.ts';
import { receivedBy } from './received.ts';

/** What the kept record can be asked. */
export type Question = Period &
  (
    | { readonly kind: 'accounting'; readonly patient: PatientKey; readonly law: AccountingLaw }
    | { readonly kind: 'received'; readonly client: string; readonly limit: number }
    | { readonly kind: 'review'; readonly dormantDays: number }
    | {
        readonly kind: 'seen';
        readonly patient: PatientKey;
        readonly withholdFromPatient: boolean;
        readonly limit: number;
      }
  );

/** `fhir` is for an accounting alone; of anything else it is `json`. */
export type AnswerFormat = 'json' | 'fhir' | 'text' | 'html';

export interface RecordAnswer {
  readonly contentType: string;
  readonly body: string;
  /** Whom it is about. */
  readonly patients: readonly PatientKey[];
}

export interface AskedRecord {
  readonly config: AuditConfig;
  readonly publicBaseUrl: string;
}

const dayMs = 86_400_000;

/**
 * Answers from the kept record alone. It reads files: not for a thread on which requests wait.
 * @throws {Error} when no record is kept, or it cannot be read.
 */
export function ask(question: Question, format: AnswerFormat, { config, publicBaseUrl }: AskedRecord): RecordAnswer {
  const ledger = new Ledger(config, loadKeys(config));
  try {
    if (question.kind === 'accounting' && format === 'fhir') {
      const { device, consentDecisions } = config;
      const source = { publicBaseUrl, device, consentDecisions };
      const records = ledger.about({ kind: 'patient', name: question.patient }, question);
      return {
        contentType: 'application/fhir+json; charset=utf-8',
        body: JSON.stringify(accountingBundle(question.patient, question.law, records, source)),
        patients: [question.patient],
      };
    }
    const { value, document, patients } = answerTo(question, ledger);
    if (format === 'text') return { contentType: 'text/plain; charset=utf-8', body: textOf(document), patients };
    if (format === 'html') return { contentType: 'text/html; charset=utf-8', body: htmlOf(document), patients };
    return { contentType: 'application/json; charset=utf-8', body: JSON.stringify(value), patients };
  } finally {
    ledger.close();
  }
}

interface Answer extends Pick<RecordAnswer, 'patients'> {
  readonly value: unknown;
  readonly document: AnswerDocument;
}

function answerTo(question: Question, ledger: Ledger): Answer {
  switch (question.kind) {
    case 'accounting': {
      const { patient, law } = question;
      const value = accountingOf(patient, law, ledger.about({ kind: 'patient', name: patient }, question));
      return { value, document: accountingDocument(patient, law, question, value), patients: [patient] };
    }
    case 'received': {
      const { client, limit } = question;
      const value = receivedBy(client, ledger.about({ kind: 'client', name: client }, question), limit);
      const patients = value.patients.map((one) => one.patient);
      return { value, document: receivedDocument(value, question), patients };
    }
    case 'review': {
      const uses = {
        requests: ledger.uses('requester', question),
        sensitive: ledger.uses('sensitiveUse', question),
        denied: ledger.uses('denied', question),
      };
      const value = reviewOf(uses, question.to - question.dormantDays * dayMs);
      return { value, document: reviewDocument(value, question, question.dormantDays), patients: [] };
    }
    case 'seen': {
      const { patient } = question;
      const value = seenOf(patient, ledger.about({ kind: 'patient', name: patient }, question), question);
      return { value, document: seenDocument(value, question), patients: [patient] };
    }
    default:
      return question satisfies never;
  }
}
