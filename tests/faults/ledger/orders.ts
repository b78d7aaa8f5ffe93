import { setTimeout as pause } from 'node:timers/promises';
import type { Random } from '@llm-gateway/testkit/random';
import { post, send } from '@llm-gateway/testkit/start-gateway';
import { waitFor } from '@llm-gateway/testkit/wait-for';

/** A generation that a client asks for, and what it does afterwards. */
export interface Order {
  body: { prompt: string; model: string; max_tokens: number; user_id: string };
  /** Its client cancels it in the middle of the answer. */
  isCut: boolean;
  /** Sent so many times at once. */
  copies: number;
}

const kinds: [weight: number, model: (random: Random) => string][] = [
  [30, () => 'gpt-4o'],
  [20, () => 'claude-3-5-sonnet'],
  [8, () => 'gpt-4o-mini'],
  [8, () => 'sandbox/fail-once'],
  [4, () => 'sandbox/fail-twice'],
  [2, () => 'sandbox/rate-limited-once'],
  [3, () => 'sandbox/status-400'],
  [3, () => 'sandbox/truncate'],
  [2, () => 'sandbox/error-event'],
  [2, () => 'sandbox/no-usage'],
  [8, (random) => `sandbox/tokens-${random.between(0, 200)}`],
  [5, (random) => `sandbox/slow-${random.between(50, 600)}`],
  [5, (random) => `sandbox/drip-${random.between(10, 60)}+tokens-${random.between(5, 15)}`],
];
const weights = kinds.reduce((sum, [weight]) => sum + weight, 0);

function pickModel(random: Random): string {
  let left = random.between(1, weights);
  for (const [weight, model] of kinds) {
    left -= weight;
    if (left <= 0) return model(random);
  }
  throw new Error('the weights do not add up');
}

/** So many jobs of all kinds: one in ten asks what was asked before, one in twenty is asked thrice at once. */
export function makeOrders(count: number, random: Random): Order[] {
  const orders: Order[] = [];
  let jobs = 0;
  while (jobs < count) {
    const number = orders.length;
    const isCut = random.next() < 0.03;
    const earlier = !isCut && number > 50 && random.next() < 0.1 ? random.pick(orders) : undefined;
    const copies = !isCut && !earlier && random.next() < 0.05 ? Math.min(3, count - jobs) : 1;
    const body = (earlier?.isCut === false ? earlier.body : undefined) ?? {
      prompt: `${number}: ${'word '.repeat(random.between(1, 40))}🐻 Bär`,
      model: isCut ? 'sandbox/hang-mid' : pickModel(random),
      max_tokens: random.between(50, 300),
      user_id: `user ${random.between(0, 9)}`,
    };
    orders.push({ body, isCut, copies });
    jobs += copies;
  }
  return orders;
}

export interface Client {
  urls: () => string[];
  key: string;
}

/** How many of the requests came to what: `accepted` by id, and refusals by status. */
export interface Tally {
  accepted: Set<string>;
  cached: number;
  refused: Map<number, number>;
}

/** Places an order and sees to what its client does afterwards. */
export async function place(order: Order, { urls, key }: Client, random: Random, tally: Tally): Promise<void> {
  const headers = { authorization: `Bearer ${key}`, prefer: 'respond-async' };
  const replies = await Promise.all(
    Array.from({ length: order.copies }, () => post(`${random.pick(urls())}/v1/generate`, order.body, headers)),
  );
  for (const { status, body } of replies) {
    if (status === 202) tally.accepted.add(body.id);
    else if (status === 200) tally.cached += 1;
    else tally.refused.set(status, (tally.refused.get(status) ?? 0) + 1);
    if (status === 202 && order.isCut) await cut(body.id, random.pick(urls()), headers);
  }
}

/** Cancels a job once its answer has begun. One whose worker was killed begins anew. */
async function cut(id: string, url: string, headers: Record<string, string>): Promise<void> {
  const about = `${url}/v1/jobs/${id}`;
  await waitFor(
    async () => {
      const { body } = await send(about, { headers });
      return body.output_chars > 0 || body.finished_at !== null;
    },
    { what: `${id} says something`, timeoutMs: 60_000, intervalMs: 100 },
  );
  // What is on its way arrives: the provider has gone silent.
  await pause(100);
  await post(`${about}/cancel`, {}, headers);
}
