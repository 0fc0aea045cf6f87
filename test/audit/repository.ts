import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { AuditEvent } from '@medplum/fhirtypes';

/** What the repository does with one request; `lose` takes the event and then breaks the connection. */
type Behaviour = 'take' | 'lose' | 'hang' | number;

export interface Repository {
  readonly baseUrl: string;
  /** As they came, repeats included. */
  readonly taken: {
    readonly method: string;
    readonly url: string;
    readonly authorization: string | undefined;
    readonly event: AuditEvent;
  }[];
  requests: number;
  behaviour: (event: AuditEvent, request: number) => Behaviour;
  readonly close: () => Promise<void>;
}

/** An audit record repository that can be slow, wrong or forgetful. */
export async function startRepository(behaviour: Repository['behaviour'] = () => 'take'): Promise<Repository> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const event = JSON.parse(Buffer.concat(chunks).toString()) as AuditEvent;
      const answer = repository.behaviour(event, ++repository.requests);
      if (answer === 'take' || answer === 'lose') {
        const { method = '', url = '', headers } = request;
        repository.taken.push({ method, url, authorization: headers.authorization, event });
      }
      if (answer === 'hang') return;
      if (answer === 'lose') request.socket.destroy();
      else response.writeHead(answer === 'take' ? 201 : answer).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const repository: Repository = {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/fhir`,
    taken: [],
    requests: 0,
    behaviour,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return repository;
}
