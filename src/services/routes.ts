import { isDeepStrictEqual } from 'node:util';
import type { OpenDocument, Service } from './service.ts';

/** What is served, and the way to it by path. */
export interface ServiceRoutes {
  /** Path of the services' public base URL, without trailing slash. */
  readonly basePath: string;
  readonly services: readonly Service[];
  readonly documents: readonly OpenDocument[];
}

export type Way =
  | { readonly kind: 'document'; readonly document: OpenDocument }
  | { readonly kind: 'service'; readonly service: Service; readonly parameters: Readonly<Record<string, string>> }
  /** There is something, but not for this method. */
  | { readonly kind: 'method'; readonly allowed: readonly string[] };

/** Undefined where nothing is. A function of method and path alone. */
export function wayTo(
  method: string,
  path: readonly string[],
  { basePath, services, documents }: ServiceRoutes,
): Way | undefined {
  const document = documents.find((one) => isDeepStrictEqual(segmentsOf(one.path), path));
  if (document !== undefined)
    return method === 'GET' ? { kind: 'document', document } : { kind: 'method', allowed: ['GET'] };
  const allowed: string[] = [];
  for (const service of services) {
    const parameters = parametersOf(segmentsOf(`${basePath}${service.path}`), path);
    if (parameters === undefined) continue;
    if (service.method === method) return { kind: 'service', service, parameters };
    allowed.push(service.method);
  }
  return allowed.length === 0 ? undefined : { kind: 'method', allowed };
}

function segmentsOf(path: string): readonly string[] {
  return path.split('/').slice(1);
}

function parametersOf(pattern: readonly string[], path: readonly string[]): Record<string, string> | undefined {
  if (pattern.length !== path.length) return undefined;
  const parameters: Record<string, string> = {};
  for (const [index, segment] of pattern.entries()) {
    const stated = path[index] as string;
    if (segment.startsWith('{')) parameters[segment.slice(1, -1)] = stated;
    else if (segment !== stated) return undefined;
  }
  return parameters;
}
