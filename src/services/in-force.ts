import {
  type AdministerEdges,
  htmlOf,
  parametersOf,
  piecesOf,
  type Review,
  reviewFor,
  textOf,
} from '../administer/administer.ts';
import type { DisclosedResource } from '../audit/recorder.ts';
import { grantFor } from '../context/context.ts';
import type { RequesterContext } from '../context/requester-context.ts';
import { disclosed } from '../discover/disclosed.ts';
import { GatewayError } from '../errors/errors.ts';
import { isId, type PatientKey, resourceKey } from '../fhir/ids.ts';
import { part2, systems } from '../fhir/vocabulary.ts';
import type { Asked, Service, ServiceAnswer } from './service.ts';
import { edgesUnder } from './under-watch.ts';

export const inForceName = 'in-force';

const contentTypes = {
  json: 'application/fhir+json; charset=utf-8',
  html: 'text/html; charset=utf-8',
  text: 'text/plain; charset=utf-8',
} as const;
type Format = keyof typeof contentTypes;

const formats: Readonly<Record<string, Format>> = {
  json: 'json',
  'application/fhir+json': 'json',
  'application/json': 'json',
  html: 'html',
  'text/html': 'html',
  text: 'text',
  'text/plain': 'text',
};

/**
 * `GET /patients/{patient}/in-force`: which Consents apply now, since when, what each says, which do not and why. For the
 * patient, who stands for her, and the roles that are granted it; for others one answer, whether she exists or not.
 * @param isManager whether the requester's roles are granted the service
 */
export function inForceService(edges: AdministerEdges, isManager: (context: RequesterContext) => boolean): Service {
  return {
    name: inForceName,
    method: 'GET',
    path: '/patients/{patient}/in-force',
    asksOwn: ({ context, parameters }) => {
      const mayBeHers = context.self === patientOf(parameters) || context.relatedPerson !== undefined;
      return mayBeHers && grantFor(context, 'read', 'Consent').granted;
    },
    async answer(asked) {
      const format = formatOf(asked);
      const patient = patientOf(asked.parameters);
      if (patient === undefined) throw new GatewayError('not-found');
      const { context, request, signal, watch } = asked;
      const asking = { patient, context, request, signal, isManager: isManager(context) };
      const review = await reviewFor(asking, edgesUnder(watch, edges));
      if (review === undefined) throw new GatewayError('not-found');
      return {
        status: 200,
        contentType: contentTypes[format],
        body: bodyOf(review, format),
        stillInForce: review.stillHolds,
        disclosed: disclosedOf(patient, review),
      };
    },
  };
}

function patientOf({ patient }: Asked['parameters']): PatientKey | undefined {
  return patient === undefined || !isId(patient) ? undefined : (resourceKey('Patient', patient) as PatientKey);
}

/** `_format`, else the one of ours that the Accept header names first, else FHIR's JSON. */
function formatOf({ query, request }: Asked): Format {
  const [first, ...others] = query;
  if (others.length > 0 || (first !== undefined && first[0] !== '_format')) throw new GatewayError('invalid-request');
  if (first !== undefined) {
    const format = Object.hasOwn(formats, first[1]) ? formats[first[1]] : undefined;
    if (format === undefined) throw new GatewayError('invalid-request');
    return format;
  }
  const accepted = (request.headers.accept ?? '').split(',').map((one) => one.split(';')[0]?.trim() ?? '');
  const named = accepted.find((one) => one.includes('/') && Object.hasOwn(formats, one));
  return named === undefined ? 'json' : (formats[named] as Format);
}

function bodyOf({ inForce, lexicon, reader }: Review, format: Format): string {
  switch (format) {
    case 'json':
      return JSON.stringify(parametersOf(inForce));
    case 'html':
      return htmlOf(piecesOf(inForce, lexicon, reader));
    case 'text':
      return textOf(piecesOf(inForce, lexicon, reader));
    default:
      return format satisfies never;
  }
}

/** What Consents say left, in other words: they are what was disclosed. */
function disclosedOf(patient: PatientKey, { reader, told }: Review): ServiceAnswer['disclosed'] {
  const code = reader === 'manager' ? 'service-grant' : reader;
  return {
    released: told.map(({ consent, item }): DisclosedResource => {
      const reasons = [{ code, step: reader === 'manager' ? 1 : 4 }] as const;
      const [, id = '', versionId] = /Consent\/([^/]+)(?:\/_history\/([^/]+))?$/.exec(consent.ref) ?? [];
      if (item !== undefined) return { ...disclosed(item, reasons), versionId, patients: [patient] };
      return {
        type: 'Consent',
        id,
        versionId,
        patients: [patient],
        labels: consent.isPart2 ? [{ system: systems.actCode, code: part2 }] : [],
        reasons,
      };
    }),
    withheld: [],
    patients: [{ patient, consents: told.map(({ consent }) => consent.ref) }],
    judged: [],
    details: [['reader', reader]],
  };
}
