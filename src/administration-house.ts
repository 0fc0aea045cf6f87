import { withDrafts } from './administer/administer.ts';
import { requesterOf } from './authenticate/authenticate.ts';
import type { Config } from './config/config.ts';
import { rereadText } from './config/reread.ts';
import { parseConsent } from './consent/parse.ts';
import type { RequesterContext } from './context/requester-context.ts';
import { administerEdgesOf, createLabelling, type House } from './house.ts';
import { servedTypeSet } from './plan/plan.ts';
import { downgradeName, downgradeServices } from './services/downgrade.ts';
import { explainName, explainService } from './services/explain.ts';
import { inForceName, inForceService } from './services/in-force.ts';
import { labelReviewName, labelReviewService } from './services/label-review.ts';
import type { Service } from './services/service.ts';
import { holdsGrant } from './services/services.ts';
import type { Side } from './services/side.ts';
import { simulateName, simulateService } from './services/simulate.ts';
import { Proposals } from './steward/proposals.ts';
import { upstreamTlsOf } from './upstream/tls.ts';
import { createUpstream } from './upstream/upstream.ts';

export const administrationNames: readonly string[] = [
  inForceName,
  explainName,
  simulateName,
  labelReviewName,
  downgradeName,
];

/** Labels are taken care of by stewards; what is in force and why, patients may ask of their own. */
export function isForStewardsAlone({ name }: Service): boolean {
  return name === labelReviewName || name === downgradeName;
}

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
    reviewing(config, house),
    ...downgrading(config, house),
  ];
}

function reviewing(config: Config, { upstream, labelling, readSettings }: House): Service {
  const every = createLabelling({
    ...config,
    labels: { ...config.labels, strengths: ['core', 'supporting', 'ambiguous'] },
  });
  return labelReviewService({ upstream, labelling, every, readSettings, servedTypes: servedTypeSet() });
}

/** Where the deployment has a credential for it. */
function downgrading({ labels, upstream }: Config, house: House): readonly Service[] {
  if (labels.writeAuthorizationFile === undefined) return [];
  const now = (): number => Date.now();
  const authorization = rereadText(labels.writeAuthorizationFile, now);
  const tls = upstreamTlsOf(upstream, now, () => undefined);
  return downgradeServices({
    upstream: house.upstream,
    writer: () => createUpstream(upstream, { now, authorization, tls }),
    proposals: new Proposals(house.sharedKey, proposalLifetimeMs),
    labelling: house.labelling,
    readSettings: house.readSettings,
    servedTypes: servedTypeSet(),
  });
}

const proposalLifetimeMs = 7 * 24 * 60 * 60 * 1_000;

/** One set of rules, for explaining and comparing. */
export function sideOf(config: Config, house: House): Side {
  return {
    edges: administerEdgesOf(config, house),
    edgesWith: (patient, drafts) => administerEdgesOf(config, house, withDrafts(house.consents, patient, drafts)),
    requesterOf: (described, at) => requesterOf(described, config.identity, house.publicBase, at),
    parserFor: (fhirVersion) => (json) => parseConsent(json, { ...house.parseOptions, fhirVersion }),
  };
}
