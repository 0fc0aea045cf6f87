import type { AuditEventEntityDetail } from '@medplum/fhirtypes';
import { textDetail } from './entities.ts';
import type { DisclosedResource } from './recorder.ts';

/** The notice of the Food and Drug Administration that a registered agreement rests on (42 CFR 2.51(b)). */
export interface RecordedNotice {
  /** Name of the agreement, as reasons give it. */
  readonly agreement: string;
  readonly reference: string;
  readonly product: string;
  readonly error: 'manufacture' | 'labeling' | 'sale';
  readonly disclosedBy: string;
}

/** Those of them that something here was released by. */
export function noticesBehind(
  resources: readonly DisclosedResource[],
  notices: readonly RecordedNotice[],
): readonly RecordedNotice[] {
  if (notices.length === 0) return [];
  const rules = new Set(resources.flatMap(({ reasons }) => reasons.map(({ rule }) => rule)));
  return notices.filter(({ agreement }) => rules.has(agreement));
}

/** What 42 CFR 2.51(c) asks for beside recipient, affiliation and time: who disclosed, and the nature of the error. */
export function noticeDetails({ reference, product, error, disclosedBy }: RecordedNotice): AuditEventEntityDetail[] {
  return [
    textDetail('fda-notice', reference),
    textDetail('nature-of-error', `${error}: ${product}`),
    textDetail('disclosed-by', disclosedBy),
  ];
}
