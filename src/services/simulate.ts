import { z } from 'zod';
import {
  keysToName,
  type Lexicon,
  namesOf,
  readDraft,
  type Simulation,
  simulate,
  simulationJson,
  simulationPieces,
  textOf,
} from '../administer/administer.ts';
import { describedRequester } from '../authenticate/authenticate.ts';
import type { ParsedConsent, Provision } from '../consent/parsed.ts';
import type { RequesterContext } from '../context/requester-context.ts';
import { GatewayError } from '../errors/errors.ts';
import { disclosedOf, isOwn, maximumResources, patientOf, resourceList, saysAbsent } from './explain.ts';
import { readableDrafts, readableRequester, WorldsBeside } from './own-terms.ts';
import type { Asked, Service, ServiceAnswer } from './service.ts';
import type { Side } from './side.ts';
import { edgesUnder } from './under-watch.ts';

export const simulateName = 'simulate';

/** Of all drafts that a patient tries. */
const maximumProvisions = 1_200;

const body = z.strictObject({
  requesters: z
    .record(z.string().min(1).max(100), describedRequester)
    .refine((all) => Object.keys(all).length > 0 && Object.keys(all).length <= 20),
  consents: z.array(z.record(z.string(), z.unknown())).max(20).default([]),
  fhirVersion: z.enum(['R4', 'R4B', 'R5']).default('R4'),
  resources: resourceList.optional(),
  format: z.enum(['json', 'text']).default('json'),
});

/**
 * `POST /patients/{patient}/simulate`: who would gain and lose what of her record if draft Consents were in force. As
 * explaining, it is for roles that are granted it, and for the patient on what she can read herself: what else a draft names is to her
 * as if it were not there.
 */
export function simulateService(
  before: Side,
  after: Side,
  isGranted: (context: RequesterContext) => boolean,
): Service & { tryOut(asked: Asked): Promise<{ readonly answer: ServiceAnswer; readonly hasChanges: boolean }> } {
  const tryOut = async (asked: Asked) => {
    const { request, signal, at, context, watch } = asked;
    const edges = edgesUnder(watch, before.edges);
    const patient = patientOf(asked.parameters);
    const parsed = body.safeParse(asked.body);
    if (!parsed.success) throw new GatewayError('service-body-invalid', { cause: parsed.error });
    if (patient === undefined) throw new GatewayError('not-found');
    const { consents, fhirVersion, requesters, resources, format } = parsed.data;
    const parse = after.parserFor(fhirVersion);
    const own = () => edges.worldFor(context, request, signal, 'read');
    const beside = new WorldsBeside(own);
    const mayKnowAll = isGranted(context);
    const readable = mayKnowAll
      ? { drafts: consents, namesUnread: false, inTheirWords: (text: string) => text }
      : await readableDrafts(consents, beside.open(), edges.keyOf);
    const drafts = readable.drafts.map((json, index) => {
      const draft = readDraft({ json, parse }, patient, index + 1, at);
      if (typeof draft === 'string') throw new GatewayError('service-body-invalid');
      return draft;
    });
    // Who pays for a long one is everybody; those who are granted it may.
    if (!mayKnowAll && drafts.reduce((sum, one) => sum + provisionsIn(one), 0) > maximumProvisions)
      throw new GatewayError('service-body-invalid');
    const simulation = await simulate(
      {
        patient,
        requesters: await Promise.all(
          Object.entries(requesters).map(async ([name, stated]) => {
            const described = mayKnowAll ? stated : await readableRequester(stated, beside.open(), before.edges.keyOf);
            return { name, before: before.requesterOf(described, at), after: after.requesterOf(described, at) };
          }),
        ),
        keys: resources,
        maximum: maximumResources,
        request,
        signal,
        ...(mayKnowAll ? {} : { within: own }),
      },
      edges,
      edgesUnder(watch, after.edgesWith(patient, drafts)),
    );
    const known = simulation.requesters.flatMap((one) => [
      ...one.before.consents.values(),
      ...one.after.consents.values(),
    ]);
    const lexicon: Lexicon = {
      calendar: edges.calendar,
      names: await namesOf(keysToName(known), beside.open()),
    };
    const answer = answerOf(simulation, lexicon, format);
    return {
      answer: {
        ...answer,
        body: readable.inTheirWords(answer.body),
        negative: answer.negative === true || readable.namesUnread,
        stillInForce: () => beside.holdWith(simulation.stillHolds),
      },
      hasChanges: simulation.hasChanges,
    };
  };
  return {
    name: simulateName,
    method: 'POST',
    path: '/patients/{patient}/simulate',
    asksOwn: isOwn,
    answer: async (asked) => (await tryOut(asked)).answer,
    tryOut,
  };
}

function provisionsIn({ root, nested }: ParsedConsent): number {
  const count = ({ children }: Provision): number => children.reduce((sum, child) => sum + count(child), 1);
  return [...(root === undefined ? [] : [root]), ...nested].reduce((sum, one) => sum + count(one), 0);
}

function answerOf(simulation: Simulation, lexicon: Lexicon, format: 'json' | 'text'): ServiceAnswer {
  const told = simulation.requesters.map(({ before }) => disclosedOf(before));
  return {
    status: 200,
    contentType: format === 'json' ? 'application/json; charset=utf-8' : 'text/plain; charset=utf-8',
    body:
      format === 'json'
        ? JSON.stringify(simulationJson(simulation, lexicon))
        : textOf(simulationPieces(simulation, lexicon)),
    negative: simulation.requesters.some(({ before }) => saysAbsent(before)),
    disclosed: {
      released: [],
      withheld: [],
      patients: [
        {
          patient: simulation.patient,
          consents: [...new Set(told.flatMap(({ patients }) => patients.flatMap(({ consents }) => consents)))].sort(),
        },
      ],
      // What was compared is told of once, whoever it was compared for.
      judged: told[0]?.judged ?? [],
      details: [
        ...new Map(told.flatMap(({ details }) => details).map((detail) => [detail.join('='), detail])).values(),
      ],
    },
  };
}
