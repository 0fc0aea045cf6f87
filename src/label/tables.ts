import { type LabelTable, labelTable } from './classify.ts';
import shipped from './tables/us-sensitivity.json' with { type: 'json' };
import words from './tables/us-words.json' with { type: 'json' };

/** The table that comes with the gateway. @throws {z.ZodError} never, unless the file was altered */
export function shippedTable(): LabelTable {
  return labelTable.parse(shipped);
}

/** A deployment's own table. @throws {z.ZodError} naming what is wrong with it */
export function parseTable(document: unknown): LabelTable {
  return labelTable.parse(document);
}

/** Words and questionnaires that come with the gateway. @throws {z.ZodError} never, unless the file was altered */
export function shippedWords(): LabelTable {
  return labelTable.parse(words);
}
