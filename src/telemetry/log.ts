import winston from 'winston';
import type { ErrorCode } from '../errors/errors.ts';

/** Everything a log line may hold. No bodies, no query strings, no ids of patients or resources, no error objects. */
export interface LogFields {
  readonly requestId?: string;
  readonly method?: string;
  /** Route template, e.g. `[type]/[id]`; never the path. */
  readonly route?: string;
  readonly interaction?: string;
  readonly status?: number;
  readonly durationMs?: number;
  readonly code?: ErrorCode | string;
  /** Class name of an error. */
  readonly name?: string;
  /** Static part of the gateway that speaks. */
  readonly part?: string;
  /** Name of a consent store, from the configuration. */
  readonly store?: string;
  readonly count?: number;
  readonly port?: number;
  /** Names of constructs that were not understood (element paths, canonical URLs of extensions). */
  readonly construct?: string;
  readonly policy?: string;
  readonly version?: string;
}

const allowed: ReadonlySet<string> = new Set<keyof LogFields>([
  'requestId',
  'method',
  'route',
  'interaction',
  'status',
  'durationMs',
  'code',
  'name',
  'part',
  'store',
  'count',
  'port',
  'construct',
  'policy',
  'version',
]);

export interface Log {
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** An element path or a canonical URL: names come from stored Consents, and one with anything else in it may be a text. */
const constructShape = /^[\w.:/[\]()-]{1,200}$/;

const onlyAllowed = winston.format((line) => {
  for (const key of Object.keys(line)) {
    if (!allowed.has(key) && key !== 'level' && key !== 'message' && key !== 'timestamp') delete line[key];
  }
  if (line.construct !== undefined && !constructShape.test(String(line.construct))) line.construct = 'unprintable';
  return line;
});

/** JSON lines on standard error; fields outside the allow-list never leave, whoever passes them. */
export function createLog(level: 'error' | 'warn' | 'info' | 'silent'): Log {
  const logger = winston.createLogger({
    level: level === 'silent' ? 'error' : level,
    silent: level === 'silent',
    format: winston.format.combine(onlyAllowed(), winston.format.timestamp(), winston.format.json()),
    transports: [new winston.transports.Console({ stderrLevels: ['error', 'warn', 'info'] })],
  });
  return {
    info: (message, fields) => void logger.info(message, fields),
    warn: (message, fields) => void logger.warn(message, fields),
    error: (message, fields) => void logger.error(message, fields),
  };
}
