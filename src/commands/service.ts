import { randomUUID } from 'node:crypto';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { createRecorder } from '../audit/audit.ts';
import type { Recorder } from '../audit/recorder.ts';
import { parseScopes } from '../authenticate/authenticate.ts';
import type { Config } from '../config/config.ts';
import type { RequesterContext } from '../context/requester-context.ts';
import { buildHouse, type House } from '../house.ts';
import type { Asked, ServiceAnswer } from '../services/service.ts';
import { disclosureOf, sentInForce } from '../services/services.ts';
import { createLog } from '../telemetry/log.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { unwatched } from '../telemetry/watch.ts';

/** The system of those who work at the command line, in the record. */
const issuer = 'urn:fhir-consent-gateway:command-line';
const givenUpMs = 120_000;

export interface Call {
  readonly name: string;
  readonly parameters: Asked['parameters'];
  readonly query?: Asked['query'];
  readonly body?: unknown;
}

interface Told {
  readonly answer: ServiceAnswer;
  /** Who asked, where that is not whoever runs the command. */
  readonly context?: RequesterContext;
}

/**
 * Asks a service as whoever runs the command: who can read the gateway's configuration has its credentials, so nothing is
 * kept from him, and all of it is recorded before it is shown. What is shown is in force then, as at the listener.
 */
export async function askService<Result extends Told>(
  config: Config,
  call: Call,
  ask: (house: House, asked: Asked) => Promise<Result>,
): Promise<Result> {
  const log = createLog('silent');
  const now = (): number => Date.now();
  const house = buildHouse(config, log, createMetrics(), now);
  let opened: Promise<Recorder> | undefined;
  const recorder = () => createRecorder(auditOf(config), { publicBaseUrl: house.publicBase, log, now });
  try {
    const asked = askedOf(call, now());
    const { result, intent, length } = await sentInForce(
      () => ask(house, asked),
      async (told) => {
        opened ??= recorder();
        const body = new TextEncoder().encode(told.answer.body);
        const disclosure = disclosureOf({
          answer: told.answer,
          body,
          request: asked.request,
          context: told.context ?? asked.context,
          name: call.name,
          policyHash: house.policy.hash,
        });
        return { result: told, intent: await (await opened).record(disclosure), length: body.length };
      },
    );
    intent.complete(length, false);
    return result;
  } finally {
    await (await opened?.catch(() => undefined))?.close();
    await house.consentStores.close();
    await house.upstream.close();
  }
}

/** Files of the command line's own: those of a running gateway have one writer. */
function auditOf({ audit }: Config): Config['audit'] {
  const outboxFile = join(dirname(audit.outboxFile), 'commands', 'outbox.db');
  const { archive } = audit;
  if (archive.kind === 'none' || archive.directory === undefined) return { ...audit, outboxFile };
  return { ...audit, outboxFile, archive: { ...archive, directory: join(archive.directory, 'commands') } };
}

function askedOf({ name, parameters, query = [], body }: Call, at: number): Asked {
  const request: Asked['request'] = {
    id: randomUUID(),
    method: body === undefined ? 'GET' : 'POST',
    path: [name, ...Object.values(parameters)],
    base: issuer,
    query,
    form: [],
    headers: {},
    receivedAt: at,
    remoteAddress: '127.0.0.1',
  };
  const signal = AbortSignal.timeout(givenUpMs);
  return { context: operator(at), request, parameters, query, body, signal, watch: unwatched, at };
}

function operator(at: number): RequesterContext {
  const { username } = userInfo();
  return {
    requester: {
      issuer,
      subject: username,
      clientId: 'consent-gateway',
      tokenId: 'none',
      tokenHash: 'none',
      expiresAt: at,
      clientKind: 'app',
      scopes: parseScopes('system/*.rs'), // whoever may read the gateway's files
      identities: [],
      organizations: [],
      roles: [],
      roleCodes: [],
      purposes: [],
      amr: [],
    },
    purposes: [],
    purposeAssigned: false,
    unrestricted: true,
    at,
  };
}
