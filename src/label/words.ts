/** A word or phrase, compiled: tokens, the last of which may be the beginning of a longer word. */
interface Term<Gives> {
  readonly tokens: readonly string[];
  readonly isStem: boolean;
  readonly gives: Gives;
}

/** Letters a stem is looked up by. */
const stemKeyLength = 3;
const inside = /\p{M}|\u00ad|\u200c|\u200d|\u2060|\ufeff/gu;
const word = /[\p{L}\p{N}]+/gu;

/** Finds words and phrases in prose: whole words, in any case, whatever stands between them; linear in the text. */
export class Words<Gives> {
  readonly #byFirst = new Map<string, Term<Gives>[]>();
  readonly #byStem = new Map<string, Term<Gives>[]>();

  /** @param term words parted by spaces; a star at the end stands for any ending */
  add(term: string, gives: Gives): void {
    const isStem = term.endsWith('*');
    const tokens = tokensOf(isStem ? term.slice(0, -1) : term);
    const [first] = tokens;
    if (first === undefined) return;
    const compiled = { tokens, isStem, gives };
    const byStem = isStem && tokens.length === 1;
    const [map, key] = byStem ? [this.#byStem, first.slice(0, stemKeyLength)] : [this.#byFirst, first];
    map.set(key, [...(map.get(key) ?? []), compiled]);
  }

  get isEmpty(): boolean {
    return this.#byFirst.size === 0 && this.#byStem.size === 0;
  }

  /** Gives once for every term that occurs. */
  find(text: string, found: (gives: Gives) => void): void {
    const tokens = tokensOf(text);
    for (let at = 0; at < tokens.length; at++) {
      const token = tokens[at] as string;
      for (const term of this.#byFirst.get(token) ?? []) if (occurs(term, tokens, at)) found(term.gives);
      for (const {
        tokens: [stem = ''],
        gives,
      } of this.#byStem.get(token.slice(0, stemKeyLength)) ?? [])
        if (token.startsWith(stem)) found(gives);
    }
  }
}

function occurs({ tokens, isStem }: Term<unknown>, text: readonly string[], at: number): boolean {
  for (let offset = 1; offset < tokens.length; offset++) {
    const [wanted, there] = [tokens[offset] as string, text[at + offset]];
    if (there === undefined) return false;
    const isLast = offset === tokens.length - 1;
    if (isLast && isStem ? !there.startsWith(wanted) : there !== wanted) return false;
  }
  return true;
}

/** Without accents, and what is invisible in the middle of a word, as soft hyphens are; in lower case. */
function tokensOf(text: string): readonly string[] {
  return text.normalize('NFKD').replaceAll(inside, '').toLowerCase().match(word) ?? [];
}
