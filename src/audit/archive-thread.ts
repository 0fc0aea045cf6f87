import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Alert } from './alerts.ts';
import type { CheckpointText } from './checkpoint.ts';
import type { FromArchive, ToArchive, WorkerInput } from './protocol.ts';

export interface ArchiveThreadParts {
  /** True while an answer's end may still be told, or is not on disk. */
  readonly isAwaited: (sequence: number) => boolean;
  /** The archive has come to a position; of these records it has all that will come. */
  readonly copied: (position: number, finished: readonly number[]) => void;
  readonly alert: (alert: Alert) => void;
  /** Files were removed, as their time had come. */
  readonly removed: (through: CheckpointText) => void;
  readonly alarm: () => void;
}

/** The archive's thread, from the outbox's side: tells it of new entries, and learns what need not be kept for it. */
export class ArchiveThread {
  readonly #worker: Worker;
  readonly #parts: ArchiveThreadParts;
  readonly #ended: Promise<void>;
  /** Copied, their end not yet. */
  readonly #open = new Set<number>();
  #isClosing = false;

  constructor(input: WorkerInput, parts: ArchiveThreadParts) {
    this.#parts = parts;
    const file = new URL(`./archive-worker${extname(import.meta.url)}`, import.meta.url); // .ts from source, .js when built
    this.#worker = new Worker(file, { workerData: input });
    this.#worker.on('message', (message: FromArchive) => this.#hear(message));
    this.#worker.on('error', () => undefined); // the exit that follows is what counts
    this.#ended = new Promise((resolve) =>
      this.#worker.once('exit', () => {
        if (!this.#isClosing) parts.alarm();
        resolve();
      }),
    );
  }

  /** There are new entries on disk. */
  wake(): void {
    this.#say('wake');
  }

  /** Nothing more will be told of an answer's end. */
  forgotten(sequence: number): void {
    if (this.#open.delete(sequence)) this.#parts.copied(0, [sequence]);
  }

  /** Resolves when everything on disk is copied. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#say('close');
    await this.#ended;
  }

  #say(message: ToArchive): void {
    this.#worker.postMessage(message);
  }

  #hear(message: FromArchive): void {
    if (message.kind === 'alarm') {
      this.#parts.alarm();
      return;
    }
    if (message.kind === 'removed') {
      this.#parts.removed(message.through);
      return;
    }
    if (message.kind === 'alert') {
      this.#parts.alert(message.alert);
      return;
    }
    const { position, records, ended } = message.copied;
    const finished = records.filter((sequence) => !this.#parts.isAwaited(sequence));
    for (const sequence of records) this.#open.add(sequence);
    for (const sequence of [...finished, ...ended]) this.#open.delete(sequence);
    this.#parts.copied(position, [...finished, ...ended]);
  }
}
