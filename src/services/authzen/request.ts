import { z } from 'zod';
import { GatewayError } from '../../errors/errors.ts';

/** Shapes of the OpenID Authorization API 1.0, sections 5 to 7. */
const properties = z.record(z.string().max(100), z.unknown());
const subject = z.strictObject({
  type: z.string().min(1).max(100),
  id: z.string().min(1).max(500),
  properties: properties.optional(),
});
const action = z.strictObject({ name: z.string().min(1).max(100), properties: properties.optional() });
const resource = z.strictObject({
  type: z.string().min(1).max(100),
  id: z.string().min(1).max(500),
  properties: properties.optional(),
});
const tuple = { subject, action, resource, context: properties.optional() };
const evaluation = z.strictObject(tuple);
const semantics = z.enum(['execute_all', 'deny_on_first_deny', 'permit_on_first_permit']);
const evaluations = z.strictObject({
  subject: subject.optional(),
  action: action.optional(),
  resource: resource.optional(),
  context: properties.optional(),
  evaluations: z.array(z.unknown()).optional(),
  options: z.strictObject({ evaluations_semantic: semantics.optional() }).optional(),
});

export type Evaluation = z.infer<typeof evaluation>;
export type Semantics = z.infer<typeof semantics>;

export interface Batch {
  readonly evaluations: readonly Evaluation[];
  readonly semantics: Semantics;
}

/** @throws {GatewayError} `service-body-invalid` */
export function readEvaluation(body: unknown): Evaluation {
  return checked(evaluation, body);
}

/**
 * Several evaluations with the defaults that stand beside them; without the list, the one that the body itself is.
 * @param maximum evaluations in one request
 * @throws {GatewayError} `service-body-invalid`
 */
export function readBatch(body: unknown, maximum: number): Batch | Evaluation {
  const { evaluations: list = [], options, ...defaults } = checked(evaluations, body);
  if (list.length === 0) return checked(evaluation, defaults);
  if (list.length > maximum) throw new GatewayError('service-body-invalid');
  return {
    evaluations: list.map((one) => checked(evaluation, isObject(one) ? { ...defaults, ...one } : one)),
    semantics: options?.evaluations_semantic ?? 'execute_all',
  };
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function checked<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value);
  if (!result.success) throw new GatewayError('service-body-invalid'); // its own words may repeat the body
  return result.data;
}
