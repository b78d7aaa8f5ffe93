import type { Answer } from '@llm-gateway/shared/contracts/answer';
import type { Delta } from '@llm-gateway/shared/contracts/content';
import { createWritten, mergeDeltas, visibleText } from '@llm-gateway/shared/contracts/deltas';
import type { JobEvent } from '@llm-gateway/shared/contracts/event';
import type { StopReason } from '@llm-gateway/shared/lifecycle/stop-reasons';
import { isPrelude } from './is-prelude.ts';
import type { Piece } from './providers/provider.ts';
import { isSilent } from './settlement/says-something.ts';
import type { Appended, LogPiece } from './settlement/settlement.ts';

export interface LogWriterOptions {
  /** Writes a piece of the log. */
  append: (piece: LogPiece) => Promise<Appended>;
  /** Whether somebody follows from the start. */
  isFollowed: boolean;
  /** Beyond this size the log starts anew with all that was said so far. */
  logMaxBytes: number;
  /** What the log's writes say of the job: that it shall stop, or that it is no longer this run's. */
  onStop: (reason: StopReason | 'lock-lost') => void;
}

export interface LogWriter {
  /** All that the model has written so far, of each choice apart, seen or not, whether it is in the log yet or not. */
  written(): string[];
  /** Whether a reader may have been told something that it would have to take back. */
  hasSaid(): boolean;
  push(piece: Piece): void;
  /** From now on a log that starts anew holds the answer so far in its provider's terms too. */
  keepNative(soFar: () => NonNullable<Answer['native']>): void;
  /** Writes nothing more, and gives what has not been written. */
  finish(): Promise<JobEvent[]>;
}

// Tokens within one such time go as one entry. The first one goes at once where somebody waits for it.
const followedMs = 10;
const unfollowedMs = 100;

/**
 * Writes what a call brings to the job's log as it comes. Nobody waits for it: a Redis that is away holds it back, and
 * what the log lacks at the end goes with the settlement.
 */
export function createLogWriter({ append, isFollowed, logMaxBytes, onStop }: LogWriterOptions): LogWriter {
  const said = createSaid();
  let pending = noPieces();
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
    const events = tooLarge ? [said.snapshot()] : eventsOf(pending);
    const chars = visibleText(pending.deltas).length;
    pending = noPieces();
    tooLarge = false;
    return { number, events, chars };
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
        else if (!isEmpty(pending)) schedule(followed ? followedMs : unfollowedMs);
      });
    }, delayMs);
  }

  return {
    written: said.written,
    hasSaid: said.hasSaid,
    keepNative: said.keepNative,
    push(piece) {
      if (piece.frame === undefined && piece.deltas.every((delta) => isSilent(delta))) return;
      said.add(piece);
      pending.deltas.push(...piece.deltas);
      if (piece.frame !== undefined) pending.frames.push(piece.frame);
      schedule(followed ? (number === 0 ? 0 : followedMs) : unfollowedMs);
    },
    async finish() {
      finished = true;
      clearTimeout(timer);
      await writing;
      // A piece of unknown fate is told again as all that was said: a follower then drops what it has twice.
      if (failed) return [said.snapshot()];
      return isEmpty(pending) ? [] : eventsOf(pending);
    },
  };
}

interface Pieces {
  deltas: Delta[];
  frames: string[];
}

const noPieces = (): Pieces => ({ deltas: [], frames: [] });

const isEmpty = ({ deltas, frames }: Pieces) => deltas.length === 0 && frames.length === 0;

const isPlain = (deltas: readonly Delta[]) =>
  deltas.every(({ type, choice }) => type === 'text' && choice === undefined);

/** One event for each delta, so that every reader can be told each under a number of its own. */
function eventsOf({ deltas, frames }: Pieces): JobEvent[] {
  if (frames.length === 0 && isPlain(deltas)) return [{ type: 'text-delta', text: visibleText(deltas) }];
  const merged = mergeDeltas(deltas);
  if (frames.length === 0) return merged.map((delta) => ({ type: 'delta', delta }));
  // That there are frames is said from the first one on: who reads them must not be told the same by the deltas.
  const events = merged.map((delta): JobEvent => ({ type: 'delta', delta, frames: [] }));
  // With the last one: who reads frames gets them when all is there.
  const last = events.pop() ?? { type: 'delta' };
  return [...events, { ...last, frames } as JobEvent];
}

/** All that was said so far. */
function createSaid() {
  let text = '';
  const written = createWritten();
  let hasSaid = false;
  // Only of an answer that is more than text: that of most is in `text`.
  let deltas: Delta[] | undefined;
  let native: (() => NonNullable<Answer['native']>) | undefined;

  return {
    add({ deltas: more, frame }: Piece): void {
      if (!deltas && (frame !== undefined || !isPlain(more))) deltas = text === '' ? [] : [{ type: 'text', text }];
      // Of all, the last one alone can go on.
      if (deltas) deltas.push(...mergeDeltas([...deltas.splice(-1), ...more]));
      text += visibleText(more);
      for (const delta of more) written.add(delta);
      hasSaid ||= more.some((delta) => !isSilent(delta)) || (frame !== undefined && !isPrelude(frame));
    },
    keepNative(soFar: () => NonNullable<Answer['native']>): void {
      native = soFar;
    },
    written: written.texts,
    hasSaid: () => hasSaid,
    snapshot: (): JobEvent => ({
      type: 'snapshot',
      text,
      ...(deltas ? { deltas } : {}),
      ...(native ? { native: native() } : {}),
    }),
  };
}
