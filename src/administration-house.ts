import { withDrafts } from './administer/administer.ts';
import { requesterOf } from './authenticate/authenticate.ts';
import type { Config } from './config/config.ts';
import { parseConsent } from './consent/parse.ts';
import type { RequesterContext } from './context/requester-context.ts';
import { administerEdgesOf, type House } from './house.ts';
import { explainName, explainService } from './services/explain.ts';
import { inForceName, inForceService } from './services/in-force.ts';
import type { Service } from './services/service.ts';
import { holdsGrant } from './services/services.ts';
import type { Side } from './services/side.ts';
import { simulateName, simulateService } from './services/simulate.ts';

export const administrationNames: readonly string[] = [inForceName, explainName, simulateName];

/** What is in force, why, and what a draft would change: for those whom it concerns and the roles that are granted it. */
export function administrationServices(
  config: Config,
  house: House,
  grants: Readonly<Record<string, readonly string[]>>,
): readonly Service[] {
  const side = sideOf(config, house);
  const isGranted = (name: string) => (context: RequesterContext) => holdsGrant(name, context, grants);
  return [
    inForceService(side.edges, isGranted(inForceName)),
    explainService(side, isGranted(explainName)),
    simulateService(side, side, isGranted(simulateName)),
  ];
}

/** One set of rules, for explaining and comparing. */
export function sideOf(config: Config, house: House): Side {
  return {
    edges: administerEdgesOf(config, house),
    edgesWith: (patient, drafts) => administerEdgesOf(config, house, withDrafts(house.consents, patient, drafts)),
    requesterOf: (described, at) => requesterOf(described, config.identity, house.publicBase, at),
    parserFor: (fhirVersion) => (json) => parseConsent(json, { ...house.parseOptions, fhirVersion }),
  };
}
