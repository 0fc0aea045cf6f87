import type { AuditConfig } from '../config/audit.ts';
import type { EventSource } from './agents.ts';
import type { Alert } from './alerts.ts';
import { Archive, archiveDirectory } from './archive.ts';
import { ArchiveThread } from './archive-thread.ts';
import { type ChainHead, linkOf, sameBytes } from './chain.ts';
import { type Checkpoint, printCheckpoint, type SigningKeys, signCheckpoint } from './checkpoint.ts';
import type { Stream } from './events.ts';
import type { KeyRing } from './keys.ts';
import { type Acknowledgement, type Completion, Outbox, OutboxBusy } from './outbox.ts';
import type { Batch, FromWorker, OutboxStatus, WorkerInput } from './protocol.ts';
import { activityText } from './record.ts';
import { Shipper } from './shipper.ts';
import { createSink } from './sinks.ts';
import { storedEvents } from './stored-events.ts';
import { behindMs, Room, UnderWay } from './under-way.ts';
import { tellWebhook } from './webhook.ts';

/** One bit per stream that is to get a record's events. */
export const streamBits: Readonly<Record<Stream, number>> = { primary: 1, part2: 2, securityOffice: 4 };
/** Of the records that the archive is to get. */
const archiveBit = 8;

/** How long completions and acknowledgements wait for a transaction to join; losing them repeats a delivery, no more. */
const idleWriteMs = 100;

/** What the worker does with the batches it gets. */
export class OutboxThread {
  readonly #outbox: Outbox;
  readonly #config: AuditConfig;
  readonly #about: WorkerInput['about'];
  readonly #tell: (message: FromWorker) => void;
  readonly #pending: number;
  readonly #shippers: readonly Shipper[];
  readonly #underWay = new UnderWay();
  readonly #room: Room;
  #acknowledgements: Acknowledgement[] = [];
  #idleWrite: NodeJS.Timeout | undefined;
  #broken = false;
  #commits = 0;
  readonly #signing: SigningKeys;
  readonly #keys: KeyRing;
  readonly #archive: ArchiveThread | undefined;
  /** Alarms on the chain itself: a gap, a broken link, an archive that cannot be written. */
  #chainAlarms = 0;
  readonly #alerts: Record<string, number> = {};
  #alertsUntold = 0;
  #signedPosition: number;
  readonly #signer: NodeJS.Timeout;

