import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigError, loadConfig } from '../config/config.ts';
import { timeReader } from '../fhir/dates.ts';
import { localBasesOf, tableVersions } from '../house.ts';
import { scanServer } from '../steward/scan.ts';
import { reportOf, type ScanState, scanState } from '../steward/state.ts';
import { type Command, configText } from './command.ts';
import { labellingWith, rateFrom, serverOf, textOf, typesFrom } from './labelling.ts';

const strengths = ['core', 'supporting', 'ambiguous'] as const;

/** Looks for labels that the resources of the FHIR server should bear, and writes them where it is told to. */
export const labelCommand: Command = {
  name: 'label',
  usage: `consent-gateway label --config FILE         count the labels that resources of the FHIR server lack, by what shows them
    --write --authorization-file FILE         write them, with this Authorization header: only ever more, never fewer
    --state FILE                              where it keeps how far it came; with it, an ended run goes on
    --types Observation,Condition             these types alone
    --per-second 50                           resources read in a second at most
    --no-text                                 do not read words, only codes, questionnaires, rules and sources
    --review FILE                             one JSON line for each match that a person should look at`,
  options: {
    config: { type: 'string' },
    write: { type: 'boolean' },
    'authorization-file': { type: 'string' },
    state: { type: 'string' },
    types: { type: 'string' },
    'per-second': { type: 'string' },
    'no-text': { type: 'boolean' },
    review: { type: 'string' },
  },
  async run({ values }, { environment, write: print }) {
    const config = loadConfig(configText(values.config), environment);
    const write = values.write === true;
    const authorizationFile = textOf(values['authorization-file']) ?? config.upstream.authorizationFile;
    if (write && values['authorization-file'] === undefined)
      throw new ConfigError(
        '--write needs --authorization-file: the gateway’s own credential should not be able to write.',
      );
    const text = values['no-text'] !== true;
    const terms = JSON.stringify({ write, text, tables: tableVersions(config), strengths: config.labels.strengths });
    const stateFile = textOf(values.state);
    const state = stateFrom(stateFile, terms);
    const review = textOf(values.review);
    const reviewed = review === undefined ? undefined : openSync(review, 'a', 0o600);
    const upstream = serverOf(config, { text, authorizationFile });
    try {
      await scanServer(
        state,
        { types: typesFrom(textOf(values.types)), write, perSecond: rateFrom(textOf(values['per-second'])) },
        {
          upstream,
          labelling: labellingWith(config, { readText: text }),
          every: labellingWith(config, { readText: text, strengths: [...strengths] }),
          readSettings: { localBases: localBasesOf(config), time: timeReader(config.decision.timeZone) },
          errand: { authorization: undefined, signal: undefined },
          now: Date.now,
          sleep: (milliseconds) => sleep(milliseconds),
          onPage(type, { tallies }) {
            if (stateFile !== undefined) keep(stateFile, state);
            const { read = 0, lacking = 0, written = 0 } = tallies[type] ?? {};
            if (read > 0)
              print(`${type}: ${read} read, ${lacking} lack a label${write ? `, ${written} written` : ''}\n`);
          },
          onReview(key, topic, rule) {
            if (reviewed !== undefined) writeSync(reviewed, `${JSON.stringify({ key, topic, rule })}\n`);
          },
        },
      );
    } finally {
      if (reviewed !== undefined) closeSync(reviewed);
      await upstream.close();
    }
    print(`\n${reportOf(state, write)}`);
    return Object.values(state.tallies).some(({ failed }) => failed.length > 0) ? 3 : 0;
  },
};

function stateFrom(file: string | undefined, terms: string): ScanState {
  const fresh: ScanState = { startedAt: new Date().toISOString(), terms, done: [], cursors: {}, tallies: {} };
  if (file === undefined) return fresh;
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return fresh;
  }
  const known = scanState.safeParse(JSON.parse(text));
  if (!known.success) throw new ConfigError(`${file} is no state of a scan.`);
  if (known.data.terms !== terms)
    throw new ConfigError(`${file} is of a scan on other terms: finish that one, or name another file.`);
  return known.data;
}

/** Whole or not at all, and for good: nobody loses more than a page. */
function keep(file: string, state: ScanState): void {
  const next = `${file}.next`;
  const descriptor = openSync(next, 'w', 0o600);
  try {
    writeSync(descriptor, JSON.stringify(state));
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(next, file);
}
