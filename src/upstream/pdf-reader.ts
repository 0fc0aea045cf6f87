import { createHash } from 'node:crypto';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { LRUCache } from 'lru-cache';
import type { FileWords } from '../document/content.ts';
import { GatewayError } from '../errors/errors.ts';

/** How much of a file is read; what is beyond is not. */
export interface PdfLimits {
  readonly maximumPages: number;
  readonly maximumCharacters: number;
  /** Of everything that its streams decode to, in sum. */
  readonly maximumDecodedBytes: number;
  readonly maximumHeapMegabytes: number;
  /** Of the thread's own work, so that a busy machine changes nothing. */
  readonly maximumCpuMs: number;
}

export const pdfLimits: PdfLimits = {
  maximumPages: 500,
  maximumCharacters: 4_000_000,
  maximumDecodedBytes: 134_217_728,
  maximumHeapMegabytes: 256,
  maximumCpuMs: 5_000,
};

const nothing: FileWords = { text: '', isWhole: false };
const maximumWaiting = 1_000;
const looksEveryMs = 100;
const rememberedCharacters = 16_777_216;

/** Reads PDF files in a thread of its own, one at a time, and remembers the last ones. */
export class PdfReader {
  readonly #limits: PdfLimits;
  readonly #known = new LRUCache<string, FileWords>({
    maxSize: rememberedCharacters,
    sizeCalculation: ({ text }) => text.length + 100,
  });
  #thread: Promise<PdfThread> | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(limits: PdfLimits = pdfLimits) {
    this.#limits = limits;
  }

  /** @throws {GatewayError} `overloaded` when the request ends first, or too many wait */
  async read(bytes: Uint8Array, signal: AbortSignal | undefined): Promise<FileWords> {
    const key = createHash('sha256').update(bytes).digest('base64');
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    if (this.#waiting >= maximumWaiting) throw new GatewayError('overloaded');
    this.#waiting++;
    const reading = this.#last.then(() => this.#known.get(key) ?? this.#readNow(bytes, signal));
    this.#last = reading.then(
      () => undefined,
      () => undefined,
    );
    try {
      const words = await reading;
      this.#known.set(key, words);
      return words;
    } finally {
      this.#waiting--;
    }
  }

  /** A thread that ends may have been worn out by earlier files: a fresh one tries once more. */
  async #readNow(bytes: Uint8Array, signal: AbortSignal | undefined): Promise<FileWords> {
    for (const isLast of [false, true]) {
      if (signal?.aborted === true) throw new GatewayError('overloaded');
      const isFresh = this.#thread === undefined;
      this.#thread ??= PdfThread.start(this.#limits);
      const thread = await this.#thread.catch((error) => {
        this.#thread = undefined; // the next request may fare better
        throw error;
      });
      const outcome = await thread.read(bytes);
      if (typeof outcome === 'object') return outcome;
      this.#thread = undefined;
      await thread.close();
      if (outcome === 'too-slow' || isFresh || isLast) return nothing;
    }
    return nothing;
  }

  async close(): Promise<void> {
    await (await this.#thread)?.close();
    this.#thread = undefined;
  }
}

class PdfThread {
  readonly #worker: Worker;
  readonly #limits: PdfLimits;
  readonly #ended: Promise<'ended'>;

  private constructor(limits: PdfLimits) {
    this.#limits = limits;
    const file = new URL(`./pdf-worker${extname(import.meta.url)}`, import.meta.url); // .ts from source, .js when built
    this.#worker = new Worker(file, {
      workerData: limits,
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: limits.maximumHeapMegabytes, maxYoungGenerationSizeMb: 32 },
    });
    this.#worker.unref();
    this.#worker.on('error', () => undefined); // the exit that follows is what counts
    this.#ended = new Promise((resolve) => this.#worker.once('exit', () => resolve('ended')));
  }

  /** @throws {GatewayError} `internal` when it does not start */
  static async start(limits: PdfLimits): Promise<PdfThread> {
    const thread = new PdfThread(limits);
    const said = await Promise.race([thread.#message(), thread.#ended]);
    if (said !== 'ready') throw new GatewayError('internal');
    return thread;
  }

  async read(bytes: Uint8Array): Promise<FileWords | 'too-slow' | 'ended'> {
    const answer = this.#message() as Promise<FileWords>;
    const { user, system } = await this.#worker.cpuUsage();
    this.#worker.postMessage(bytes);
    const late = this.#late(user + system, answer);
    return Promise.race([answer, late, this.#ended]);
  }

  /** Resolves when its own work has taken too long; never, when it has answered. */
  async #late(before: number, answer: Promise<unknown>): Promise<'too-slow'> {
    let isAnswered = false;
    void answer.then(() => {
      isAnswered = true;
    });
    while (!isAnswered) {
      await new Promise((resolve) => setTimeout(resolve, looksEveryMs));
      const used = await this.#worker.cpuUsage().catch(() => undefined);
      if (used === undefined) break; // it has ended
      if (!isAnswered && (used.user + used.system - before) / 1_000 > this.#limits.maximumCpuMs) return 'too-slow';
    }
    return new Promise(() => undefined);
  }

  #message(): Promise<unknown> {
    return new Promise((resolve) => this.#worker.once('message', resolve));
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}
