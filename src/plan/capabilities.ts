import { fhirVersion, publishedVersions } from '../fhir/version.ts';
import type { PlanSettings } from './plan.ts';
import { staticRefusals } from './refusals.ts';
import { compartmentParameters, parametersOf, type SearchParameter } from './registry.ts';
import { refusedTypes, servedTypes } from './served.ts';

/** What the statement says besides what is served. */
export interface Publication {
  /** Version of the gateway's software. */
  readonly version: string;
  /** When this statement last changed: a FHIR dateTime. */
  readonly date: string;
  /** OAuth 2.0 endpoints for apps that read them here (SMART App Launch 1.0); newer ones use smart-configuration. */
  readonly authorizeUrl?: string;
  readonly tokenUrl?: string;
}

type Json = Readonly<Record<string, unknown>>;

/**
 * The gateway's own CapabilityStatement, of the version of its data: what it serves, whatever the FHIR server behind it could do. It says
 * nothing about that server.
 */
export function capabilityStatement(settings: PlanSettings, publication: Publication): Json {
  const served = new Map(servedTypes().map((type) => [type, servedParameters(type, settings)]));
  const references = [...served.values()].flat().filter(({ kind }) => kind === 'reference');
  return {
    resourceType: 'CapabilityStatement',
    status: 'active',
    date: publication.date,
    kind: 'instance',
    software: { name: 'fhir-consent-gateway', version: publication.version },
    implementation: {
      description: 'A gateway that answers with what the requester may know, by Consent and security label.',
      url: settings.publicBase,
    },
    fhirVersion: publishedVersions[fhirVersion()],
    format: ['application/fhir+json', 'json'],
    rest: [
      {
        mode: 'server',
        documentation: documentation(settings),
        security: security(publication),
        resource: servedTypes().map((type) => resource(type, served.get(type) ?? [], references)),
        searchParam: commonParameters(served),
        compartment: ['Device', 'Encounter', 'Patient', 'Practitioner', 'RelatedPerson']
          .filter((root) => servedTypes().some((type) => compartmentParameters(root, type) !== undefined))
          .map((root) => `http://hl7.org/fhir/CompartmentDefinition/${root.charAt(0).toLowerCase()}${root.slice(1)}`),
      },
    ],
  };
}

function servedParameters(type: string, { refusedParameters }: PlanSettings): readonly SearchParameter[] {
  return parametersOf(type).filter(
    ({ name }) => !refusedParameters.includes(name) && !refusedParameters.includes(`${type}.${name}`),
  );
}

function resource(type: string, parameters: readonly SearchParameter[], references: readonly SearchParameter[]): Json {
  const includes = parameters.filter(({ kind }) => kind === 'reference').map(({ name }) => `${type}:${name}`);
  const reverse = references
    .filter((parameter) => parameter.targets.includes(type))
    .map((parameter) => `${parameter.type}:${parameter.name}`);
  return {
    type,
    interaction: ['read', 'vread', 'history-instance', 'search-type'].map((code) => ({ code })),
    versioning: 'versioned',
    readHistory: true,
    updateCreate: false,
    conditionalCreate: false,
    conditionalRead: 'full-support',
    conditionalUpdate: false,
    conditionalDelete: 'not-supported',
    referencePolicy: ['literal', 'logical'],
    ...(includes.length > 0 ? { searchInclude: includes } : {}),
    ...(reverse.length > 0 ? { searchRevInclude: reverse } : {}),
    ...listed(parameters.filter(({ name }) => !name.startsWith('_'))),
  };
}

function listed(parameters: readonly SearchParameter[]): Json {
  return parameters.length > 0 ? { searchParam: parameters.map(searchParameter) } : {};
}

function commonParameters(served: ReadonlyMap<string, readonly SearchParameter[]>): readonly Json[] {
  return (served.get('Patient') ?? []).filter(({ name }) => name.startsWith('_')).map(searchParameter);
}

function searchParameter({ name, kind }: SearchParameter): Json {
  return { name, type: kind };
}

/** Said once for each kind: apps read this statement at every start. */
const forms: Readonly<Record<SearchParameter['kind'], string>> = {
  token: 'Modifiers: missing, not. Compared case-sensitively.',
  reference: 'Modifiers: missing, identifier, [type]. Values: id, Type/id, URL below this base.',
  date: 'Modifiers: missing. Prefixes: eq, ne, gt, lt, ge, le, sa, eb.',
  string: 'Modifiers: missing, exact, contains.',
  number: 'Modifiers: missing. Prefixes: eq, ne, gt, lt, ge, le.',
  quantity: 'Modifiers: missing. Prefixes: eq, ne, gt, lt, ge, le. Units are compared, never converted.',
  uri: 'Modifiers: missing. Compared as they stand.',
};

function documentation(settings: PlanSettings): string {
  const totals =
    settings.totals === 'exact'
      ? 'Totals count what the requester may see; they are given for _total=accurate, _summary=count, and when the first page is the last.'
      : 'Totals are not given.';
  return [
    'Answers hold what the requester may know, and may be incomplete under law and consent.',
    `Result parameters: _count (default ${settings.defaultPageSize}, at most ${settings.maximumPageSize}), _sort (up to three keys), _total, _summary, _elements, _include, _revinclude (with :iterate). Chains and _has to a depth of ${settings.maximumChainDepth}. ${totals}`,
    '_revinclude also follows references to any type, such as Provenance:target, which are not listed for each type.',
    'Unsupported parameters are refused; with `Prefer: handling=lenient` they are left out, as the self link shows.',
    ...Object.entries(forms).map(([kind, form]) => `* ${kind}: ${form}`),
    'Refused:',
    ...staticRefusals.map(({ what, why }) => `* ${what}. ${why}`),
    ...refusedTypes().map(({ types, reason }) => `* ${types.join(', ')}. ${reason}`),
  ].join('\n');
}

function security({ authorizeUrl, tokenUrl }: Publication): Json {
  const uris = [
    ...(tokenUrl === undefined ? [] : [{ url: 'token', valueUri: tokenUrl }]),
    ...(authorizeUrl === undefined ? [] : [{ url: 'authorize', valueUri: authorizeUrl }]),
  ];
  return {
    ...(uris.length === 0
      ? {}
      : {
          extension: [
            { url: 'http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris', extension: uris },
          ],
        }),
    cors: true,
    service: [
      {
        coding: [
          {
            system: 'http://terminology.hl7.org/CodeSystem/restful-security-service',
            code: 'SMART-on-FHIR',
            display: 'SMART-on-FHIR',
          },
        ],
        text: 'OAuth 2.0 bearer tokens with SMART scopes; see .well-known/smart-configuration.',
      },
    ],
  };
}
