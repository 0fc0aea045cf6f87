import type { ElementPath } from '../../src/plan/registry.ts';

/** A value of each datatype that is searched. */
const samples: Readonly<Record<string, unknown>> = {
  Address: { city: 'Bern' },
  Age: { value: 3, code: 'a' },
  Attachment: { url: 'http://a' },
  CodeableConcept: { coding: [{ system: 's', code: 'c' }], text: 't' },
  Coding: { system: 's', code: 'c' },
  ContactPoint: { value: '5' },
  Duration: { value: 3, code: 'd' },
  HumanName: { family: 'F' },
  Identifier: { system: 's', value: 'v' },
  Money: { value: 3, currency: 'EUR' },
  Period: { start: '2020' },
  Quantity: { value: 3 },
  Range: { low: { value: 3 } },
  Reference: { reference: 'Patient/p' },
  SampledData: { period: 3 },
  Timing: { event: ['2020-01-01'] },
  boolean: true,
  canonical: 'http://c',
  date: '2020-01-01',
  dateTime: '2020-01-01',
  decimal: 3,
  instant: '2020-01-01T00:00:00Z',
  integer: 3,
};

/** A resource with one element that a search parameter reads. */
export function resourceWith(type: string, { segments, datatype, where }: ElementPath): Record<string, unknown> {
  const sample = samples[datatype] ?? 'text';
  const leaf = where === undefined ? sample : { ...(sample as object), [where[0]]: where[1] };
  const body = segments.reduceRight<unknown>((value, name) => ({ [name]: value }), leaf);
  return { resourceType: type, ...(body as object) };
}
