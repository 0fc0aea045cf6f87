import type { ResourceOnTape } from '../document/content.ts';
import { Edits } from '../document/edits.ts';
import { addToMeta } from '../enforce/meta.ts';
import { canonicalSystem, systems, topicsOf } from '../fhir/vocabulary.ts';
import { gatewayLabelSystem } from '../label/codings.ts';
import { atMost, type Confidentiality, type LabelInputs, type LabelOrigin, type Labels } from '../label/labels.ts';

/** A label that a resource should bear and does not, and what says so. */
export interface Addition {
  readonly system: string;
  readonly code: string;
  readonly origin: LabelOrigin;
}

const ds4p = 'http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition';
/** Who labelled it: this system, and table, version and rule as the value. */
const ruleSystem = 'urn:fhir-consent-gateway:label-rule';

/**
 * Labels that codes, words, rules and sources give, as far as the resource does not state them itself; and R, which a topic implies.
 * What it inherits is not among them: it is inherited again whenever it is read. Never fewer labels, and never a lower one.
 */
export function additionsTo(inputs: LabelInputs, labels: Labels): readonly Addition[] {
  const stated = new Set(inputs.own.map(({ system, code }) => `${canonicalSystem(system)}|${code.toUpperCase()}`));
  const states = (system: string, code: string): boolean => stated.has(`${system}|${code.toUpperCase()}`);
  const specific = new Set(topicsOf(labels.topics));
  const additions = labels.origins.flatMap((origin): Addition[] => {
    const { label: code, by } = origin;
    if (by === 'own' || by === 'unknown-code' || by === 'inherited' || !labels.topics.includes(code)) return [];
    // The generic code says nothing more beside a finer one.
    if (code === 'SUD' && !specific.has('SUD')) return [];
    const system = code === 'SUDCN' ? gatewayLabelSystem : systems.actCode;
    const isStated = states(system, code) || (code === '42CFRPart2' && states(systems.actUsPrivacyLaw, code));
    return isStated || (code === 'SUD' && states(system, 'ETH')) ? [] : [{ system, code, origin }];
  });
  const [first] = additions;
  if (first !== undefined && !isAtLeastRestricted(labels.stated))
    return [{ system: systems.confidentiality, code: 'R', origin: first.origin }, ...additions];
  return additions;
}

function isAtLeastRestricted(stated: Confidentiality | undefined): boolean {
  return stated !== undefined && !atMost(stated, 'N');
}

/**
 * The resource with these labels beside its own, as JSON text; every other byte stays (HL7 DS4P: each label names who gave it, and the
 * law it rests on where it is one).
 */
export function withLabels(resource: ResourceOnTape, additions: readonly Addition[]): string {
  const { tape, node } = resource;
  const edits = new Edits();
  addToMeta(resource, edits, 'security', additions.map(codingOf).join(','));
  return Buffer.concat(edits.write(tape, node)).toString('utf8');
}

function codingOf({ system, code, origin: { by, rule } }: Addition): string {
  const basis = { url: `${ds4p}/extension-sec-label-basis`, valueCoding: { system, code } };
  const classifier = {
    url: `${ds4p}/extension-sec-label-classifier`,
    valueReference: { identifier: { system: ruleSystem, value: rule }, display: `by ${by}` },
  };
  return JSON.stringify({ extension: code === '42CFRPart2' ? [basis, classifier] : [classifier], system, code });
}
