import type { Call } from '../bill/call-log.ts';
import type { BreakOff, FaultPlan } from '../faults/faults.ts';
import type { PreparedAnswer, PreparedStream } from './endpoint.ts';
import { type Frame, formatBrokenFrame, formatFrame } from './frame.ts';
import type { Wire } from './wire.ts';

const STREAM_HEADERS = { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' };

// How many paid chunks "a few" are, for the faults that break off after a few.
const CHUNKS_BEFORE_BREAK = 3;

/** Writes frame by frame and charges each as it is written, so that a stream that is cut costs what it carried. */
export async function sendStream(
  answer: PreparedAnswer & { stream: PreparedStream },
  plan: FaultPlan,
  call: Call,
  wire: Wire,
): Promise<void> {
  wire.head(200, STREAM_HEADERS);
  call.charge({ prompt: answer.promptTokens, cache: answer.cache });
  let sent = 0;
  let paidChunks = 0;
  for (const frame of answer.stream.frames()) {
    if (plan.breakOff && (paidChunks === CHUNKS_BEFORE_BREAK || frame.closing)) {
      return breakStream(plan.breakOff, { next: frame, errors: answer.stream.errorFrames(sent) }, call, wire);
    }
    if (frame.tokens > 0) {
      if (paidChunks > 0) await wire.wait(plan.dripMs);
      paidChunks += 1;
    }
    await writeFrame(frame, call, wire);
    sent += 1;
  }
  wire.end();
}

async function writeFrame(frame: Frame, call: Call, wire: Wire): Promise<void> {
  call.charge({ completion: frame.tokens });
  // Settled before the last bytes leave: a client that has them may ask for the bill at once.
  if (frame.closing) call.settle('completed', 200);
  await wire.write(formatFrame(frame));
}

async function breakStream(
  how: BreakOff,
  { next, errors }: { next: Frame; errors: Pick<Frame, 'event' | 'data'>[] },
  call: Call,
  wire: Wire,
): Promise<void> {
  switch (how) {
    case 'hang-mid':
      return wire.silence();
    case 'truncate':
      call.settle('truncated', 200);
      return wire.end();
    case 'reset-mid':
      call.settle('reset', 200);
      return wire.reset();
    case 'malformed-json':
      call.settle('malformed', 200);
      await wire.write(formatBrokenFrame(next));
      return wire.end();
    case 'error-event':
      call.settle('errored', 200);
      for (const frame of errors) await wire.write(formatFrame(frame));
      return wire.end();
  }
}
