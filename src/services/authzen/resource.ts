import { z } from 'zod';
import { readOne } from '../../discover/read.ts';
import { isGranted, type SearchWorld } from '../../discover/search.ts';
import type { Visible } from '../../discover/visibility.ts';
import { Content } from '../../document/content.ts';
import { scan } from '../../document/tape.ts';
import { isId, type ResourceKey, resourceKey } from '../../fhir/ids.ts';
import { childrenOf, isResourceType } from '../../fhir/model.ts';
import { aboutElements, directoryTypes } from '../../label/roles.ts';
import type { Evaluation } from './request.ts';

type Resource = Evaluation['resource'];

/** What is to be decided on: a resource of the FHIR server, or one that is kept elsewhere and described. */
export type Target =
  | { readonly kind: 'stored'; readonly key: ResourceKey }
  | {
      readonly kind: 'described';
      readonly key: ResourceKey;
      readonly patient: string | undefined;
      readonly json: string;
    };

const coding = z.strictObject({ system: z.string().min(1).max(500), code: z.string().min(1).max(200) });
const description = z.strictObject({
  patient: z
    .string()
    .regex(/^Patient\/[A-Za-z0-9\-.]{1,64}$/)
    .optional(),
  securityLabel: z.array(coding).max(100).default([]),
  code: z.array(coding).max(100).default([]),
});

const limits = { maximumDepth: 16, maximumMembers: 200, maximumNodes: 10_000, maximumStringBytes: 4_096 };

/** Undefined when something of it is not understood, or a resource of this type cannot say it. */
export function targetOf({ type, id, properties = {} }: Resource): Target | undefined {
  const elements = isResourceType(type) && isId(id) ? childrenOf(type) : undefined;
  if (elements === undefined) return undefined;
  const key = resourceKey(type, id);
  if (Object.keys(properties).length === 0) return { kind: 'stored', key };
  const described = description.safeParse(properties);
  if (!described.success) return undefined;
  const { patient, securityLabel, code } = described.data;
  const about = aboutElements.find((name) => elements.has(name));
  if (type === 'Patient' ? patient !== key : patient !== undefined && about === undefined) return undefined;
  // What is not said to be about somebody may be: whom an Appointment is about cannot be said here.
  if (patient === undefined && !directoryTypes.has(type)) return undefined;
  if (code.length > 0 && !elements.has('code')) return undefined;
  const json = JSON.stringify({
    resourceType: type,
    id,
    ...(securityLabel.length === 0 ? {} : { meta: { security: securityLabel } }),
    ...(patient === undefined || about === undefined ? {} : { [about]: { reference: patient } }),
    ...(code.length === 0 ? {} : { code: { coding: code } }),
  });
  return { kind: 'described', key, patient, json };
}

/** What of it the requester of this world may know, by the one question that every route asks. */
export async function visibleIn(world: SearchWorld, target: Target): Promise<Visible | undefined> {
  if (target.kind === 'stored') return readOne(target.key, world);
  const content = Content.received(scan(Buffer.from(target.json), limits), 0);
  const [item] = await world.visibility.admit([content]);
  const visible = item === undefined ? undefined : world.visibility.visible(item);
  if (visible !== undefined && isGranted(visible, world)) return visible;
  if (item !== undefined) world.withheld.add(item);
  await world.visibility.establishAny();
  return undefined;
}
