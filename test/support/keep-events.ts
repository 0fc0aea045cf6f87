import type { AuditEvent } from '@medplum/fhirtypes';
import type { EmbeddedServer } from '../../examples/demo/embedded-server.ts';
import { keepForValidation } from '../audit/disclosures.ts';

/** Keeps what an audit repository received for HAPI's validator, where AUDIT_EVENTS_DIR asks for it. */
export function keepEventsOf(test: string, repository: EmbeddedServer): void {
  const events = [...repository.repo.all('AuditEvent')].flatMap(({ resource }) => resource ?? []);
  keepForValidation(test, events as unknown as readonly AuditEvent[]);
}
