/** Rows that are of a code and of every code below it. */
export interface Below<Row> {
  /** The code whose row it is. */
  readonly of: string;
  readonly row: Row;
}

/**
 * A code system's hierarchy, as far as tables state it, and rows on codes of it. A code may have several parents, as in SNOMED CT.
 * Codes as they are compared: without dots, in upper case.
 */
export class Hierarchy<Row> {
  readonly #parents = new Map<string, Set<string>>();
  readonly #rows = new Map<string, Row[]>();

  /** @param parents codes directly above it */
  place(code: string, parents: readonly string[]): void {
    const known = this.#parents.get(code) ?? new Set();
    for (const parent of parents) known.add(parent);
    this.#parents.set(code, known);
  }

  /** A row of this code and of every code below it. */
  add(code: string, row: Row): void {
    this.#rows.set(code, [...(this.#rows.get(code) ?? []), row]);
  }

  /** Rows on a code itself and on what is above it. */
  rowsAbove(code: string): readonly Below<Row>[] {
    if (this.#rows.size === 0) return [];
    return [...this.#atOrAbove(code)].flatMap((of) => (this.#rows.get(of) ?? []).map((row) => ({ of, row })));
  }

  /** Whether a code is below another, and that one not below it in turn. */
  isBelow(code: string, ancestor: string): boolean {
    return this.#atOrAbove(code).has(ancestor) && !this.#atOrAbove(ancestor).has(code);
  }

  /** A circle ends like any other way up. */
  #atOrAbove(code: string): ReadonlySet<string> {
    const reached = new Set([code]);
    for (const one of reached) for (const parent of this.#parents.get(one) ?? []) reached.add(parent); // a Set is walked to what is added meanwhile
    return reached;
  }
}
