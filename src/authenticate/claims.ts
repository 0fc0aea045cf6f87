import type { IssuerConfig } from '../config/identity.ts';
import { type Code, codesOf, isRecord, textsOf } from './codes.ts';

type Claims = Readonly<Record<string, unknown>>;
type Paths = { readonly [Name in keyof Required<IssuerConfig['claims']>]: readonly string[] };

/** Where identity facts stand, by preset (HL7 UDAP Security `hl7-b2b`; IHE IUA `ihe_iua`; Keycloak's own). */
const presets: Readonly<Record<IssuerConfig['presets'][number], Paths>> = {
  plain: {
    roles: ['/roles'],
    purposes: ['/purpose_of_use'],
    organization: ['/organization'],
    organizationName: ['/organization_name'],
    name: ['/name'],
    fhirUser: ['/fhirUser'],
    patient: ['/patient'],
    npi: ['/npi'],
  },
  'hl7-b2b': {
    roles: ['/extensions/hl7-b2b/subject_role'],
    purposes: ['/extensions/hl7-b2b/purpose_of_use'],
    organization: ['/extensions/hl7-b2b/organization_id'],
    organizationName: ['/extensions/hl7-b2b/organization_name'],
    name: ['/extensions/hl7-b2b/subject_name'],
    fhirUser: ['/fhirUser'],
    patient: ['/patient'],
    npi: ['/extensions/hl7-b2b/subject_id'],
  },
  'ihe-iua': {
    roles: ['/extensions/ihe_iua/subject_role'],
    purposes: ['/extensions/ihe_iua/purpose_of_use'],
    organization: ['/extensions/ihe_iua/subject_organization_id'],
    organizationName: ['/extensions/ihe_iua/subject_organization'],
    name: ['/extensions/ihe_iua/subject_name'],
    fhirUser: ['/fhirUser'],
    patient: ['/patient'],
    npi: ['/extensions/ihe_iua/national_provider_identifier'],
  },
  keycloak: {
    roles: ['/realm_access/roles', '/groups'],
    purposes: ['/purpose_of_use'],
    organization: ['/organization'],
    organizationName: ['/organization_name'],
    name: ['/name'],
    fhirUser: ['/fhirUser'],
    patient: ['/patient'],
    npi: ['/npi'],
  },
};

/** The claims of one token, read by an issuer's presets and its own paths. */
export class ClaimReader {
  readonly #claims: Claims;
  readonly #config: IssuerConfig;

  constructor(claims: Claims, config: IssuerConfig) {
    this.#claims = claims;
    this.#config = config;
  }

  /** The first claim present. */
  first(name: keyof Paths): unknown {
    for (const path of this.#pathsOf(name)) {
      const value = at(this.#claims, path);
      if (value !== undefined && value !== null) return value;
    }
    return undefined;
  }

  text(name: keyof Paths): string | undefined {
    const value = this.first(name);
    return typeof value === 'string' && value !== '' && value.length <= 1_000 ? value : undefined;
  }

  /** Role codes of all claims that hold any; Keycloak's client roles as `client|role`. */
  roleCodes(): readonly Code[] {
    const codes = this.#pathsOf('roles').flatMap((path) => codesOf(at(this.#claims, path)));
    const isOwn = this.#config.claims.roles !== undefined;
    return !isOwn && this.#config.presets.includes('keycloak') ? [...codes, ...clientRoles(this.#claims)] : codes;
  }

  #pathsOf(name: keyof Paths): readonly string[] {
    return this.#config.claims[name] ?? [...new Set(this.#config.presets.flatMap((preset) => presets[preset][name]))];
  }
}

/** Keycloak: `resource_access: { client: { roles: [...] } }`; a role's name is taken as it stands. */
function clientRoles({ resource_access: access }: Claims): readonly Code[] {
  if (!isRecord(access)) return [];
  return Object.entries(access).flatMap(([client, entry]) =>
    isRecord(entry) ? textsOf(entry.roles).map((code) => ({ system: client, code })) : [],
  );
}

/** JSON Pointer (RFC 6901) into claims; own properties only. */
function at(claims: Claims, pointer: string): unknown {
  let value: unknown = claims;
  for (const part of pointer.slice(1).split('/')) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (!isRecord(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}
