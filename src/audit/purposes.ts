/**
 * Purposes (v3-ActReason) of treatment, payment and health care operations: disclosures for them need no accounting (45
 * CFR 164.528(a)(1)(i)). Descendants of TREAT, HPAYMT and HOPERAT, without those that rest on another permission of 45
 * CFR 164.510 or 164.512, or on research: CLINTRL, DONAT, GOV, HDECD, HDIRECT, HLEGAL, MILCDM.
 */
const treatmentPaymentOperations: ReadonlySet<string> = new Set([
  'TREAT',
  'COC',
  'ETREAT',
  'BTG',
  'ERTREAT',
  'POPHLTH',
  'TREATDS',
  'HPAYMT',
  'CLMATTCH',
  'COVAUTH',
  'COVERAGE',
  'ELIGDTRM',
  'ELIGVER',
  'ENROLLM',
  'MILDCRG',
  'REMITADV',
  'PMTDS',
  'HOPERAT',
  'CAREMGT',
  'FRAUD',
  'HACCRED',
  'HCOMPL',
  'HDM',
  'HOUTCOMS',
  'HPRGRP',
  'HQUALIMP',
  'HSYSADMIN',
  'LABELING',
  'METAMGT',
  'MEMADMIN',
  'PATADMIN',
  'PATSFTY',
  'PERFMSR',
  'RECORDMGT',
  'SYSDEV',
  'HTEST',
  'TRAIN',
  'MLTRAINING',
]);

/** True when one purpose is none of these, or none is stated: then nothing shows that the disclosure is exempt. */
export function needsAccounting(purposes: readonly { readonly code: string }[]): boolean {
  return purposes.length === 0 || purposes.some(({ code }) => !treatmentPaymentOperations.has(code));
}
