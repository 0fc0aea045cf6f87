import { type AnswerFormat, askAside, lookBackYears, type Question, yearsBefore } from '../../audit/answers.ts';
import type { AuditConfig } from '../../config/audit.ts';
import { grantFor } from '../../context/context.ts';
import { GatewayError } from '../../errors/errors.ts';
import { isId, type PatientKey } from '../../fhir/ids.ts';
import type { Asked, Service, ServiceAnswer } from '../service.ts';

/** The grants for asking the kept record. */
export const recordNames = {
  accounting: 'record-accounting',
  received: 'record-received',
  review: 'record-review',
  seen: 'record-seen',
} as const;

export interface RecordParts {
  readonly config: AuditConfig;
  /** FHIR base URL as clients know it. */
  readonly publicBaseUrl: string;
  /** What labels keep from the patient is kept from her in her own view. */
  readonly withholdFromPatient: boolean;
}

/** Answers, patients or clients at most, of one question. */
const limit = 100_000;
const dormantDays = 90;
const laws = Object.keys(lookBackYears) as (keyof typeof lookBackYears)[];
const formats: readonly AnswerFormat[] = ['json', 'text', 'html', 'fhir'];

/** What the kept record answers to those whom the configuration grants it, and to a patient about herself. */
export function recordServices(parts: RecordParts): readonly Service[] {
  const serve = (name: string, path: string, questionOf: (asked: Asked, given: Given) => Question): Service => ({
    name,
    method: 'GET',
    path,
    answer: (asked) => answered(asked, questionOf, parts),
  });
  return [
    serve(recordNames.accounting, '/record/patients/{patient}/accounting', (asked, given) => {
      const law = given.oneOf('law', laws, 'hipaa');
      const period = given.period(yearsBefore(asked.at, lookBackYears[law]));
      return { kind: 'accounting', patient: patientOf(asked), law, ...period };
    }),
    {
      ...serve(recordNames.seen, '/record/patients/{patient}/seen', (asked, given) => {
        const { withholdFromPatient } = parts;
        const period = given.period(yearsBefore(asked.at, lookBackYears.hipaa));
        return { kind: 'seen', patient: patientOf(asked), withholdFromPatient, limit, ...period };
      }),
      // By an app that she lets see who looked at her record (SMART App Launch scopes).
      asksOwn: ({ context, parameters }) =>
        context.self !== undefined &&
        context.self === `Patient/${parameters.patient}` &&
        grantFor(context, 'read', 'AuditEvent').granted,
    },
    serve(recordNames.received, '/record/clients/{client}/received', (asked, given) => ({
      kind: 'received',
      client: decoded(asked.parameters.client ?? ''),
      limit,
      ...given.period(yearsBefore(asked.at, lookBackYears.hipaa)),
    })),
    serve(recordNames.review, '/record/access-review', (asked, given) => ({
      kind: 'review',
      dormantDays: given.number('dormant-days', dormantDays),
      ...given.period(yearsBefore(asked.at, 1)),
    })),
  ];
}

async function answered(
  asked: Asked,
  questionOf: (asked: Asked, given: Given) => Question,
  { config, publicBaseUrl }: RecordParts,
): Promise<ServiceAnswer> {
  const given = new Given(asked);
  const question = questionOf(asked, given);
  const format = given.oneOf('format', formats, 'json');
  if (!given.isAllKnown || (format === 'fhir' && question.kind !== 'accounting'))
    throw new GatewayError('invalid-request');
  const { contentType, body, patients } = await askAside(question, format, { config, publicBaseUrl }, asked.signal);
  return {
    status: 200,
    contentType,
    body,
    disclosed: {
      patients: patients.map((patient) => ({ patient, consents: [] })),
      judged: [],
      released: [],
      withheld: [],
      details: [
        ['asked', question.kind],
        ['from', new Date(question.from).toISOString()],
        ['to', new Date(question.to).toISOString()],
      ],
    },
  };
}

function patientOf({ parameters }: Asked): PatientKey {
  const { patient = '' } = parameters;
  if (!isId(patient)) throw new GatewayError('invalid-request');
  return `Patient/${patient}` as PatientKey;
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch (error) {
    throw new GatewayError('invalid-request', { cause: error });
  }
}

/** The query of a question: every parameter once, and none that is not asked for. */
class Given {
  readonly #at: number;
  readonly #values: ReadonlyMap<string, string>;
  readonly #known = new Set<string>();

  constructor({ query, at }: Asked) {
    this.#at = at;
    this.#values = new Map(query);
    if (this.#values.size !== query.length) throw new GatewayError('invalid-request');
  }

  get isAllKnown(): boolean {
    return [...this.#values.keys()].every((name) => this.#known.has(name));
  }

  oneOf<Word extends string>(name: string, words: readonly Word[], otherwise: Word): Word {
    const value = this.#value(name) ?? otherwise;
    const word = words.find((one) => one === value);
    if (word === undefined) throw new GatewayError('invalid-request');
    return word;
  }

  number(name: string, otherwise: number): number {
    const value = this.#value(name);
    if (value === undefined) return otherwise;
    if (!/^[1-9]\d{0,4}$/.test(value)) throw new GatewayError('invalid-request');
    return Number(value);
  }

  /** `from` and `to` as dates or instants. */
  period(start: number): { readonly from: number; readonly to: number } {
    return { from: this.#time('from') ?? start, to: this.#time('to') ?? this.#at + 1 };
  }

  #time(name: string): number | undefined {
    const value = this.#value(name);
    if (value === undefined) return undefined;
    const at = /^\d{4}-\d{2}-\d{2}/.test(value) ? Date.parse(value) : Number.NaN;
    if (Number.isNaN(at)) throw new GatewayError('invalid-request');
    return at;
  }

  #value(name: string): string | undefined {
    this.#known.add(name);
    return this.#values.get(name);
  }
}