  constructor(
    outbox: Outbox,
    input: WorkerInput,
    { keys, signing }: { readonly keys: KeyRing; readonly signing: SigningKeys },
    tell: (message: FromWorker) => void,
  ) {
    const { config, publicBaseUrl, about } = input;
    this.#outbox = outbox;
    this.#config = config;
    this.#room = new Room(config.maximumBytes);
    this.#about = about;
    this.#tell = tell;
    const source: EventSource = {
      outboxId: outbox.id,
      publicBaseUrl,
      device: config.device,
      consentDecisions: config.consentDecisions,
    };
    const streams = wantedStreams(config);
    this.#signing = signing;
    this.#keys = keys;
    const archived = archivedHead(outbox, config, keys, signing);
    const archiving = archived === undefined ? 0 : archiveBit;
    this.#pending = streams.reduce((bits, stream) => bits | streamBits[stream], archiving);
    outbox.archived = archived?.position ?? outbox.archived;
    this.#checkRest(archived);
    outbox.keepFor(this.#pending, archiving);
    this.#archive = archived && this.#openArchive(input);
    this.#signedPosition = outbox.checkpoints(outbox.head.position, outbox.head.position)[0]?.position ?? 0;
    if (about !== undefined) this.#write([activityText({ what: 'started', ...about }, Date.now())]);
    this.#signer = setInterval(() => this.#sign(true), config.checkpointMs);
    this.#archive?.wake();
    this.#shippers = streams.flatMap((stream) => this.#shipperOf(stream, source) ?? []);
  }

  /** Writes batches in one transaction and answers each; those that do not fit are not written. */
  take(batches: readonly Batch[]): void {
    for (const completion of batches.flatMap(({ completions }) => completions)) this.#end(completion);
    this.#endForgotten();
    const fitting = this.#broken || this.#isBehind() ? [] : this.#fitting(batches);
    const records = fitting.flatMap(({ disclosures, refusals }) => [...disclosures, ...refusals]);
    const firsts = this.#underWay.begin(fitting, records.length === 0 ? undefined : this.#write(records), Date.now());
    const asked = batches.filter(({ disclosures }) => disclosures.length > 0);
    if (asked.length > 0) {
      this.#tell({ kind: 'written', firsts: asked.map((batch) => firsts.get(batch)), status: this.status() });
    }
    for (const shipper of this.#shippers) shipper.wake();
    this.#archive?.wake();
  }

  status(): OutboxStatus {
    const counts = this.#shippers.map((shipper) => shipper.counts);
    const sum = (count: 'delivered' | 'retries' | 'refused'): number =>
      counts.reduce((total, one) => total + one[count], 0);
    const full = this.#room.isFull(this.#outbox.usedBytes) || this.#isBehind();
    return {
      state: this.#broken ? 'broken' : full ? 'full' : 'open',
      usedBytes: this.#outbox.usedBytes,
      records: this.#outbox.count,
      commits: this.#commits,
      delivered: sum('delivered'),
      retries: sum('retries'),
      refusedBySink: sum('refused'),
      behindMs: behindMs(this.#shippers, Date.now()),
      chainAlarms: this.#chainAlarms,
      keysRefused: this.#keys.isRefusing || this.#signing.isRefusing,
      alerts: { ...this.#alerts },
      alertsUntold: this.#alertsUntold,
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.#shippers.map((shipper) => shipper.close()));
    clearTimeout(this.#idleWrite);
    clearInterval(this.#signer);
    if (this.#about !== undefined) this.#write([activityText({ what: 'stopped' }, Date.now())]);
    if (this.#underWay.completions.length > 0) this.#write([]);
    this.#sign(false);
    await this.#archive?.close();
    if (this.#acknowledgements.length > 0) this.#write([]);
    this.#outbox.close();
    this.#tell({ kind: 'closed' });
  }

  #shipperOf(stream: Stream, source: EventSource): Shipper | undefined {
    const config = this.#config[stream];
    if (config === undefined || config.kind === 'none') return undefined;
    const bit = streamBits[stream];
    return new Shipper(
      {
        pending: (after, limit) => this.#outbox.pending(bit, after, limit),
        find: (sequence) => this.#outbox.find(bit, sequence),
        isOpen: (sequence) => this.#underWay.isOpen(sequence),
        eventsOf: (record) =>
          storedEvents(this.#underWay.withCompletion(record), source)
            .filter(({ streams }) => streams.includes(stream))
            .map(({ event }) => event),
        acknowledge: (sequences) => {
          this.#acknowledgements.push(...sequences.map((sequence) => ({ sequence, stream: bit })));
          this.#writeSoon();
        },
      },
      createSink(config, this.#config.delivery),
      this.#config.delivery,
    );
  }

  #fitting(batches: readonly Batch[]): Batch[] {
    return this.#room.fitting(this.#outbox.usedBytes, batches, Outbox.sizeOf);
  }

  #end(completion: Completion): void {
    this.#underWay.end(completion);
    for (const shipper of this.#shippers) shipper.ended(completion.sequence);
    this.#writeSoon();
  }

  /** Answers whose end nobody told for a long time are shipped as of unknown end. */
  #endForgotten(): void {
    for (const sequence of this.#underWay.forget(Date.now())) {
      for (const shipper of this.#shippers) shipper.ended(sequence);
      this.#archive?.forgotten(sequence);
    }
  }

  #openArchive(input: WorkerInput): ArchiveThread {
    return new ArchiveThread(input, {
      isAwaited: (sequence) => this.#underWay.isAwaited(sequence),
      copied: (position, finished) => {
        this.#outbox.archived = Math.max(this.#outbox.archived, position);
        this.#acknowledgements.push(...finished.map((sequence) => ({ sequence, stream: archiveBit })));
        this.#writeSoon();
      },
      alert: (alert) => this.#tellAlert(alert),
      removed: (removedThrough) => this.#write([activityText({ what: 'retention', removedThrough }, Date.now())]),
      alarm: () => this.#alarm(),
    });
  }

  /** Into the record, to the log and the metrics, and to the webhook. */
  #tellAlert(alert: Alert): void {
    this.#alerts[alert.rule] = (this.#alerts[alert.rule] ?? 0) + 1;
    this.#write([activityText({ what: 'alert', ...alert }, Date.now())]);
    for (const shipper of this.#shippers) shipper.wake();
    this.#archive?.wake();
    const { device, alerts } = this.#config;
    if (alerts.webhook !== undefined) {
      void tellWebhook(alert, device, alerts.webhook).then((isTold) => {
        if (!isTold) this.#alertsUntold++;
      });
    }
    this.#tell({ kind: 'status', status: this.status() });
  }

  #alarm(): void {
    this.#chainAlarms++;
    this.#tell({ kind: 'status', status: this.status() });
  }

  /** What waits in the outbox must be the chain that goes on from the archive: somebody may have had the file. */
  #checkRest(archived: ChainHead | undefined): void {
    if (archived === undefined) return; // without an archive what is delivered leaves the outbox, and with it the chain
    let { position, link } = archived;
    for (;;) {
      const entries = this.#outbox.entriesAfter(position, 1_000);
      for (const entry of entries) {
        if (entry.position !== ++position || !sameBytes(linkOf(link, entry), entry.link)) {
          this.#chainAlarms++;
          return;
        }
        link = entry.link;
      }
      if (entries.length === 0) break;
    }
    if (position !== this.#outbox.head.position || !sameBytes(link, this.#outbox.head.link)) {
      this.#chainAlarms++;
    }
  }

  /** Signs how far the chain has come, if it has come further; sinks are told while it runs. */
  #sign(isTold: boolean): void {
    const { head } = this.#outbox;
    if (head.position === this.#signedPosition || this.#broken) return;
    const checkpoint = signCheckpoint(this.#outbox.id, head, Date.now(), this.#signing);
    const told = activityText({ what: 'checkpoint', checkpoint: printCheckpoint(checkpoint) }, checkpoint.at);
    if (this.#write(isTold ? [told] : [], checkpoint) === undefined) return;
    this.#signedPosition = this.#outbox.head.position; // the record of a signature alone calls for no other
    for (const shipper of this.#shippers) shipper.wake();
    this.#archive?.wake();
  }

  #isBehind(): boolean {
    return behindMs(this.#shippers, Date.now()) > this.#config.maximumBehindMs;
  }

  #writeSoon(): void {
    this.#idleWrite ??= setTimeout(() => {
      this.#idleWrite = undefined;
      if (this.#underWay.completions.length === 0 && this.#acknowledgements.length === 0) return;
      this.#write([]);
      this.#archive?.wake();
      this.#tell({ kind: 'status', status: this.status() });
    }, idleWriteMs);
  }

  /** @returns The first sequence number, or undefined when nothing was written. */
  #write(records: readonly string[], checkpoint?: Checkpoint): number | undefined {
    if (this.#broken) return undefined;
    const { completions } = this.#underWay;
    try {
      const first = this.#outbox.write({
        records,
        pending: this.#pending,
        at: Date.now(),
        completions,
        acknowledgements: this.#acknowledgements,
        ...(checkpoint === undefined ? {} : { checkpoint }),
      });
      this.#underWay.written(completions);
      this.#acknowledgements = [];
      this.#commits++;
      return first;
    } catch (error) {
      // What a failed write or sync left on disk is unknown, and a second sync may report success for lost pages: only
      // a restart, which reads the file again, ends this.
      if (!(error instanceof OutboxBusy)) this.#broken = true;
      return undefined;
    }
  }
}

/**
 * How far the archive has come; undefined where none is kept.
 * @throws {Error} when it has what the outbox has not: an old copy of the outbox was put in its place, and numbers would
 * be given a second time.
 */
function archivedHead(outbox: Outbox, config: AuditConfig, keys: KeyRing, signing: SigningKeys): ChainHead | undefined {
  const directory = archiveDirectory(config);
  if (directory === undefined) return undefined;
  const archive = new Archive(directory, outbox.id, keys, signing);
  archive.close();
  if (archive.head.position > outbox.head.position) {
    throw new Error(
      `${config.outboxFile} is older than its archive: it was put back from a copy, or lost what was written last. Move it away to start a new one; the archive keeps what it has`,
    );
  }
  return archive.head;
}

/** With no primary sink everything stays in the outbox; records of what was withheld too, unless they are not wanted. */
export function wantedStreams(config: AuditConfig): Stream[] {
  const streams: Stream[] = ['primary'];
  if (config.part2 !== undefined) streams.push('part2');
  if (config.securityOffice?.kind !== 'none') streams.push('securityOffice');
  return streams;
}
