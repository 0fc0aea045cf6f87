import { readDraft } from '../administer/administer.ts';
import { sideOf } from '../administration-house.ts';
import { type Config, ConfigError, loadConfig } from '../config/config.ts';
import type { PatientKey } from '../fhir/ids.ts';
import { buildHouse } from '../house.ts';
import type { Asked } from '../services/service.ts';
import type { Side } from '../services/side.ts';
import { simulateName, simulateService } from '../services/simulate.ts';
import { createLog } from '../telemetry/log.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { type Command, configText, fileText, type Given, required } from './command.ts';
import { jsonFile, requestersFile } from './read.ts';
import { askService } from './service.ts';

/** Somebody gains or loses something. */
const changed = 3;

/** Compares what requesters receive of a patient's record now with what they would under a change. */
export const simulateCommand: Command = {
  name: 'simulate',
  usage: `consent-gateway simulate --config FILE --patient ID --requesters FILE
                [--consent FILE,...] [--fhir-version R4|R4B|R5] [--changed-config FILE] [--resource TYPE/ID,...] [--format text|json]
                                            who would gain and lose what by draft Consents or a changed configuration;
                                            exit 0 if nobody, ${changed} if somebody`,
  options: {
    config: { type: 'string' },
    patient: { type: 'string' },
    requesters: { type: 'string' },
    consent: { type: 'string' },
    'fhir-version': { type: 'string' },
    'changed-config': { type: 'string' },
    resource: { type: 'string' },
    format: { type: 'string' },
  },
  async run({ values }, { environment, write }) {
    const patient = required(values, 'patient');
    const other = values['changed-config'];
    if (values.consent === undefined && other === undefined)
      throw new ConfigError('Say what changes: --consent FILE, --changed-config FILE, or both.');
    const config = loadConfig(configText(values.config), environment);
    const changedConfig = typeof other === 'string' ? loadConfig(fileText(other), environment) : undefined;
    const call = { name: simulateName, parameters: { patient }, body: bodyOf(values) };
    const { answer, hasChanges } = await withSide(config, changedConfig, (changed) =>
      askService(config, call, async (house, asked) => {
        const before = sideOf(config, house);
        checkDrafts(values, before, asked);
        return simulateService(before, changed ?? before, () => true).tryOut(asked);
      }),
    );
    write(answer.body.endsWith('\n') ? answer.body : `${answer.body}\n`);
    return hasChanges ? changed : 0;
  },
};

function bodyOf(values: Given['values']): unknown {
  const { consent, resource, format = 'text' } = values;
  return {
    requesters: requestersFile(required(values, 'requesters')),
    consents: typeof consent === 'string' ? consent.split(',').map(jsonFile) : [],
    ...(values['fhir-version'] === undefined ? {} : { fhirVersion: values['fhir-version'] }),
    ...(typeof resource === 'string' ? { resources: resource.split(',') } : {}),
    format,
  };
}

/** @throws {ConfigError} naming a file that is no Consent of the patient */
function checkDrafts(values: Given['values'], { parserFor }: Side, { parameters, at }: Asked): void {
  if (typeof values.consent !== 'string') return;
  const version = values['fhir-version'] ?? 'R4';
  if (version !== 'R4' && version !== 'R4B' && version !== 'R5')
    throw new ConfigError('--fhir-version is one of: R4, R4B, R5.');
  const parse = parserFor(version);
  for (const path of values.consent.split(',')) {
    const fault = readDraft({ json: jsonFile(path), parse }, `Patient/${parameters.patient}` as PatientKey, 1, at);
    if (fault === 'unreadable') throw new ConfigError(`${path} cannot be read as a Consent of FHIR ${version}.`);
    if (fault === 'of-another-patient') throw new ConfigError(`${path} is not a Consent of this patient.`);
  }
}

/** The rules after the change, until it is told what they would do: those of another configuration over the same store, or none. */
async function withSide<Result>(
  config: Config,
  changedConfig: Config | undefined,
  work: (changed: Side | undefined) => Promise<Result>,
): Promise<Result> {
  if (changedConfig === undefined) return work(undefined);
  if (changedConfig.upstream.baseUrl !== config.upstream.baseUrl)
    throw new ConfigError(
      'Both configurations must name the same upstream: one record is compared under two sets of rules.',
    );
  const house = buildHouse(changedConfig, createLog('silent'), createMetrics(), Date.now);
  try {
    return await work(sideOf(changedConfig, house));
  } finally {
    await house.consentStores.close();
    await house.upstream.close();
  }
}
