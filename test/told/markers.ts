import { peopleBundles, syntheaBundles, textsOf } from '../../examples/demo/load.ts';
import { scenarioFiles } from '../scenarios/format.ts';
import { worldOf } from '../scenarios/world.ts';
import { fullWorld, guardianFull, partnerFull } from '../twin/leak-world.ts';

/** Words as they stand one after the other, in small letters. */
type Words = readonly string[];

/** What nobody may read outside of an answer: everything that tells of the synthetic patients of all tests. */
export class Markers {
  readonly #byFirst = new Map<string, Words[]>();
  readonly #known = new Set<string>();

  get size(): number {
    return this.#known.size;
  }

  add(text: string): void {
    const words = wordsOf(text);
    const [first] = words;
    const key = words.join(' ');
    if (first === undefined || this.#known.has(key) || anyNumber.test(key)) return;
    this.#known.add(key);
    const others = this.#byFirst.get(first) ?? [];
    others.push(words);
    this.#byFirst.set(first, others);
  }

  /** Those that stand in a text, each as whole words. */
  in(text: string): readonly string[] {
    const words = wordsOf(text);
    const shapes = shapesOf.flatMap((shape) => shape.exec(text)?.[0] ?? []);
    return [
      ...shapes,
      ...words.flatMap((word, at) =>
        (this.#byFirst.get(word) ?? [])
          .filter((marker) => marker.every((one, index) => words[at + index] === one))
          .map((marker) => marker.join(' ')),
      ),
    ];
  }
}

/** References to data, tokens, and what tests plant by this name. */
const shapesOf = [
  /\b(?:Patient|Person|RelatedPerson|Practitioner|Group|Encounter|EpisodeOfCare|Observation|Condition|Procedure|Consent|Communication|Medication\w*|DiagnosticReport|DocumentReference|CarePlan|Claim|Coverage|Provenance)\/[\w.-]+/,
  /\beyJ[\w-]{8,}/,
  /planted/i,
] as const;

/** Ports, sizes and milliseconds are such numbers too. */
const anyNumber = /^\d{1,7}$/;

function wordsOf(text: string): Words {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}

/** Elements whose values are of a patient: names, places and numbers of hers, and what is told of her in words. */
const telling = new Set(['family', 'given', 'line', 'city', 'postalCode', 'value', 'valueString', 'identifier']);
const texts = new Set(['text', 'display', 'div', 'title', 'description', 'note', 'comment', 'contentString']);

/** Of the people of the demonstration, Synthea's patients, every scenario and the worlds in which leaks are looked for. */
export function markersOfTests(): Markers {
  const markers = new Markers();
  const scenarios = scenarioFiles.flatMap(({ scenarios: all }) => all.map((one) => worldOf(one, Date.now())));
  const worlds = [fullWorld, guardianFull, partnerFull].flatMap(({ resources }) => resources);
  const all = [
    ...[...textsOf([...peopleBundles(), ...syntheaBundles()]), ...worlds].map((one) => JSON.parse(one) as unknown),
    ...scenarios.flatMap(({ stored, r5 }) => [...stored, ...r5]),
  ];
  const today = new Date().toISOString().slice(0, 10);
  for (const one of all) collect(one, '', today, markers);
  return markers;
}

function collect(value: unknown, element: string, today: string, markers: Markers): void {
  if (Array.isArray(value)) {
    for (const one of value) collect(one, element, today, markers);
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, one] of Object.entries(value)) {
      if (name === 'id' && 'resourceType' in value && String(one).length > 2) markers.add(String(one));
      else collect(one, name, today, markers);
    }
  } else if (typeof value === 'string' && isTelling(value, element, today)) {
    markers.add(/^\d{4}-\d{2}-\d{2}/.exec(value)?.[0] ?? value.replace(/<[^>]*>/g, ' '));
  }
}

function isTelling(value: string, element: string, today: string): boolean {
  if (/^\d{4}-\d{2}-\d{2}/.test(value)) return !value.startsWith(today);
  if (element === 'code') return value.length >= 4 && /\d/.test(value);
  if (telling.has(element)) return value.length >= 3;
  return texts.has(element) && wordsOf(value).length >= 2;
}
