/** Records until the operating system refuses to let a file grow; prints what became of it. Argument: the directory. */
import { createRecorder } from '../../src/audit/audit.ts';
import { configOf, disclosure, parts } from './disclosures.ts';

const recorder = await createRecorder(configOf(process.argv[2] as string), parts);
const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code;
const codes: unknown[] = [];
let recorded = 0;
while (codes.length === 0 && recorded < 100_000) {
  await recorder.record(disclosure()).then(
    () => recorded++,
    (error: unknown) => codes.push(codeOf(error)),
  );
}
const { healthy } = recorder;
const { state } = recorder.metrics();
const afterwards = await recorder.record(disclosure()).then(() => 'recorded', codeOf);
console.log(JSON.stringify({ recorded, codes, healthy, state, afterwards }));
process.exit(0);
