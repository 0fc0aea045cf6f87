/** What is in force, why something is released or not, and what a change would change: for those who answer for it. */
export { calendarOf } from './calendar.ts';
export { allHold } from './current.ts';
export { readDraft, withDrafts } from './drafts.ts';
export type { AdministerEdges } from './edges.ts';
export { type Explanation, explain, isReadable } from './explain.ts';
export { explanationJson } from './explain-json.ts';
export { explanationPieces } from './explain-words.ts';
export { parametersOf } from './in-force-fhir.ts';
export { piecesOf } from './in-force-text.ts';
export { htmlOf, textOf } from './layout.ts';
export { namesOf } from './names.ts';
export { type Review, reviewFor } from './review.ts';
export { type Simulation, simulate } from './simulate.ts';
export { simulationJson, simulationPieces } from './simulate-words.ts';
export { keysToName, type Lexicon } from './words.ts';
