import type { ConsentReview, InForce } from './in-force.ts';

/** A parameter of FHIR R4 Parameters, as far as it is used here. */
interface Parameter {
  readonly name: string;
  readonly valueReference?: { readonly reference: string };
  readonly valueBoolean?: boolean;
  readonly valueCode?: string;
  readonly valueString?: string;
  readonly valueInteger?: number;
  readonly valueInstant?: string;
  readonly part?: readonly Parameter[];
}

/**
 * What is in force as FHIR R4 Parameters, the form of an operation's result that is no resource: references to the exact
 * Consent versions, and what the gateway makes of each. The Consents themselves are read as Consents (IHE PCF ITI-108).
 */
export function parametersOf(review: InForce): Readonly<Record<string, unknown>> {
  return {
    resourceType: 'Parameters',
    parameter: [
      { name: 'patient', valueReference: { reference: review.patient } },
      { name: 'at', valueInstant: instant(review.at) },
      { name: 'conflictStrategy', valueCode: review.strategy },
      { name: 'implicitPolicy', valueCode: review.implicitPolicy },
      { name: 'hasUnreadable', valueBoolean: review.unreadable },
      ...review.consents.map((consent) => ({ name: 'consent', part: consentParts(consent) })),
    ] satisfies Parameter[],
  };
}

function consentParts(consent: ConsentReview): readonly Parameter[] {
  const { by, since, until, changes } = consent;
  return [
    { name: 'reference', valueReference: { reference: consent.ref } },
    { name: 'status', valueCode: consent.status },
    { name: 'counts', valueBoolean: consent.counts },
    { name: 'reason', valueCode: consent.reason },
    { name: 'explanation', valueString: consent.why },
    ...(by === undefined ? [] : [{ name: 'replacedBy', valueReference: { reference: by } }]),
    ...(since === undefined ? [] : [{ name: 'since', valueInstant: instant(since) }]),
    ...(until === undefined ? [] : [{ name: 'until', valueInstant: instant(until) }]),
    ...consent.sentences.map(({ path, effect, depth, text }) => ({
      name: 'provision',
      part: [
        { name: 'path', valueString: path },
        { name: 'effect', valueCode: effect },
        { name: 'depth', valueInteger: depth },
        { name: 'text', valueString: text },
      ],
    })),
    ...[...new Set(consent.notUnderstood)].map((construct) => ({ name: 'notUnderstood', valueString: construct })),
    ...consent.part2.map(({ provision, missing }) => ({
      name: 'part2Lacks',
      part: [
        { name: 'provision', valueString: provision },
        ...missing.map(({ element, section, message }) => ({
          name: 'missing',
          part: [
            { name: 'element', valueCode: element },
            { name: 'section', valueString: section },
            { name: 'message', valueString: message },
          ],
        })),
      ],
    })),
    ...(changes ?? []).map(({ versionId, at, what }) => ({
      name: 'change',
      part: [
        ...(versionId === undefined ? [] : [{ name: 'version', valueString: versionId }]),
        ...(at === undefined ? [] : [{ name: 'at', valueInstant: instant(at) }]),
        ...what.map((text) => ({ name: 'text', valueString: text })),
      ],
    })),
  ];
}

function instant(at: number): string {
  return new Date(at).toISOString();
}
