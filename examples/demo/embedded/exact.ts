/** JSON whose numbers keep every digit: 1.00 stays 1.00, as FHIR asks of servers (FHIR R4 Datatypes, decimal). */

declare const numeral: unique symbol;
/** A number as it was written, opaque to everything but `writeExact`. */
interface Numeral {
  readonly [numeral]: true;
}
export type Exact = null | boolean | string | Numeral | Exact[] | { [name: string]: Exact };
export type ExactObject = { [name: string]: Exact };

/** ECMAScript proposal "JSON.parse source text access"; in Node since 22, not yet in TypeScript's libraries. */
const json = JSON as unknown as {
  parse(text: string, reviver: (name: string, value: unknown, context: { source?: string }) => unknown): unknown;
  rawJSON(text: string): Numeral;
  isRawJSON(value: unknown): value is Numeral;
};

/** @throws {SyntaxError} for what is not JSON */
export function parseExact(text: string): Exact {
  return json.parse(text, (_name, value, { source }) =>
    typeof value === 'number' && source !== undefined ? json.rawJSON(source) : value,
  ) as Exact;
}

export function writeExact(value: Exact): string {
  return JSON.stringify(value);
}

export function isExactObject(value: Exact | undefined): value is ExactObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !json.isRawJSON(value);
}

/** Calls `visit` for every object in a value, itself included, parents first. */
export function visitObjects(value: Exact, visit: (object: ExactObject) => void): void {
  if (Array.isArray(value)) {
    for (const item of value) visitObjects(item, visit);
  } else if (isExactObject(value)) {
    visit(value);
    for (const member of Object.values(value)) visitObjects(member, visit);
  }
}
