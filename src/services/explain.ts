import { z } from 'zod';
import {
  type Explanation,
  explain,
  explanationJson,
  explanationPieces,
  keysToName,
  type Lexicon,
  namesOf,
  textOf,
} from '../administer/administer.ts';
import { describedRequester } from '../authenticate/authenticate.ts';
import { grantFor } from '../context/context.ts';
import type { RequesterContext } from '../context/requester-context.ts';
import { disclosed } from '../discover/disclosed.ts';
import type { Item } from '../discover/visibility.ts';
import { GatewayError } from '../errors/errors.ts';
import { isId, type PatientKey, parseRelativeReference, type ResourceKey, resourceKey } from '../fhir/ids.ts';
import { toldOf } from '../label/facts.ts';
import { readableRequester, WorldsBeside } from './own-terms.ts';
import type { Asked, Service, ServiceAnswer } from './service.ts';
import type { Side } from './side.ts';
import { edgesUnder } from './under-watch.ts';

export const explainName = 'explain';

export const maximumResources = 500;

/** `Type/id`, each once or more. */
export const resourceList = z
  .array(
    z
      .string()
      .refine((text) => text.split('/').length === 2)
      .transform((text, context): ResourceKey => {
        const key = parseRelativeReference(text);
        if (key === undefined) context.addIssue({ code: 'custom', message: 'must be Type/id' });
        return key ?? z.NEVER;
      }),
  )
  .min(1)
  .max(maximumResources);

const body = z.strictObject({
  requester: describedRequester,
  resources: resourceList.optional(),
  emergency: z.boolean().default(false).describe('As if the requester stated an emergency of this patient.'),
  format: z.enum(['json', 'text']).default('json'),
});

/**
 * `POST /patients/{patient}/explain`: what a requester would receive of her record, and by which Consent version,
 * provision and rule. It tells of what is hidden, so it is for roles that are granted it; the patient asks about her own
 * record, and is told of what she can see herself.
 */
export function explainService(
  { edges: unwatchedEdges, requesterOf }: Pick<Side, 'edges' | 'requesterOf'>,
  isExplainer: (context: RequesterContext) => boolean,
): Service {
  return {
    name: explainName,
    method: 'POST',
    path: '/patients/{patient}/explain',
    asksOwn: isOwn,
    async answer(asked) {
      const patient = patientOf(asked.parameters);
      const parsed = body.safeParse(asked.body);
      if (!parsed.success) throw new GatewayError('service-body-invalid');
      if (patient === undefined) throw new GatewayError('not-found');
      const { requester, resources, emergency, format } = parsed.data;
      const { request, signal, at, context, watch } = asked;
      const edges = edgesUnder(watch, unwatchedEdges);
      const own = () => edges.worldFor(context, request, signal, 'read');
      const beside = new WorldsBeside(own);
      const mayKnowAll = isExplainer(context);
      const described = mayKnowAll ? requester : await readableRequester(requester, beside.open(), edges.keyOf);
      const explanation = await explain(
        {
          patient,
          requester: requesterOf(described, at),
          keys: resources,
          maximum: maximumResources,
          statesEmergency: emergency,
          request,
          signal,
          ...(mayKnowAll ? {} : { within: own }),
        },
        edges,
      );
      const names = await namesOf(keysToName([...explanation.consents.values()]), beside.open());
      const lexicon: Lexicon = { calendar: edges.calendar, names };
      return {
        status: 200,
        contentType: format === 'json' ? 'application/json; charset=utf-8' : 'text/plain; charset=utf-8',
        body:
          format === 'json'
            ? JSON.stringify(explanationJson(explanation, lexicon))
            : textOf(explanationPieces(explanation, lexicon)),
        negative: saysAbsent(explanation),
        stillInForce: () => beside.holdWith(explanation.stillHolds),
        disclosed: disclosedOf(explanation),
      };
    },
  };
}

export function patientOf({ patient }: Asked['parameters']): PatientKey | undefined {
  return patient === undefined || !isId(patient) ? undefined : (resourceKey('Patient', patient) as PatientKey);
}

/** She asks about herself, by an app that may read her Consents: explaining tells what they say. Static: from token and path alone. */
export function isOwn({ context, parameters }: Pick<Asked, 'context' | 'parameters'>): boolean {
  const isHerself = context.self !== undefined && context.self === patientOf(parameters);
  return isHerself && grantFor(context, 'read', 'Consent').granted;
}

/** What is kept from her is said to be absent, after more work than what is. */
export function saysAbsent({ resources }: Explanation): boolean {
  return resources.some(({ verdict }) => verdict === 'absent');
}

/** Nothing of the content leaves; that there is something, and how it fares, does. */
export function disclosedOf({ patient, resources, requester, purposes }: Explanation): ServiceAnswer['disclosed'] {
  const whom = ({ reading: { facts } }: Item): readonly PatientKey[] => {
    const told = toldOf(facts);
    // Of what she shares with others it is told as hers.
    return told === facts.participants && told.includes(patient) ? [patient] : told;
  };
  const judged = resources.flatMap(({ item, reasons }) =>
    item === undefined ? [] : disclosed(item, reasons, { patients: whom(item) }),
  );
  const consents = new Set(resources.flatMap(({ votes }) => votes.map(({ consent }) => consent)));
  return {
    released: [],
    withheld: [],
    patients: [{ patient, consents: [...consents].sort() }],
    judged,
    details: [
      ['explained-subject', requester.subject],
      ['explained-roles', requester.roles.join(' ')],
      ['explained-purposes', purposes.join(' ')],
    ],
  };
}
