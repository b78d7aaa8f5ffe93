import { type Dispatcher, errors } from 'undici';
import { networkCause } from '../network-cause.ts';
import { retryAfterMs } from '../providers/classify-response.ts';
import { PrivateAddressError } from './guarded-agent.ts';

export interface Post {
  url: string;
  headers: Record<string, string>;
  /** Sent byte by byte as it is. */
  body: string;
}

export interface PostOptions {
  agent: Dispatcher;
  timeoutMs: number;
  /** Gives the attempt up. */
  signal: AbortSignal;
}

export interface Posted {
  /** What the receiver answered; null when it did not. */
  status: number | null;
  latencyMs: number;
  retryAfterMs?: number | undefined;
  /** Why it is no delivery; null for one. Shown to the tenant. */
  error: string | null;
}

// Of the answer nothing is used but its status; so much is read to keep the connection.
const answerMaxBytes = 4096;

/** One attempt. A redirect is not followed: what was checked is the address that was given. Throws when given up. */
export async function postWebhook(
  { url, headers, body }: Post,
  { agent, timeoutMs, signal }: PostOptions,
): Promise<Posted> {
  const begunMs = performance.now();
  const latencyMs = () => Math.round(performance.now() - begunMs);
  const late = AbortSignal.timeout(timeoutMs);
  const { origin, pathname, search } = new URL(url);
  try {
    const answered = await agent.request({
      origin,
      path: pathname + search,
      method: 'POST',
      headers: { 'content-type': 'application/json', 'user-agent': 'LLM-Gateway-Webhooks/1', ...headers },
      body,
      signal: AbortSignal.any([signal, late]),
    });
    const status = answered.statusCode;
    // The status decides, whatever the body does.
    await answered.body.dump({ limit: answerMaxBytes }).catch(() => undefined);
    return { status, latencyMs: latencyMs(), retryAfterMs: pauseOf(answered.headers), error: faultOf(status) };
  } catch (error) {
    if (signal.aborted) throw error;
    return { status: null, latencyMs: latencyMs(), error: late.aborted ? timedOut(timeoutMs) : textOf(error) };
  }
}

function pauseOf({ 'retry-after': asked }: Dispatcher.ResponseData['headers']): number | undefined {
  return typeof asked === 'string' ? retryAfterMs(new Headers({ 'retry-after': asked }), Date.now()) : undefined;
}

const timedOut = (timeoutMs: number) => `no answer within ${timeoutMs / 1000} s`;

function faultOf(status: number): string | null {
  if (status >= 200 && status < 300) return null;
  return status >= 300 && status < 400 ? `answered ${status}; redirects are not followed` : `answered ${status}`;
}

function textOf(error: unknown): string {
  if (error instanceof PrivateAddressError) return error.message;
  if (error instanceof errors.ConnectTimeoutError) return 'could not connect in time';
  return `could not be reached (${networkCause(error).cause_code ?? 'unknown'})`;
}
