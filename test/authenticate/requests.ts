import type { FhirRequest } from '../../src/fhir/request.ts';

/** A read with these headers, as the door hands it on. */
export function requestWith(headers: FhirRequest['headers'], query: FhirRequest['query'] = []): FhirRequest {
  return {
    id: 'request',
    method: 'GET',
    path: ['Patient', 'ada'],
    query,
    form: [],
    headers,
    receivedAt: Date.now(),
    remoteAddress: '127.0.0.1',
  };
}

export const requestOf = (token: string): FhirRequest => requestWith({ authorization: `Bearer ${token}` });
