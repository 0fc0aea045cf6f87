import { randomUUID } from 'node:crypto';
import { archiveDirectory, type Hold, readHolds, writeHolds } from '../audit/answers.ts';
import { type Config, ConfigError } from '../config/config.ts';
import { isId } from '../fhir/ids.ts';
import type { Given } from './command.ts';

interface Asking {
  readonly config: Config;
  readonly values: Given['values'];
  readonly write: (text: string) => void;
}

/** Keeps records beyond their time, of a patient or all, of a period or all. */
export function addHold({ config, values, write }: Asking): number {
  const { reason } = values;
  if (typeof reason !== 'string' || reason === '')
    throw new ConfigError('--reason says why, for whoever comes to release it.');
  const directory = directoryOf(config);
  const hold: Hold = {
    id: randomUUID(),
    reason,
    since: new Date().toISOString(),
    ...patientOf(values.patient),
    ...timeOf('from', values.from),
    ...timeOf('to', values.to),
  };
  writeHolds(directory, [...readHolds(directory), hold]);
  write(`${JSON.stringify(hold)}\n`);
  return 0;
}

export function releaseHold({ config, values, write }: Asking): number {
  const directory = directoryOf(config);
  const holds = readHolds(directory);
  const released = holds.find(({ id }) => id === values.hold);
  if (released === undefined) throw new ConfigError('--hold names the id of a hold; audit holds lists them.');
  writeHolds(
    directory,
    holds.filter((one) => one !== released),
  );
  write(`${JSON.stringify(released)}\n`);
  return 0;
}

export function listHolds({ config, write }: Asking): number {
  for (const hold of readHolds(directoryOf(config))) write(`${JSON.stringify(hold)}\n`);
  return 0;
}

function directoryOf({ audit }: Config): string {
  const directory = archiveDirectory(audit);
  if (directory === undefined) throw new ConfigError('audit.archive is none: no record is kept.');
  return directory;
}

function patientOf(value: unknown): Pick<Hold, 'patient'> {
  if (value === undefined) return {};
  const id = String(value).replace(/^Patient\//, '');
  if (!isId(id)) throw new ConfigError('--patient is the id of a Patient.');
  return { patient: `Patient/${id}` };
}

function timeOf<Name extends 'from' | 'to'>(name: Name, value: unknown): Partial<Record<Name, string>> {
  if (value === undefined) return {};
  const at = Date.parse(String(value));
  if (Number.isNaN(at)) throw new ConfigError(`--${name} is no date or time.`);
  return { [name]: new Date(at).toISOString() } as Partial<Record<Name, string>>;
}
