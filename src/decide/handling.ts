import { systems } from '../fhir/vocabulary.ts';
import type { Labels } from '../label/labels.ts';
import type { Asker } from './match.ts';

/**
 * What the gateway does about a refrain, an obligation or a law among labels (HL7 v3-ActCode).
 * `met`: its own conduct meets it, always. `consent`: a Consent has to permit, no clearance and no implicit policy does.
 * `named`: that Consent has to name who receives it. `recipient`: only who receives it can keep it, so it goes to those alone
 * whom the deployment lists for it. `tls`: the answer has to travel encrypted. `payment`: not for payment or operations without a
 * Consent. `refused`: not done here, so the data is withheld.
 */
type Handling = 'met' | 'consent' | 'named' | 'recipient' | 'tls' | 'payment' | 'refused';

const byCode: Readonly<Record<string, Handling>> = {
  // Refrains.
  NODSCLCD: 'consent',
  NODSCLCDS: 'refused', // that the subject herself made the Consent is not looked at
  NOAUTH: 'consent',
  NOLIST: 'named',
  NORDSCLCD: 'met', // the label goes with it
  NORDSCLCDS: 'met',
  NOPAT: 'met', // step 4
  NORDSCLW: 'recipient',
  NOMOU: 'recipient',
  NOORGPOL: 'recipient',
  ORCON: 'recipient',
  NOVIP: 'recipient',
  NOCOLLECT: 'recipient',
  NOPERSISTP: 'recipient',
  NOREUSE: 'recipient',
  NOINTEGRATE: 'recipient',
  NORELINK: 'recipient',
  // Obligations.
  REDACT: 'refused',
  MASK: 'refused',
  DEID: 'refused',
  ANONY: 'refused',
  PSEUD: 'refused',
  HUAPRV: 'refused',
  DELAU: 'met', // no answer may be stored, and the record holds no body
  MINEC: 'recipient',
  ENCRYPT: 'tls',
  ENCRYPTT: 'tls',
  ENCRYPTR: 'recipient',
  ENCRYPTU: 'recipient',
  AOD: 'met', // the record accounts for it
  AUDIT: 'met',
  AUDTR: 'met',
  CPLYCD: 'met', // Consents are always asked
  CPLYCC: 'recipient',
  CPLYCUI: 'recipient',
  CPLYJPP: 'recipient',
  CPLYJSP: 'recipient',
  CPLYOPP: 'recipient',
  CPLYOSP: 'recipient',
  CPLYPOL: 'recipient',
  PERSISTLABEL: 'met',
  PROCESSINLINELABEL: 'met', // inline labels are always read
  // Laws.
  Title38Section7332: 'consent',
  HIPAAPsyNotes: 'consent',
  HIPAASelfPay: 'payment',
};
export const handlings: ReadonlyMap<string, Handling> = new Map(Object.entries(byCode));

interface HandlingSettings {
  /** Who keeps a code, by code: organizations and clients. */
  readonly handlers: ReadonlyMap<string, readonly string[]>;
  /** Answers leave by TLS. */
  readonly isEncrypted: boolean;
}

/** Codes among these labels, each with the handling that it asks for, if any. */
function handled({ caveats }: Labels): readonly (readonly [code: string, handling: Handling | undefined])[] {
  return caveats.flatMap((caveat) => {
    const end = caveat.indexOf('|');
    const [system, code] = [caveat.slice(0, end), caveat.slice(end + 1)];
    return system === systems.actCode || system === systems.actUsPrivacyLaw
      ? [[code, handlings.get(code)] as const]
      : [];
  });
}

/** The code that keeps this data from this requester whatever Consents say; undefined where none does. */
export function notHandled(
  labels: Labels,
  { organizations, identities }: Pick<Asker, 'organizations' | 'identities'>,
  { handlers, isEncrypted }: HandlingSettings,
): string | undefined {
  return handled(labels).find(([code, handling]) => {
    if (handling === 'refused') return true;
    if (handling === 'tls') return !isEncrypted;
    if (handling !== 'recipient') return false;
    return !handlers.get(code)?.some((one) => organizations.has(one) || identities.has(one));
  })?.[0];
}

/** The code by which a Consent has to permit this data, for this purpose; and whether it has to name the recipient. */
export function consentNeeded(
  labels: Labels,
  isForPayment: boolean,
): { readonly code: string; readonly named: boolean } | undefined {
  const needing = handled(labels).filter(
    ([, handling]) => handling === 'named' || handling === 'consent' || (handling === 'payment' && isForPayment),
  );
  const strictest = needing.find(([, handling]) => handling === 'named') ?? needing[0];
  return strictest === undefined ? undefined : { code: strictest[0], named: strictest[1] === 'named' };
}
