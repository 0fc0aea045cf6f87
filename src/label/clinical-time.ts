import { nameNumber } from '../document/names.ts';
import { kinds, type Node, type Tape } from '../document/tape.ts';
import type { Interval } from '../fhir/coding.ts';
import { intervalOf, type TimeReader } from '../fhir/dates.ts';

/**
 * In order of preference (FHIR Consent.provision.dataPeriod: the clinical or operational time of the data). `occurence` is how R5
 * spells it in MedicationAdministration; no name of one version means something else in the other.
 */
const timeNames = [
  'effectiveDateTime',
  'effectivePeriod',
  'effectiveInstant',
  'onsetDateTime',
  'onsetPeriod',
  'performedDateTime',
  'performedPeriod',
  'occurrenceDateTime',
  'occurrencePeriod',
  'occurenceDateTime',
  'occurencePeriod',
  'actualPeriod',
  'period',
  'billablePeriod',
  'servicedDate',
  'authoredOn',
  'issued',
  'recordedDate',
  'dateAsserted',
  'date',
  'started',
  'start',
  'created',
  'sent',
  'recorded',
].map(nameNumber);
const startName = nameNumber('start');
const endName = nameNumber('end');

/** When what a resource tells happened; undefined when it does not say, or not in a way that can be read. */
export function clinicalTimeOf(tape: Tape, root: Node, time: TimeReader): Interval | undefined {
  for (const candidate of timeNames) {
    const node = tape.member(root, candidate);
    if (node < 0) continue;
    const text = tape.text(node);
    if (text !== undefined) return intervalOf(text, time);
    if (tape.kind(node) !== kinds.object) continue;
    const start = tape.text(tape.member(node, startName));
    const end = tape.text(tape.member(node, endName));
    const from = start === undefined ? undefined : intervalOf(start, time);
    const to = end === undefined ? undefined : intervalOf(end, time);
    if ((start !== undefined && from === undefined) || (end !== undefined && to === undefined)) return undefined;
    if (from === undefined && to === undefined) continue;
    return { start: from?.start ?? Number.NEGATIVE_INFINITY, end: to?.end ?? Number.POSITIVE_INFINITY };
  }
  return undefined;
}
