import { documentsOfVersion } from './by-version.ts';
import { renderChartReadme, renderValues, renderValuesSchema } from './chart.ts';
import { renderConfiguration } from './configuration.ts';
import { renderDashboard } from './dashboard.ts';
import { renderDoctor } from './doctor.ts';
import { renderErrors } from './errors.ts';
import { renderConfigSchema } from './json-schema.ts';
import { renderPart2 } from './part2.ts';
import { renderReasons } from './reasons.ts';
import { renderRules } from './rules.ts';
import { renderScenarios } from './scenarios.ts';

/** Every generated document: path from the repository's root, and its text. Pure. */
export function documents(): ReadonlyMap<string, string> {
  return new Map([
    ['docs/configuration.md', renderConfiguration()],
    ['docs/config.schema.json', renderConfigSchema()],
    ['helm/files/dashboard.json', renderDashboard()],
    ['helm/README.md', renderChartReadme()],
    ['helm/values.schema.json', renderValuesSchema()],
    ['helm/values.yaml', renderValues()],
    ['docs/doctor.md', renderDoctor()],
    ['docs/errors.md', renderErrors()],
    ['docs/part2.md', renderPart2()],
    ['docs/reasons.md', renderReasons()],
    ['docs/rules.md', renderRules()],
    ['docs/scenarios.md', renderScenarios()],
    ...documentsOfVersion(),
  ]);
}
