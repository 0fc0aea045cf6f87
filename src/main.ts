#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { auditCommand } from './commands/audit.ts';
import { checkConfigCommand } from './commands/check-config.ts';
import type { Command } from './commands/command.ts';
import { doctorCommand } from './commands/doctor.ts';
import { explainCommand } from './commands/explain.ts';
import { healthCommand } from './commands/health.ts';
import { inForceCommand } from './commands/in-force.ts';
import { labelCommand } from './commands/label.ts';
import { labelCompareCommand } from './commands/label-compare.ts';
import { labelDowngradeCommand } from './commands/label-downgrade.ts';
import { serveCommand } from './commands/serve.ts';
import { simulateCommand } from './commands/simulate.ts';
import { ConfigError } from './config/config.ts';
import { GatewayError } from './errors/errors.ts';

const commands: readonly Command[] = [
  serveCommand,
  auditCommand,
  checkConfigCommand,
  healthCommand,
  doctorCommand,
  labelCommand,
  labelCompareCommand,
  labelDowngradeCommand,
  inForceCommand,
  explainCommand,
  simulateCommand,
];

const usage = `${commands.map((command) => command.usage).join('\n')}

Any key may also be set by an environment variable: CONSENT_GATEWAY__upstream__baseUrl=https://...
`;

/** The command line; the only reader of the environment. */
async function main([name, ...args]: readonly string[]): Promise<number | undefined> {
  const command = commands.find((one) => one.name === name);
  if (command === undefined) return misused();
  const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options: command.options });
  if (positionals.length > (command.maximumPositionals ?? 0)) return misused();
  return command.run(
    { values: values as Record<string, string | boolean | undefined>, positionals },
    { environment: process.env, write: (text) => process.stdout.write(text) },
  );
}

function misused(): number {
  process.stderr.write(usage);
  return 2;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const reason =
    error instanceof ConfigError || error instanceof GatewayError
      ? error.message
      : `The gateway did not start: ${error instanceof Error ? error.message : 'unknown'}`;
  process.stderr.write(`${reason}\n`);
  process.exitCode = 1;
}
