import { type ParseOptions, parseConsent } from '../../src/consent/parse.ts';
import { namedData, type PatientConsents } from '../../src/consent/parsed.ts';
import { readResiduals } from '../../src/consent/residual.ts';
import { registered } from '../../src/decide/agreements.ts';
import { Rules } from '../../src/decide/decide.ts';
import type { Decision } from '../../src/decide/decision.ts';
import type { NamedData } from '../../src/decide/question.ts';
import { intervalOf } from '../../src/fhir/dates.ts';
import type { ResourceKey } from '../../src/fhir/ids.ts';
import { programNames } from '../../src/house.ts';
import type { Resource } from './expand.ts';
import { type Enquiry, type Prepared, prepare } from './prepare.ts';
import { policy, time } from './shipped.ts';

/** The code of the static refusal, or the decision on each stored resource by its key. */
export type Ruled =
  | { readonly refused: string }
  | { readonly refused?: never; readonly decisions: ReadonlyMap<string, Decision> };

/** The same rules, labels and Consents as in the gateway, without anything that is fetched. */
export function ruleOn(enquiry: Enquiry): Ruled {
  const prepared = prepare(enquiry);
  return 'refused' in prepared ? prepared : { decisions: decideAll(enquiry, prepared) };
}

function decideAll(
  { config, fhirVersion = 'R4' }: Enquiry,
  { context, bases, resources, patients }: Prepared,
): ReadonlyMap<string, Decision> {
  const parseOptions: ParseOptions = {
    fhirVersion,
    time,
    localBases: bases,
    harmlessExtensions: config.decision.harmlessExtensions,
    part2PolicyUris: config.decision.part2PolicyUris,
  };
  const programs = programNames(config);
  const settings = {
    ...config.decision,
    instantOf: (text: string | undefined) => (text === undefined ? undefined : intervalOf(text, time)),
    programs,
    handling: {
      handlers: new Map(Object.entries(config.labels.handlers).map(([code, names = []]) => [code, names])),
      isEncrypted: config.listener.behindTls,
    },
    part2: {
      agreements: registered(
        config.part2,
        time,
        (entry) => entry,
        (entry) => programs.get(entry) ?? entry,
      ),
      coveredEntities: config.part2.coveredEntities,
      intermediaries: config.part2.intermediaries,
      lawEnforcement: config.part2.lawEnforcement,
      lawfulHolders: config.part2.lawfulHolders,
      forms: config.part2.forms,
    },
  };
  const { pcf } = context.requester;
  const rules = new Rules(context, policy, settings, pcf === undefined ? undefined : readResiduals(pcf, parseOptions));
  const references = new Map(resources.map(({ facts }) => [facts.key, facts.references]));
  const named = new Map<ResourceKey, NamedData>();
  for (const { patient, standing, consents: stored } of patients) {
    const consents = parsed(stored, parseOptions);
    rules.establish(patient, { consents, standing });
    for (const key of [...namedData(consents.consents), ...rules.namedByToken]) {
      const target = references.get(key);
      if (target !== undefined) named.set(key, { references: target });
    }
  }
  return new Map(resources.map((one) => [one.facts.key, rules.decide({ ...one, asTarget: false, named })]));
}

function parsed(consents: readonly Resource[], options: ParseOptions): PatientConsents {
  const all = consents.map((consent) => parseConsent(consent, options));
  return { consents: all.filter((one) => one.readable), unreadable: all.some(({ readable }) => !readable) };
}
