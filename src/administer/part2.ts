import type { ParsedConsent, Provision } from '../consent/parsed.ts';
import { type Part2Element, part2Lacks } from '../decide/part2-elements.ts';
import type { DecisionSettings } from '../decide/question.ts';
import { part2, substanceClass } from '../fhir/vocabulary.ts';

/** A required element of a written consent that is missing, in words for whoever writes Consents. */
export interface Missing {
  readonly element: Part2Element;
  /** Section of 42 CFR that asks for it. */
  readonly section: string;
  readonly message: string;
}

/** What one provision that would permit Part 2 data lacks to do so. */
export interface Part2Finding {
  readonly provision: string;
  readonly missing: readonly Missing[];
}

const texts: Readonly<Record<Part2Element, readonly [section: string, message: string]>> = {
  recognition: [
    '2.31',
    'Nothing says that it is a consent under 42 CFR Part 2: state 42CFRPart2 as policy rule or regulatory basis, the category 42CFRPart2CD, a policy URI that this gateway is configured to know, or the label 42CFRPart2 in the provision.',
  ],
  discloser: [
    '2.31(a)(2)',
    'It does not say who may disclose: name the organization (R5: controller), or an actor with the role CST.',
  ],
  description: [
    '2.31(a)(3)',
    'It does not describe the information: state labels, kinds, codes or records in the provision, or a policy text.',
  ],
  recipient: [
    '2.31(a)(4)',
    'It does not say who may receive: name an actor with the role IRCP. Only a consent for treatment, payment and operations alone may leave it open.',
  ],
  purpose: ['2.31(a)(5)', 'It does not state a purpose.'],
  expiry: [
    '2.31(a)(7)',
    'It does not say when it ends: state the end of its period. Only a consent for treatment, payment and operations alone may leave it open.',
  ],
  signature: ['2.31(a)(8)', 'There is no signed source: attach or refer to what the patient signed.'],
  date: ['2.31(a)(9)', 'It does not say when it was signed: state the date.'],
  verification: ['2.31(c)', 'Nobody has verified it, which this deployment asks for: state a verification.'],
  form: [
    '2.31(a)(4)(iii), (a)(6), (a)(10), (c)',
    'It is not on a form that this deployment accepts, or on one that was withdrawn: state the URI of the form as its policy.',
  ],
  proceedings: [
    '2.31(d)',
    'It combines legal proceedings with other purposes, so it permits nothing for proceedings: these need a consent of their own.',
  ],
};

const part2Topics: ReadonlySet<string> = new Set([part2, 'SUDCN', ...substanceClass]);

/**
 * The required-element check of a Consent that claims to be one under 42 CFR Part 2, provision by provision; [] when it
 * claims nothing of the kind, and for every provision that lacks nothing. Pure: for those who write Consents too.
 * @see 42 CFR 2.31(a)
 */
export function part2Findings(consent: ParsedConsent, settings: DecisionSettings): readonly Part2Finding[] {
  const provisions = provisionsOf(consent);
  const claims = consent.isPart2 || provisions.some(({ elements }) => elements.labels?.topics.includes(part2));
  if (!claims) return [];
  return provisions.flatMap(({ path, effect, elements }) => {
    const { labels } = elements;
    const isAboutPart2 = (labels?.topics ?? []).length === 0 || labels?.topics.some((topic) => part2Topics.has(topic));
    if (effect === 'deny' || !isAboutPart2) return [];
    const asked = elements.purposes?.codes.includes('HLEGAL') ? 'HLEGAL' : undefined;
    const missing = part2Lacks(consent, elements, asked, settings).map((element): Missing => {
      const [section, message] = texts[element];
      return { element, section: `42 CFR ${section}`, message };
    });
    return missing.length === 0 ? [] : [{ provision: path, missing }];
  });
}

function provisionsOf({ root, nested }: ParsedConsent): readonly Provision[] {
  const all: Provision[] = [];
  const waiting = [...nested.toReversed(), ...(root === undefined ? [] : [root])];
  while (waiting.length > 0) {
    const provision = waiting.pop() as Provision;
    all.push(provision);
    waiting.push(...provision.children.toReversed());
  }
  return all;
}
