import type { RepresentationConfig } from '../config/representation.ts';
import type { Standing } from '../decide/question.ts';
import type { Content, ResourceOnTape } from '../document/content.ts';
import { nameNumber } from '../document/names.ts';
import { kinds, type Node } from '../document/tape.ts';
import { intervalOf, type TimeReader } from '../fhir/dates.ts';
import { type PatientKey, parseLocalReference, type ResourceKey } from '../fhir/ids.ts';

const names = Object.fromEntries(
  ['active', 'patient', 'reference', 'relationship', 'coding', 'code', 'period', 'start', 'end', 'birthDate'].map(
    (name) => [name, nameNumber(name)],
  ),
) as Record<
  'active' | 'patient' | 'reference' | 'relationship' | 'coding' | 'code' | 'period' | 'start' | 'end' | 'birthDate',
  number
>;

/** A RelatedPerson record, read for the question whether it stands for legal authority. */
export interface Relation {
  readonly key: ResourceKey;
  readonly patient: PatientKey | undefined;
  readonly codes: readonly string[];
  /** Active, and inside its period. */
  readonly current: boolean;
}

export function relationOf(
  key: ResourceKey,
  content: Content<'undecided'>,
  at: number,
  time: TimeReader,
  localBases: readonly string[],
): Relation {
  return content.examine(({ tape, node }) => {
    const active = tape.member(node, names.active);
    const reference = tape.text(tape.member(tape.member(node, names.patient), names.reference));
    const patient = reference === undefined ? undefined : parseLocalReference(reference, localBases);
    return {
      key,
      patient: patient?.startsWith('Patient/') ? (patient as PatientKey) : undefined,
      codes: codesOf({ tape, node }),
      current: (active < 0 || tape.kind(active) === kinds.true) && isWithin({ tape, node }, at, time),
    };
  });
}

function codesOf({ tape, node }: ResourceOnTape): readonly string[] {
  const codes: string[] = [];
  const relationships = tape.member(node, names.relationship);
  for (let item = childOf(relationships); item >= 0; item = tape.next(item)) {
    for (let coding = childOf(tape.member(item, names.coding)); coding >= 0; coding = tape.next(coding)) {
      const code = tape.text(tape.member(coding, names.code));
      if (code !== undefined) codes.push(code);
    }
  }
  return codes;

  function childOf(list: Node): Node {
    return list < 0 ? -1 : tape.firstChild(list);
  }
}

function isWithin({ tape, node }: ResourceOnTape, at: number, time: TimeReader): boolean {
  const period = tape.member(node, names.period);
  if (period < 0) return true;
  const start = tape.text(tape.member(period, names.start));
  const end = tape.text(tape.member(period, names.end));
  const from =
    start === undefined ? Number.NEGATIVE_INFINITY : (intervalOf(start, time)?.start ?? Number.POSITIVE_INFINITY);
  const to = end === undefined ? Number.POSITIVE_INFINITY : (intervalOf(end, time)?.end ?? Number.NEGATIVE_INFINITY);
  return from <= at && at <= to;
}

/** A patient without a readable birth date is no minor: parental authority then ends. */
export function isMinor(
  patient: Content<'undecided'> | undefined,
  at: number,
  years: number,
  time: TimeReader,
): boolean {
  if (patient === undefined) return false;
  return patient.examine(({ tape, node }) => {
    const birthDate = tape.text(tape.member(node, names.birthDate));
    const born = birthDate === undefined ? undefined : intervalOf(birthDate, time);
    if (born === undefined) return { minor: false };
    const majority = new Date(born.start);
    majority.setUTCFullYear(majority.getUTCFullYear() + years);
    return { minor: at < majority.getTime() };
  }).minor;
}

/** Whether a relation makes its holder this patient's representative now. */
export function standingFrom(
  relation: Relation | undefined,
  patient: PatientKey,
  patientIsMinor: boolean,
  config: RepresentationConfig,
): Standing {
  if (relation === undefined || !relation.current || relation.patient !== patient)
    return { kind: 'none', patientIsMinor };
  const isAuthority = relation.codes.some(
    (code) => config.legalAuthority.includes(code) || (patientIsMinor && config.parental.includes(code)),
  );
  return isAuthority
    ? { kind: 'representative', patientIsMinor, relatedPerson: relation.key }
    : { kind: 'none', patientIsMinor };
}
