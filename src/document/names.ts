import { elementNames } from '../fhir/model.ts';
import { fhirVersion } from '../fhir/version.ts';

/**
 * Numbers for member names, so that the tape compares names as integers. Every name that R4 or R5 knows has one, but only
 * those of the data's version are found in a document; a name outside it gets a number that is valid in its own document only.
 */
const extra = [
  'fullUrl',
  'resource',
  'search',
  'mode',
  'request',
  'response',
  'link',
  'relation',
  'entry',
  'total',
  'div',
];
const all = [...new Set([...elementNames.R4, ...extra, ...elementNames.R5])];
/** Number 0 stands for "no name": the root and the members of arrays. */
export const knownNames: readonly string[] = ['', ...all];
export const knownNameCount = knownNames.length;

const byText = new Map<string, number>(knownNames.map((name, index) => [name, index]));
const tableSize = 16_384;
const slots = new Int32Array(tableSize);
const isOfVersion = new Uint8Array(knownNameCount);
let isFilled = false;
const encodedNames: readonly Uint8Array[] = knownNames.map((name) => new TextEncoder().encode(name));

function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0;
  for (let i = start; i < end; i++) hash = (Math.imul(hash, 31) + (bytes[i] as number)) | 0;
  return hash & (tableSize - 1);
}

/** Before the first document is scanned: which names are found follows from the version of the data. */
export function fillNames(): void {
  if (isFilled) return;
  isFilled = true;
  for (const name of new Set([...elementNames[fhirVersion()], ...extra])) {
    const number = nameNumber(name);
    const bytes = encodedNames[number] as Uint8Array;
    let slot = hashOf(bytes, 0, bytes.length);
    while (slots[slot] !== 0) slot = (slot + 1) & (tableSize - 1);
    slots[slot] = number;
    isOfVersion[number] = 1;
  }
}

/** All known names one after the other, and where each begins. */
export const nameStarts = new Int32Array(encodedNames.length + 1);
for (const [number, name] of encodedNames.entries())
  nameStarts[number + 1] = (nameStarts[number] as number) + name.length;
export const nameBytes: Uint8Array = Buffer.concat(encodedNames);

/** The number of a known name; 0 when the table does not hold it. */
export function nameNumber(name: string): number {
  return byText.get(name) ?? 0;
}

/** As `nameNumber`, for names of the data's version alone. */
export function nameNumberOfVersion(name: string): number {
  const number = nameNumber(name);
  return isOfVersion[number] === 1 ? number : 0;
}

/** As `nameNumberOfVersion`, from the raw bytes of a name without escapes, whose hash the scanner has computed on its way. */
export function nameNumberAt(bytes: Uint8Array, start: number, end: number, rollingHash: number): number {
  let slot = rollingHash & (tableSize - 1);
  for (;;) {
    const number = slots[slot] as number;
    if (number === 0) return 0;
    const name = encodedNames[number] as Uint8Array;
    const length = end - start;
    if (name.length === length) {
      let i = 0;
      while (i < length && name[i] === bytes[start + i]) i++;
      if (i === length) return number;
    }
    slot = (slot + 1) & (tableSize - 1);
  }
}
