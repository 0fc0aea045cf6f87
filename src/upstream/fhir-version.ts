import { GatewayError } from '../errors/errors.ts';
import type { FhirVersion } from '../fhir/version.ts';

/** What a server of a version says. By the elements of another one labels and references would be missed. */
const stated: Readonly<Record<FhirVersion, RegExp>> = { R4: /^4\.0(?:\.|$)/, R5: /^5\.0(?:\.|$)/ };

/** Whether what a server says of itself (CapabilityStatement.fhirVersion) is this version. */
export function isOfVersion(said: string, version: FhirVersion): boolean {
  return stated[version].test(said);
}

/** Of which version of FHIR the server is, as far as it has said so (FHIR CapabilityStatement.fhirVersion). */
export interface VersionWatch {
  /** What it said that is not what it is configured as; nothing of it is read any more. */
  readonly other: string | undefined;
  /** Asks once, and from then on until the server says something. Never fails: a server that is away says nothing. */
  start(): Promise<void>;
  /** @throws {GatewayError} `upstream-invalid` once the server has said that it is of another version */
  check(): void;
  stop(): void;
}

const askEveryMs = 10_000;

/** @param parts.onOther told once, with what the server said */
export function createVersionWatch(parts: {
  /** What it is configured as. */
  readonly version: FhirVersion;
  /** What the server says now; undefined when it says nothing of it. */
  readonly ask: () => Promise<string | undefined>;
  readonly onOther: (said: string) => void;
}): VersionWatch {
  let other: string | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  const ask = async (): Promise<void> => {
    const said = await parts.ask().catch(() => undefined);
    if (said === undefined && !isStopped) {
      timer = setTimeout(() => void ask(), askEveryMs);
      timer.unref();
    }
    if (said === undefined || isOfVersion(said, parts.version)) return;
    other = said;
    parts.onOther(said);
  };
  return {
    get other() {
      return other;
    },
    start: ask,
    check() {
      if (other !== undefined) throw new GatewayError('upstream-invalid');
    },
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}
