import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { CallRecord } from '@llm-gateway/sandbox/bill/call-record';
import { type RunningSandbox, startSandbox } from '@llm-gateway/sandbox/start-sandbox';
import type { Answer } from '@llm-gateway/shared/contracts/answer';
import { visibleText } from '@llm-gateway/shared/contracts/deltas';
import type { Failure } from '@llm-gateway/shared/contracts/failure';
import type { Generation } from '@llm-gateway/shared/contracts/generation';
import { createSandboxClient, type SandboxCallWithBody } from '@llm-gateway/testkit/sandbox-client';
import { afterAll, beforeAll, expect, vi } from 'vitest';
import type { Piece, Provider, ProviderRequest } from './provider.ts';

export interface Candidate {
  name: string;
  /** A provider that calls `url`, under which the sandbox or another server listens. */
  create(url: string, options?: { apiKey?: string; timeoutMs?: number }): Provider;
  /** The provider's own words for the three ends of an answer. */
  reasons: { stop: string; length: string; contentFilter: string };
  /** An error body in the provider's own envelope. */
  errorBody(message: string): object;
}

export interface Outcome {
  /** The visible text of every piece. */
  deltas: string[];
  pieces: Piece[];
  answer?: Answer;
  error?: unknown;
}

export interface Bench {
  provider(options?: { apiKey?: string; timeoutMs?: number }): Provider;
  /** Calls the sandbox with a fault order in place of a model. */
  call(order: string, options?: Partial<Generation>, signal?: AbortSignal): Promise<Outcome & { requestId: string }>;
  fail(order: string, options?: Partial<Generation>): Promise<Failure>;
  callsOf(requestId: string): Promise<CallRecord[]>;
  /** What arrived at the sandbox of the only call with an id. */
  sentBy(requestId: string): Promise<SandboxCallWithBody>;
  /** What the sandbox answers to a body that is sent past the provider. */
  ask(path: string, body: object): Promise<Record<string, unknown>>;
  billOf(requestId: string): Promise<{ calls: number; prompt_tokens: number; completion_tokens: number }>;
  /** What has gone to the console so far. */
  printed(): unknown[];
}

export const neverAborted: AbortSignal = new AbortController().signal;
const hello: Generation = { system: 'Be brief.', messages: [{ role: 'user', text: 'Tell me about bears 🐻.' }] };

export function openBench(candidate: Candidate): Bench {
  let sandbox: RunningSandbox;
  const opened: Provider[] = [];
  // Before any client is made: the SDKs keep the console's functions of their first line.
  const spies = (['debug', 'info', 'log', 'warn', 'error'] as const).map((level) => vi.spyOn(console, level));
  beforeAll(async () => {
    sandbox = await startSandbox({ host: '127.0.0.1', port: 0 });
  });
  afterAll(async () => {
    await Promise.all(opened.map((provider) => provider.close?.()));
    await sandbox.close();
    for (const spy of spies) spy.mockRestore();
  });

  const provider: Bench['provider'] = (options) => {
    const made = candidate.create(sandbox.url, options);
    opened.push(made);
    return made;
  };
  const call: Bench['call'] = async (order, generation = {}, signal = neverAborted) => {
    const request = requestOf(order, generation);
    return { requestId: request.requestId, ...(await collect(provider(), request, signal)) };
  };
  return {
    provider,
    call,
    async fail(order, generation) {
      const { error, answer } = await call(order, generation);
      expect(answer, `${order} was taken for an answer`).toBeUndefined();
      return provider().classify(error);
    },
    callsOf: async (requestId) =>
      (await createSandboxClient(sandbox.url).calls({ request_id: requestId })) as unknown as CallRecord[],
    async sentBy(requestId) {
      const calls = await createSandboxClient(sandbox.url).callsWithBodies({ request_id: requestId });
      expect(calls).toHaveLength(1);
      return calls[0] as SandboxCallWithBody;
    },
    async ask(path, body) {
      const headers = { authorization: 'Bearer k', 'x-api-key': 'k', 'anthropic-version': '2023-06-01' };
      const response = await fetch(sandbox.url + path, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      expect(response.status).toBe(200);
      return (await response.json()) as Record<string, unknown>;
    },
    printed: () => spies.flatMap((spy) => spy.mock.calls),
    billOf: (requestId) => createSandboxClient(sandbox.url).bill({ request_id: requestId }),
  };
}

export const requestOf = (order: string, generation: Partial<Generation> = {}): ProviderRequest => ({
  model: { id: order, provider: 'sandbox', model: `sandbox/${order}`, known: false },
  generation: { ...hello, ...generation },
  requestId: `req_${randomUUID()}`,
});

/** Everything that a caller sees of one call. */
export async function collect(provider: Provider, request: ProviderRequest, signal: AbortSignal): Promise<Outcome> {
  const outcome: Outcome = { deltas: [], pieces: [] };
  try {
    const stream = provider.generate(request, signal);
    for (let step = await stream.next(); ; step = await stream.next()) {
      if (step.done) return { ...outcome, answer: step.value };
      outcome.pieces.push(step.value);
      outcome.deltas.push(visibleText(step.value.deltas));
    }
  } catch (error) {
    return { ...outcome, error };
  }
}

/** A server that answers every request with the same JSON. */
export async function serveAlways(status: number, body: object) {
  const server = createServer((_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
