import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ruleOn } from './engine.ts';
import { type NamedScenario, scenarioFiles, scenarioJsonSchema } from './format.ts';
import { askerOf } from './requesters.ts';
import { configOf } from './settings.ts';
import { worldOf } from './world.ts';

const at = Date.parse('2026-03-02T10:00:00Z');
const place = {
  at,
  publicBaseUrl: 'https://gateway.example/fhir',
  port: 0,
  upstreamUrl: 'http://127.0.0.1:8081/fhir',
  issuer: 'https://issuer.example',
  auditUrl: 'http://127.0.0.1:8082/fhir',
  folder: '.',
};

/** Found by following references, which the rules do not do. */
const beyondRules = 'required-reference-hidden';

/** What the rules answer, in the form in which a scenario expects it. */
function answered(named: NamedScenario): object {
  const { scenario } = named;
  const world = worldOf(named, at);
  const [, path = ''] = scenario.when.request.split(' ');
  const [route = '', query] = path.slice(1).split('?');
  const [type = '', id] = route.split('/');
  const ruled = ruleOn({
    config: configOf(scenario.given.settings, place),
    at,
    asker: askerOf(scenario, world, at),
    interaction: id === undefined || query !== undefined ? 'search-type' : 'read',
    type,
    stored: [...world.stored, ...world.r5],
    fhirVersion: world.r5.length > 0 ? 'R5' : 'R4',
  });
  if (ruled.refused !== undefined) return { refused: ruled.refused };
  const released: [string, string][] = [];
  const withheld: [string, string][] = [];
  for (const [name, wanted] of Object.entries({ ...scenario.then.released, ...scenario.then.withheld })) {
    if (wanted === beyondRules) continue;
    const decision = ruled.decisions.get(world.keys.get(name) ?? '');
    if (decision === undefined) throw new Error(`nothing is called ${name}`);
    // Releases have one reason for each Consent and step; withholding has one that decided.
    const codes = decision.reasons.map(({ code }) => code);
    const code = decision.outcome === 'release' && codes.includes(wanted) ? wanted : codes.join(' ');
    (decision.outcome === 'release' ? released : withheld).push([name, code]);
  }
  return { released: Object.fromEntries(released), withheld: Object.fromEntries(withheld) };
}

describe.each(scenarioFiles)('$group', ({ scenarios }) => {
  for (const named of scenarios.filter(({ scenario }) => scenario.asker === undefined)) {
    const { then, open } = named.scenario;
    const run = open === undefined ? test : test.failing;
    run(named.title, () => {
      const { refused, released } = then;
      const withheld = Object.fromEntries(Object.entries(then.withheld).filter(([, why]) => why !== beyondRules));
      expect(answered(named)).toEqual(refused === undefined ? { released, withheld } : { refused });
    });
  }
});

test('the JSON Schema of scenario files is the form that they are checked against', () => {
  const file = readFileSync(join(import.meta.dirname, '../../fixtures/scenarios/schema.json'), 'utf8');
  expect(file).toBe(scenarioJsonSchema());
});

test('no two scenarios claim the same', () => {
  const titles = scenarioFiles.flatMap(({ scenarios }) => scenarios.map(({ title }) => title));
  expect(titles.filter((title, index) => titles.indexOf(title) !== index)).toEqual([]);
});
