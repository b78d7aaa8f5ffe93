import type { AnswerWishes } from '../answer/ask.ts';
import { Refusal } from '../call/refusal.ts';

/** What has been ordered for one call; orders that are joined by `+` are laid over each other. */
export interface FaultPlan extends AnswerWishes {
  waitMs: number;
  /** Between two chunks. */
  dripMs: number;
  refusals: OrderedRefusal[];
  /** What happens in place of an answer. */
  instead: 'hang' | 'reset' | 'html' | null;
  /** How the answer breaks off. */
  breakOff: BreakOff | null;
  usage: boolean;
}

export interface OrderedRefusal {
  refusal: Refusal;
  /** The first so many calls with the same key are refused. */
  times: number;
}

export type BreakOff = 'hang-mid' | 'truncate' | 'reset-mid' | 'malformed-json' | 'error-event';

export const noFault: FaultPlan = {
  waitMs: 0,
  dripMs: 0,
  refusals: [],
  instead: null,
  breakOff: null,
  usage: true,
  tokens: null,
  filtered: false,
};

export interface Fault {
  /** `<name>` stands for a whole number. */
  order: string;
  effect: string;
  bills: 'all' | 'what was written' | 'nothing';
  plan(...numbers: number[]): Partial<FaultPlan>;
}

/** The one list of fault orders; the README's table is checked against it. */
export const faults: readonly Fault[] = [
  { order: 'ok', effect: 'answers (the default)', bills: 'all', plan: () => ({}) },
  { order: 'echo', effect: 'the same', bills: 'all', plan: () => ({}) },
  {
    order: 'status-<code>',
    effect: "this 4xx or 5xx in the vendor's envelope",
    bills: 'nothing',
    plan: (status = 500) => refuse(new Refusal('ordered-status', { status })),
  },
  {
    order: 'status-<code>-retry-after-<seconds>',
    effect: 'the same with `retry-after`',
    bills: 'nothing',
    plan: (status = 500, retryAfterS = 0) => refuse(new Refusal('ordered-status', { status, retryAfterS })),
  },
  {
    order: 'rate-limited',
    effect: '429 with `retry-after: 1`',
    bills: 'nothing',
    plan: () => refuse(new Refusal('rate-limited', { retryAfterS: 1 })),
  },
  {
    order: 'rate-limited-once',
    effect: 'the first call: 429 with `retry-after: 1`',
    bills: 'nothing',
    plan: () => refuse(new Refusal('rate-limited', { retryAfterS: 1 }), 1),
  },
  {
    order: 'insufficient-quota',
    effect: '429 for a spent budget, without `retry-after`',
    bills: 'nothing',
    plan: () => refuse(new Refusal('quota-spent')),
  },
  {
    order: 'overloaded',
    effect: 'OpenAI 503, Anthropic 529',
    bills: 'nothing',
    plan: () => refuse(new Refusal('overloaded')),
  },
  { order: 'fail-once', effect: 'the first call: 500', bills: 'nothing', plan: () => fail(1) },
  { order: 'fail-twice', effect: 'the first two calls: 500', bills: 'nothing', plan: () => fail(2) },
  { order: 'fail-<n>-times', effect: 'the first n calls: 500', bills: 'nothing', plan: (times = 1) => fail(times) },
  { order: 'slow', effect: 'waits 2000 ms before it answers', bills: 'all', plan: () => ({ waitMs: 2_000 }) },
  {
    order: 'slow-<ms>',
    effect: 'waits so long before it answers',
    bills: 'all',
    plan: (waitMs = 0) => ({ waitMs }),
  },
  {
    order: 'drip-<ms>',
    effect: 'waits so long between chunks (without a stream: of 64 characters)',
    bills: 'all',
    plan: (dripMs = 0) => ({ dripMs }),
  },
  {
    order: 'hang',
    effect: 'accepts, and never answers',
    bills: 'nothing',
    plan: () => ({ instead: 'hang' }),
  },
  {
    order: 'hang-mid',
    effect: 'a few chunks, then silence',
    bills: 'what was written',
    plan: () => ({ breakOff: 'hang-mid' }),
  },
  {
    order: 'truncate',
    effect: 'ends without a terminal event (without a stream: before content-length)',
    bills: 'what was written',
    plan: () => ({ breakOff: 'truncate' }),
  },
  {
    order: 'reset',
    effect: 'connection reset before the headers',
    bills: 'nothing',
    plan: () => ({ instead: 'reset' }),
  },
  {
    order: 'reset-mid',
    effect: 'connection reset after a few chunks',
    bills: 'what was written',
    plan: () => ({ breakOff: 'reset-mid' }),
  },
  {
    order: 'malformed-json',
    effect: '200 with JSON that stops half-way (in a stream: such a data line)',
    bills: 'what was written',
    plan: () => ({ breakOff: 'malformed-json' }),
  },
  {
    order: 'wrong-content-type',
    effect: "200 `text/html`, a proxy's page",
    bills: 'nothing',
    plan: () => ({ instead: 'html' }),
  },
  {
    order: 'error-event',
    effect: "a few chunks, then the vendor's error event (without a stream: 500)",
    bills: 'what was written',
    plan: () => ({ breakOff: 'error-event' }),
  },
  { order: 'no-usage', effect: 'leaves out the usage', bills: 'all', plan: () => ({ usage: false }) },
  {
    order: 'content-filter',
    effect: 'ends after a few words: `content_filter`, `refusal`',
    bills: 'all',
    plan: () => ({ filtered: true }),
  },
  {
    order: 'tokens-<n>',
    effect: 'an answer of n tokens (`max_tokens` still cuts it)',
    bills: 'all',
    plan: (tokens = 0) => ({ tokens }),
  },
  { order: 'empty', effect: 'an answer of no tokens', bills: 'all', plan: () => ({ tokens: 0 }) },
];

function refuse(refusal: Refusal, times = Infinity): Partial<FaultPlan> {
  return { refusals: [{ refusal, times }] };
}

function fail(times: number): Partial<FaultPlan> {
  return refuse(new Refusal('ordered-status', { status: 500 }), times);
}
