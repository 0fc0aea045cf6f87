import type { Release } from '../decide/decision.ts';
import { Edits } from './edits.ts';
import type { Output } from './output.ts';
import type { Node, Tape } from './tape.ts';

/** What a file said that no pure reader can read. */
export interface FileWords {
  readonly text: string;
  /** False when there is something in it that was not read. */
  readonly isWhole: boolean;
}

/** A resource on a tape, lent to pure readers. */
export interface ResourceOnTape {
  readonly tape: Tape;
  readonly node: Node;
  /** Files in it that were read when it came, by the string that holds each. */
  readonly files?: ReadonlyMap<Node, FileWords>;
}

/** Undecided content is never written, so nobody adds to these. */
const unchanged = new Edits();

/**
 * Validated bytes of one resource that know whether a decision has been carried out on them. A reader gets facts out,
 * a Release lets content out; there is no third way.
 */
export class Content<State extends 'undecided' | 'releasable'> {
  readonly #resource: ResourceOnTape;
  readonly #edits: Edits;
  readonly #state: State;

  private constructor(resource: ResourceOnTape, edits: Edits, state: State) {
    this.#resource = resource;
    this.#edits = edits;
    this.#state = state;
  }

  /** What came from the FHIR server: nobody has decided on it. */
  static received(tape: Tape, node: Node): Content<'undecided'> {
    return new Content({ tape, node }, unchanged, 'undecided');
  }

  /** The same, with what the files in it say. */
  withFiles(this: Content<'undecided'>, files: ReadonlyMap<Node, FileWords>): Content<'undecided'> {
    return new Content({ ...this.#resource, files }, this.#edits, 'undecided');
  }

  /** Lends the document to a pure reader: what it makes comes back, bytes do not. */
  examine<Result extends object>(reader: (resource: ResourceOnTape) => Result): Result {
    return reader(this.#resource);
  }

  /** The only door. A Withhold does not fit through it. */
  release(this: Content<'undecided'>, decision: Release, edits: Edits): Content<'releasable'> {
    if (decision.outcome !== 'release') throw new Error('only a release opens the door');
    return new Content(this.#resource, edits, 'releasable');
  }

  /** Copies of the validated bytes; numbers were never read, so never changed. */
  chunks(this: Content<'releasable'>): readonly Uint8Array[] {
    if (this.#state !== 'releasable') throw new Error('undecided content reached a writer'); // what slips past the compiler
    return this.#edits.write(this.#resource.tape, this.#resource.node);
  }

  /** As `chunks`, behind what is there already. */
  writeTo(this: Content<'releasable'>, out: Output): void {
    if (this.#state !== 'releasable') throw new Error('undecided content reached a writer');
    this.#edits.writeTo(out, this.#resource.tape, this.#resource.node);
  }

  /** Bytes that it came with. */
  get size(): number {
    const { tape, node } = this.#resource;
    return (tape.ends[node] as number) - (tape.starts[node] as number);
  }

  /** A parsed copy of the view for local criteria and includes. It is a copy: no writer takes it. */
  parsed(this: Content<'releasable'>): Readonly<Record<string, unknown>> {
    return JSON.parse(Buffer.concat([...this.chunks()]).toString('utf8')) as Record<string, unknown>;
  }
}

/** Text that the gateway wrote itself: link, Bundle head, OperationOutcome, CapabilityStatement. */
export class Authored {
  readonly written: string;
  private constructor(written: string) {
    this.written = written;
  }

  static json(value: unknown): Authored {
    return new Authored(JSON.stringify(value));
  }

  /** Constant or computed JSON text of the gateway's own making. */
  static text(json: string): Authored {
    return new Authored(json);
  }

  /** Bytes, if all of it is ASCII. */
  get size(): number {
    return this.written.length;
  }
}
