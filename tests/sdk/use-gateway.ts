import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import type { SandboxCallWithBody } from '@llm-gateway/testkit/sandbox-client';
import { type Gateway, startGateway } from '@llm-gateway/testkit/start-gateway';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { afterAll, beforeAll, expect, inject } from 'vitest';

/** One request of a client's: its id goes all the way to the provider, whose books can be asked for it. */
export interface Errand {
  id: string;
  /** The request options of both vendors' SDKs. */
  options: { headers: Record<string, string> };
}

/** What a client's SDK counts, in the terms of the provider's bill. */
export interface Counted {
  prompt: number | undefined;
  completion: number | undefined;
}

/** A gateway for the tests of one file, with what they ask of the provider behind it. */
export function useGateway(environment: Record<string, string> = {}) {
  let started: Gateway | undefined;
  beforeAll(async () => {
    started = await startGateway({
      redisUrl: inject('redisUrl'),
      databaseUrl: inject('databaseUrl'),
      environment: { MAX_REQUESTS_PER_MINUTE: '100000', MAX_REQUESTS_PER_HOUR: '100000', ...environment },
    });
  });
  afterAll(() => started?.stop());
  const gateway = () => {
    if (!started) throw new Error('the gateway has not been started yet');
    return started;
  };

  /** Every call that was made for a request, once all of them have ended. */
  const callsFor = async ({ id }: Errand): Promise<SandboxCallWithBody[]> =>
    waitFor(
      async () => {
        const calls = await gateway().sandbox.callsWithBodies({ request_id: id });
        return calls.length > 0 && calls.every(({ state }) => state === 'ended') && calls;
      },
      { what: `the calls for ${id} have ended` },
    );

  return {
    get url() {
      return gateway().url;
    },
    gateway,
    callsFor,
    errand: (headers: Record<string, string> = {}): Errand => {
      const id = `sdk-${randomUUID()}`;
      return { id, options: { headers: { 'x-client-request-id': id, ...headers } } };
    },
    /** The only call that was made for a request. */
    async callFor(errand: Errand): Promise<SandboxCallWithBody & { body: Record<string, unknown> }> {
      const calls = await callsFor(errand);
      expect(calls, 'exactly one call is made for a request').toHaveLength(1);
      const [call] = calls;
      if (!call?.body) throw new Error(`the sandbox remembers no body of ${errand.id}`);
      return { ...call, body: call.body };
    },
    /** Asserts that a request was paid for once, and that its client was told the very numbers of the bill. */
    async expectBilled(errand: Errand, { prompt, completion }: Counted): Promise<void> {
      await callsFor(errand);
      const bill = await gateway().sandbox.bill({ request_id: errand.id });
      expect({ calls: bill.calls, prompt, completion }).toEqual({
        calls: 1,
        prompt: bill.prompt_tokens,
        completion: bill.completion_tokens,
      });
    },
  };
}
