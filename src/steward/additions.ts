import type { ResourceOnTape } from '../document/content.ts';
import { Edits } from '../document/edits.ts';
import { addToMeta } from '../enforce/meta.ts';
import { canonicalSystem, part2, systems, topicsOf } from '../fhir/vocabulary.ts';
import { gatewayLabelSystem } from '../label/codings.ts';
import { atMost, type Confidentiality, type LabelInputs, type LabelOrigin, type Labels } from '../label/labels.ts';

/** A label that a resource should bear and does not, and what says so. */
export interface Addition {
  readonly system: string;
  readonly code: string;
  readonly origin: LabelOrigin;
}

/** HL7 Data Segmentation for Privacy 1.0.0. */
const ds4p = 'http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition';
/** What assigned a label: this system, and `table@version`, `table@version#rule` or an entry of the configuration as the value. */
const ruleSystem = 'urn:fhir-consent-gateway:label-rule';
/** Code systems of what a label rests on that no law asks for: the deployment's tables, and its configuration. */
const tableSystem = 'urn:fhir-consent-gateway:label-table';
const configurationSystem = 'urn:fhir-consent-gateway:configuration';

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
    const isStated = states(system, code) || (code === part2 && states(systems.actUsPrivacyLaw, code));
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
 * The resource with these labels beside its own, as JSON text; every other byte stays. Each says what it rests on and what assigned it
 * (HL7 DS4P, `extension-sec-label-basis` and `extension-sec-label-classifier`).
 */
export function withLabels(resource: ResourceOnTape, additions: readonly Addition[]): string {
  const { tape, node } = resource;
  const edits = new Edits();
  addToMeta(resource, edits, 'security', additions.map(codingOf).join(','));
  return Buffer.concat(edits.write(tape, node)).toString('utf8');
}

function codingOf({ system, code, origin }: Addition): string {
  const { by, rule } = origin;
  const basis = { url: `${ds4p}/extension-sec-label-basis`, valueCoding: basisOf(origin) };
  const classifier = {
    url: `${ds4p}/extension-sec-label-classifier`,
    valueReference: { identifier: { system: ruleSystem, value: rule }, display: `by ${by}` },
  };
  return JSON.stringify({ extension: [basis, classifier], system, code });
}

/** The law, of what is labelled for one (and of the level that it implies); else the table, or the entry of the configuration. */
function basisOf({ label, rule }: LabelOrigin): {
  readonly system: string;
  readonly version?: string;
  readonly code: string;
} {
  if (label === part2) return { system: systems.actCode, code: part2 };
  const [, table, version] = /^([^@]+)@([^#]+)/.exec(rule) ?? [];
  if (table !== undefined && version !== undefined) return { system: tableSystem, version, code: table };
  return { system: configurationSystem, code: rule === 'sensitive actor' ? 'labels.sensitiveActors' : rule };
}
