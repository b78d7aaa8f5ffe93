import { setTimeout as pause } from 'node:timers/promises';
import { openStream } from '@llm-gateway/testkit/event-stream-client';
import type { Random } from '@llm-gateway/testkit/random';
import { post, type Reply } from '@llm-gateway/testkit/start-gateway';

/** One thing that a client wants, whatever it takes. */
export interface Order {
  requestId: string;
  body: { prompt: string; model: string; user_id: string };
  /** How the client takes the result: it waits, it comes back, it follows the text, or it changes its mind. */
  way: 'wait' | 'async' | 'stream' | 'cancel';
}

/** What a client has seen: the only books that the checks believe. */
export interface ClientLog {
  /** Every job id that a client was told of. */
  accepted: Set<string>;
  /** Every answer that a client got, by the id of its job. */
  answers: { id: string; content: string }[];
  /** How the orders ended. */
  ends: { order: Order; status: number }[];
  retries: number;
  /** Requests that no server ended in time. */
  overdue: string[];
  /** Jobs whose streamed text was not the text of their answer. */
  spliced: string[];
}

export const createClientLog = (): ClientLog => ({
  accepted: new Set(),
  answers: [],
  ends: [],
  retries: 0,
  overdue: [],
  spliced: [],
});

// Longer than a wait and a frozen process together: what takes longer hangs.
const patienceMs = 15_000;
const triesMax = 40;

/** What of an answer must be the same however often and by whomever it is given out. */
export const contentOf = ({ body }: Reply): string => {
  const { completion, prompt_tokens, completion_tokens, total_tokens, finish_reason } = body;
  return JSON.stringify([completion, prompt_tokens, completion_tokens, total_tokens, finish_reason]);
};

/** Sends an order as an official SDK does: what may be cured by a repeat is repeated, and each repeat says that it is one. */
export async function place(order: Order, pickUrl: () => string, random: Random, log: ClientLog): Promise<void> {
  for (let tried = 0; tried < triesMax; tried += 1) {
    const reply = await attempt(order, tried, pickUrl(), log);
    if (reply !== undefined) note(reply, log);
    if (reply?.status === 202 && order.way === 'stream') await follow(reply.body.id, pickUrl, random, log);
    if (reply?.status === 202 && order.way === 'cancel') await cancel(reply.body.id, pickUrl, random);
    if (reply !== undefined && !shouldRetry(reply)) {
      log.ends.push({ order, status: reply.status });
      return;
    }
    log.retries += 1;
    await pause(random.between(50, 400));
  }
  throw new Error(`${order.requestId}: no end after ${triesMax} tries`);
}

/** Undefined when the connection was lost. */
async function attempt(order: Order, tried: number, url: string, log: ClientLog): Promise<Reply | undefined> {
  const headers = {
    'x-request-id': order.requestId,
    'x-stainless-retry-count': String(tried),
    ...(order.way === 'wait' ? {} : { prefer: 'respond-async' }),
  };
  const overdue = Symbol('overdue');
  const timer = new AbortController();
  const late = pause(patienceMs, overdue, { signal: timer.signal }).catch(() => undefined);
  const reply = post(`${url}/v1/generate`, order.body, headers).catch(() => undefined);
  const first = await Promise.race([reply, late]);
  timer.abort();
  if (first !== overdue) return first as Reply | undefined;
  log.overdue.push(order.requestId);
  return undefined;
}

/** Reads a job's events to the end, on whatever process, as often as the connection breaks. */
async function follow(id: string, pickUrl: () => string, random: Random, log: ClientLog): Promise<void> {
  let last = -1;
  let text = '';
  for (let tried = 0; tried < triesMax; tried += 1) {
    try {
      const stream = await openStream(`${pickUrl()}/v1/jobs/${id}/events`, {
        headers: { 'last-event-id': last < 0 ? '' : String(last) },
      });
      for (let frame = await stream.next(); frame; frame = await stream.next()) {
        last = frame.id;
        if (frame.event === 'output.delta') text += frame.data.text;
        if (frame.event === 'job.snapshot') text = frame.data.text;
        if (frame.event === 'job.retrying' && frame.data.reset) text = '';
        if (frame.data.result && frame.data.result.completion !== text) log.spliced.push(id);
        if (frame.data.job) return;
      }
    } catch {
      // The server has gone: another one goes on where it stopped.
    }
    await pause(random.between(50, 400));
  }
  throw new Error(`${id}: no end after ${triesMax} streams`);
}

async function cancel(id: string, pickUrl: () => string, random: Random): Promise<void> {
  await pause(random.between(0, 1500));
  for (let tried = 0; tried < triesMax; tried += 1) {
    const reply = await post(`${pickUrl()}/v1/jobs/${id}/cancel`, {}).catch(() => undefined);
    if (reply && reply.status < 500) return;
    await pause(random.between(50, 400));
  }
  throw new Error(`${id}: nobody takes its cancellation`);
}

function note(reply: Reply, log: ClientLog): void {
  const id = reply.headers.get('x-job-id') ?? (reply.status === 202 ? (reply.body.id as string) : null);
  if (id === null) return;
  log.accepted.add(id);
  if (reply.status === 200) log.answers.push({ id, content: contentOf(reply) });
}

function shouldRetry({ status, headers }: Reply): boolean {
  const told = headers.get('x-should-retry');
  if (told !== null) return told === 'true';
  return status === 408 || status === 409 || status === 429 || status >= 500;
}
