import { z } from 'zod';

/** The messages of the OpenID AuthZEN Authorization API 1.0, as its text states them; what it leaves open is open here. */

const properties = z.record(z.string(), z.unknown());
const name = z.string().min(1);

/** Information Model: Subject, Resource, Action, Context. */
const subject = z.strictObject({ type: name, id: name, properties: properties.optional() });
const resource = z.strictObject({ type: name, id: name, properties: properties.optional() });
const action = z.strictObject({ name, properties: properties.optional() });
const context = properties;

/** Access Evaluation API, request: subject, action and resource are required. */
export const evaluationRequest = z.strictObject({ subject, action, resource, context: context.optional() });

/** Access Evaluation API, response: `decision` is required, `context` is anything that is an object. */
export const evaluationResponse = z.strictObject({ decision: z.boolean(), context: context.optional() });

/** Access Evaluations API, request: what stands beside the list is the default of what each of it leaves out. */
export const evaluationsRequest = z
  .strictObject({
    ...evaluationRequest.partial().shape,
    evaluations: z.array(evaluationRequest.partial()).optional(),
    options: z
      .looseObject({
        evaluations_semantic: z.enum(['execute_all', 'deny_on_first_deny', 'permit_on_first_permit']).optional(),
      })
      .optional(),
  })
  .refine(({ evaluations = [], options: _options, ...beside }) => {
    const each = evaluations.length === 0 ? [{}] : evaluations;
    return each.every((one) => evaluationRequest.safeParse({ ...beside, ...one }).success);
  });

/** Access Evaluations API, response: a decision for each, in the order of the request; one alone where the request had no list. */
export const evaluationsResponse = z.union([
  z.strictObject({ evaluations: z.array(evaluationResponse).min(1) }),
  evaluationResponse,
]);

/** Policy Decision Point Metadata: absolute URLs; search endpoints only where they are offered. */
const url = z.url({ protocol: /^https?$/ });
export const metadata = z.strictObject({
  policy_decision_point: url,
  access_evaluation_endpoint: url,
  access_evaluations_endpoint: url.optional(),
});
