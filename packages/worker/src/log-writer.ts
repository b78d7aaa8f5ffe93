import type { JobEvent } from '@llm-gateway/shared/contracts/event';
import type { StopReason } from '@llm-gateway/shared/lifecycle/stop-reasons';
import type { Appended, LogPiece } from './settlement/settlement.ts';

export interface LogWriterOptions {
  /** Writes a piece of the log. */
  append: (piece: LogPiece) => Promise<Appended>;
  /** Whether somebody follows from the start. */
  isFollowed: boolean;
  /** Beyond this size the log starts anew with all text so far. */
  logMaxBytes: number;
  /** What the log's writes say of the job: that it shall stop, or that it is no longer this run's. */
  onStop: (reason: StopReason | 'lock-lost') => void;
}

export interface LogWriter {
  /** All text so far, written or not. */
  text(): string;
  push(text: string): void;
  /** Writes nothing more, and gives what has not been written. */
  finish(): Promise<JobEvent[]>;
}

// Tokens within one such time go as one entry. The first one goes at once where somebody waits for it.
const followedMs = 10;
const unfollowedMs = 100;

/**
 * Writes the text of a call to the job's log as it comes. Nobody waits for it: a Redis that is away holds text back,
 * and what the log lacks at the end goes with the settlement.
 */
export function createLogWriter({ append, isFollowed, logMaxBytes, onStop }: LogWriterOptions): LogWriter {
  let all = '';
  let pending = '';
  let number = 0;
  let followed = isFollowed;
  let tooLarge = false;
  // A log that is large because its text is does not start anew with every few tokens, or each would cost the whole text.
  let boundBytes = logMaxBytes;
  let finished = false;
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> | undefined;
  let failed: LogPiece | undefined;

  /** The next piece; one whose writing failed goes again as it was, because it may have been written after all. */
  function nextPiece(): LogPiece {
    if (failed) return failed;
    number += 1;
    const text = pending;
    pending = '';
    const event: JobEvent = tooLarge ? { type: 'snapshot', text: all } : { type: 'text-delta', text };
    tooLarge = false;
    return { number, events: [event], chars: text.length };
  }

  async function write(): Promise<void> {
    const piece = nextPiece();
    try {
      const appended = await append(piece);
      failed = undefined;
      if (appended.kind === 'superseded') return onStop('lock-lost');
      followed = appended.heard > 0;
      if (piece.events[0]?.type === 'snapshot') boundBytes = Math.max(logMaxBytes, 2 * appended.logBytes);
      tooLarge = appended.logBytes > boundBytes;
      if (appended.stop) onStop(appended.stop);
    } catch {
      // Redis refuses: the connection reports it, and the piece waits for the next turn.
      failed = piece;
    }
  }

  function schedule(delayMs: number): void {
    if (timer !== undefined || writing !== undefined || finished) return;
    timer = setTimeout(() => {
      timer = undefined;
      writing = write().finally(() => {
        writing = undefined;
        if (failed) schedule(1000);
        else if (pending !== '') schedule(followed ? followedMs : unfollowedMs);
      });
    }, delayMs);
  }

  return {
    text: () => all,
    push(text) {
      if (text === '') return;
      all += text;
      pending += text;
      schedule(followed ? (number === 0 ? 0 : followedMs) : unfollowedMs);
    },
    async finish() {
      finished = true;
      clearTimeout(timer);
      await writing;
      // A piece of unknown fate is told again as all that was said: a follower then drops what it has twice.
      if (failed) return [{ type: 'snapshot', text: all }];
      return pending === '' ? [] : [{ type: 'text-delta', text: pending }];
    },
  };
}
