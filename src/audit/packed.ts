import type { Reason } from '../decide/decision.ts';
import type { DisclosedResource } from './recorder.ts';

/**
 * Resources of one answer share patients, labels and reasons: each distinct list is kept once and named by its place. A
 * page of 50 is a seventh of the text, made on the gateway's thread.
 */
export interface Packed {
  readonly patients: DisclosedResource['patients'][];
  readonly labels: DisclosedResource['labels'][];
  readonly reasons: DisclosedResource['reasons'][];
  /** type, id, version id (null: none), and places in the lists above. */
  readonly rows: [
    type: string,
    id: string,
    versionId: string | null,
    patients: number,
    labels: number,
    reasons: number,
  ][];
}

export function pack(resources: readonly DisclosedResource[]): Packed {
  const patients = new Places<DisclosedResource['patients']>(samePatients);
  const labels = new Places<DisclosedResource['labels']>(sameLabels);
  const reasons = new Places<DisclosedResource['reasons']>(sameReasons);
  const rows = resources.map((one): Packed['rows'][number] => [
    one.type,
    one.id,
    one.versionId ?? null,
    patients.of(one.patients),
    labels.of(one.labels),
    reasons.of(one.reasons),
  ]);
  return { patients: patients.lists, labels: labels.lists, reasons: reasons.lists, rows };
}

export function unpack({ patients, labels, reasons, rows }: Packed): DisclosedResource[] {
  return rows.map(([type, id, versionId, patientsAt, labelsAt, reasonsAt]) => ({
    type,
    id,
    versionId: versionId ?? undefined,
    patients: patients[patientsAt] ?? [],
    labels: labels[labelsAt] ?? [],
    reasons: reasons[reasonsAt] ?? [],
  }));
}

/** Lists looked through for an equal one before a new place is taken; a list kept twice does no harm. */
const lookBack = 8;

class Places<T> {
  readonly lists: T[] = [];
  readonly #same: (one: T, other: T) => boolean;

  constructor(same: (one: T, other: T) => boolean) {
    this.#same = same;
  }

  of(list: T): number {
    const { lists } = this;
    const oldest = Math.max(0, lists.length - lookBack);
    for (let place = lists.length - 1; place >= oldest; place--) {
      if (this.#same(list, lists[place] as T)) return place;
    }
    return lists.push(list) - 1;
  }
}

function samePatients(one: DisclosedResource['patients'], other: DisclosedResource['patients']): boolean {
  return one === other || (one.length === other.length && one.every((patient, at) => patient === other[at]));
}

function sameLabels(one: DisclosedResource['labels'], other: DisclosedResource['labels']): boolean {
  if (one === other) return true;
  return (
    one.length === other.length &&
    one.every(({ system, code }, at) => code === other[at]?.code && system === other[at]?.system)
  );
}

function sameReasons(one: DisclosedResource['reasons'], other: DisclosedResource['reasons']): boolean {
  if (one === other) return true;
  return one.length === other.length && one.every((reason, at) => sameReason(reason, other[at] as Reason));
}

function sameReason(one: Reason, other: Reason): boolean {
  return (
    one === other ||
    (one.code === other.code &&
      one.step === other.step &&
      one.consent === other.consent &&
      one.provision === other.provision &&
      one.rule === other.rule &&
      one.label === other.label)
  );
}
