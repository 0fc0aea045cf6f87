/** Escaping in search values (FHIR R4 Search, "Escaping Search Parameters"): `\,` `\|` `\$` `\\`. */

/** Splits at an unescaped separator; the parts keep their escapes. */
export function split(text: string, separator: ',' | '|'): readonly string[] {
  const parts: string[] = [];
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === separator) {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}

/** @returns undefined when a backslash escapes nothing that may be escaped, or a separator stands unescaped */
export function unescapeValue(text: string): string | undefined {
  if (!/^(?:[^\\,|$]|\\[\\,|$])*$/s.test(text)) return undefined;
  return text.replaceAll(/\\([\\,|$])/g, '$1');
}

/** The inverse of {@link unescapeValue}. */
export function escapeValue(text: string): string {
  return text.replaceAll(/[\\,|$]/g, '\\$&');
}
