import type { LogEntry } from '@llm-gateway/shared/contracts/event';
import type { LogNotice } from '@llm-gateway/shared/event-log/log-entry';
import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import type { JobReader } from '../jobs/job-reader.ts';
import type { Frame, Translator } from './event-frames.ts';
import type { LogFeed, LogListener } from './log-feed.ts';
import type { LogReader } from './log-reader.ts';

export interface EventStreamDeps {
  jobs: JobReader;
  log: LogReader;
  feed: LogFeed;
}

export interface EventStreamOptions {
  tenantId: string;
  id: string;
  /** The job as it was found. */
  record: Accepted;
  /** Number of the last event that the reader has; -1 for none. */
  after: number;
  translator: Translator;
  /** Takes a frame; false when the reader has to catch up first: `resume` is called when it has. */
  write: (frame: Frame) => boolean;
  /** All is told: the job has ended. */
  onEnd: (record: JobRecord) => void;
  /** The job is gone, its log cannot be read any more, or its reader cannot be told how it goes on. */
  onLost: () => void;
}

/** What of a record a stream keeps while it is open: not the prompt. */
export type Accepted = Pick<JobRecord, 'createdMs' | 'leader' | 'lane'>;

// After an error of Redis the log is looked at again so soon.
const retryMs = 1000;

/**
 * One reader's way through the events of a job: what is in the log, then what comes, then the end, each exactly once
 * and in order, whichever process it attaches to and whenever. Live entries are written as they are heard while the
 * reader keeps up; a reader that is behind, for whatever reason, is served from the log and costs no memory.
 */
export class EventStream implements LogListener {
  readonly #deps: EventStreamDeps;
  readonly #options: EventStreamOptions;
  #cursor: number;
  /** The log that is followed; undefined before `open`. */
  #logId: string | undefined;
  #isReading = false;
  #isAskedAgain = false;
  #isBlocked = false;
  #isClosed = false;

  constructor(options: EventStreamOptions, deps: EventStreamDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#cursor = options.after;
  }

  get jobId(): string {
    return this.#options.id;
  }

  get cursor(): number {
    return this.#cursor;
  }

  /** Begins with what is there already. */
  open(): void {
    const { translator, record } = this.#options;
    if (this.#cursor < 0) this.#send(translator.begin(record));
    this.lookAnew();
  }

  /** Whether nothing has been told of the job but that it was accepted. */
  get isWaiting(): boolean {
    return this.#cursor <= 0 && !this.#isClosed;
  }

  close(): void {
    this.#isClosed = true;
    if (this.#logId !== undefined) this.#deps.feed.unfollow(this.#logId, this);
    this.#logId = undefined;
  }

  /** The reader has caught up. */
  resume(): void {
    if (!this.#isBlocked) return;
    this.#isBlocked = false;
    this.lookAnew();
  }

  hear(notice: LogNotice): void {
    if (this.#isClosed || this.#isBlocked) return;
    // A log of several jobs goes on after the end of one of them, which is told on another channel: what of it is about
    // this job is known by reading both.
    const isShared = this.#logId !== this.#options.id;
    const entries = notice.kind === 'entries' ? notice.entries : [];
    const isNext = (entries[0]?.sequence ?? Number.POSITIVE_INFINITY) <= this.#cursor + 1;
    if (isNext && !isShared && !this.#isReading) this.#tell(entries);
    else this.lookAnew();
  }

  lookAnew(): void {
    if (this.#isClosed || this.#isBlocked) return;
    if (this.#isReading) {
      this.#isAskedAgain = true;
      return;
    }
    this.#isReading = true;
    this.#read()
      .catch(() => {
        setTimeout(() => this.lookAnew(), retryMs).unref();
      })
      .finally(() => {
        this.#isReading = false;
        if (!this.#isAskedAgain) return;
        this.#isAskedAgain = false;
        this.lookAnew();
      });
  }

  async #read(): Promise<void> {
    const { id, record } = this.#options;
    if (this.#logId === undefined) await this.#follow(record.leader ?? id);
    while (this.#logId !== undefined && !this.#isBlocked) {
      const logId = this.#logId;
      const page = await this.#deps.log.read(id, logId, this.#cursor);
      if (this.#isClosed) return;
      // Its call has got another leader, whose log begins with all that was in the old one.
      if (page.logId !== logId) {
        await this.#follow(page.logId);
        continue;
      }
      this.#tell(page.entries);
      if (this.#isBlocked) return;
      if (page.hasMore && page.entries.length > 0) continue;
      if (page.isEnded) await this.#finish();
      return;
    }
  }

  async #follow(logId: string): Promise<void> {
    if (this.#logId !== undefined) this.#deps.feed.unfollow(this.#logId, this);
    this.#logId = logId;
    await this.#deps.feed.follow(logId, this);
    // Closed meanwhile: nobody would take it off again.
    if (this.#isClosed) this.#deps.feed.unfollow(logId, this);
  }

  #tell(entries: readonly LogEntry[]): void {
    for (const entry of entries) {
      if (this.#isBlocked || this.#isClosed) return;
      if (entry.sequence > this.#cursor) this.#send(this.#options.translator.entry(entry));
    }
  }

  async #finish(): Promise<void> {
    const { tenantId, id, translator, onEnd, onLost } = this.#options;
    const record = await this.#deps.jobs.find(tenantId, id);
    if (this.#isClosed) return;
    if (!record) {
      this.close();
      return onLost();
    }
    for (const frame of translator.end(record, this.#cursor)) {
      if (!this.#isBlocked) this.#send(frame);
    }
    if (this.#isBlocked) return;
    this.close();
    onEnd(record);
  }

  /** What does not go to a reader that is full is found in the log again. */
  #send(frame: Frame): void {
    this.#isBlocked = !this.#options.write(frame);
    this.#cursor = Math.max(this.#cursor, frame.sequence);
    if (!frame.isLast) return;
    this.close();
    this.#options.onLost();
  }
}
