import type { IncomingHttpHeaders } from 'node:http';
import type { Call } from '../bill/call-log.ts';
import type { FaultPlan } from '../faults/faults.ts';
import type { Frame } from './frame.ts';

/** What the sandbox itself reads of every such body. */
export interface CallBody {
  model: string;
  stream?: unknown;
}

/** An endpoint that costs tokens: reads a body, and writes the answer as one object or as frames. */
export interface Endpoint<Body extends CallBody> {
  /** Throws a Refusal that names the bad parameter. */
  read(body: unknown, headers: IncomingHttpHeaders): Body;
  answer(body: Body, plan: FaultPlan, call: Call): PreparedAnswer;
}

export interface PreparedAnswer {
  promptTokens: number;
  /** Of the prompt, what is written to a prompt cache and read from it. */
  cache?: { write: number; read: number };
  completionTokens: number;
  whole(): object;
  /** Null when the client did not ask for a stream. */
  stream: PreparedStream | null;
}

export interface PreparedStream {
  frames(): Iterable<Frame>;
  /** How the vendor says, in a stream of which so many frames were sent, that it failed. */
  errorFrames(sent: number): Pick<Frame, 'event' | 'data'>[];
}
