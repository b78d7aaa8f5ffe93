import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { test as base, expect, vi } from 'vitest';
import type { CallRecord } from './bill/call-record.ts';
import type { Bill } from './bill/make-bill.ts';
import { startSandbox } from './start-sandbox.ts';

export interface TestSandbox {
  url: string;
  close(): Promise<void>;
  bill(query?: string): Promise<Bill>;
  calls(query?: string): Promise<CallRecord[]>;
  reset(): Promise<void>;
  /** Waits until the only call so far has ended, and returns its record. */
  onlyCallEnded(): Promise<CallRecord>;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
}

/** A sandbox on a free port for each test, with the official clients, which do not retry. */
export const test = base.extend<{ sandbox: TestSandbox; openai: OpenAI; anthropic: Anthropic }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from the pattern which fixtures are wanted
  sandbox: async ({}, use) => {
    const running = await startSandbox({ host: '127.0.0.1', port: 0 });
    await use(toTestSandbox(running));
    await running.close();
  },
  openai: async ({ sandbox }, use) => {
    await use(new OpenAI({ baseURL: `${sandbox.url}/v1`, apiKey: 'any', maxRetries: 0, logLevel: 'off' }));
  },
  anthropic: async ({ sandbox }, use) => {
    await use(new Anthropic({ baseURL: sandbox.url, apiKey: 'any', maxRetries: 0, logLevel: 'off' }));
  },
});

function toTestSandbox({ url, close }: { url: string; close(): Promise<void> }): TestSandbox {
  const get = async <Answer>(path: string) => (await (await fetch(`${url}${path}`)).json()) as Answer;
  const calls = async (query = '') => (await get<{ calls: CallRecord[] }>(`/sandbox/calls${query}`)).calls;
  return {
    url,
    close,
    calls,
    bill: (query = '') => get<Bill>(`/sandbox/bill${query}`),
    reset: async () => void (await fetch(`${url}/sandbox/bill`, { method: 'DELETE' })),
    onlyCallEnded: () =>
      vi.waitFor(async () => {
        const [call, ...others] = await calls();
        expect(others).toEqual([]);
        expect(call).toMatchObject({ state: 'ended' });
        return call as CallRecord;
      }),
    post: (path, body, headers = {}) =>
      fetch(`${url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: 'Bearer any', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
  };
}

/** Everything a stream yields. */
export async function collect<Item>(stream: AsyncIterable<Item>): Promise<Item[]> {
  const items: Item[] = [];
  for await (const item of stream) items.push(item);
  return items;
}
