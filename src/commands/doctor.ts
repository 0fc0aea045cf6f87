import { loadConfig } from '../config/config.ts';
import { examine } from '../doctor/doctor.ts';
import { type Finding, findings, severityOf } from '../doctor/findings.ts';
import { checkConfig } from '../serve.ts';
import { type Command, configText } from './command.ts';

/** Tries what the gateway of a configuration would talk to, and says what is wrong. */
export const doctorCommand: Command = {
  name: 'doctor',
  usage: `consent-gateway doctor --config FILE        try FHIR server, issuers, audit trails, Redis, disks and clocks: exit 1 on a fault
                       --json               say it as JSON
                       --write              also write to the FHIR server (a Basic about nobody, removed again)`,
  options: { config: { type: 'string' }, json: { type: 'boolean' }, write: { type: 'boolean' } },
  async run({ values }, { environment, write }) {
    const config = loadConfig(configText(values.config), environment);
    checkConfig(config);
    const all = await examine(config, values.write === true);
    write(values.json === true ? asJson(all) : asText(all));
    return all.some((finding) => severityOf(finding) === 'fault') ? 1 : 0;
  },
};

function asJson(all: readonly Finding[]): string {
  return `${JSON.stringify({ findings: all.map(({ code, where }) => ({ code, where, ...findings[code] })) }, null, 2)}\n`;
}

function asText(all: readonly Finding[]): string {
  if (all.length === 0) return 'Nothing is wrong with what was tried.\n';
  return all
    .map(({ code, where }) => {
      const { severity, what, why, todo } = findings[code];
      return `${severity.toUpperCase()} ${code} (${where})\n  ${what}\n  Why it matters: ${why}\n  What to do: ${todo}\n`;
    })
    .join('\n');
}
