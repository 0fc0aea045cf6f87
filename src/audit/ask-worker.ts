/** A thread that answers one question from the kept record, so that no request waits for it. */
import { parentPort, workerData } from 'node:worker_threads';
import { type AnswerFormat, type AskedRecord, ask, type Question } from './ask.ts';

interface Input {
  readonly question: Question;
  readonly format: AnswerFormat;
  readonly record: AskedRecord;
}

const { question, format, record } = workerData as Input;
parentPort?.postMessage(ask(question, format, record));
