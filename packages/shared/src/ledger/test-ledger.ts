import { createDatabase } from '@llm-gateway/testkit/create-database';
import type { LedgerRow } from '../contracts/ledger-row.ts';
import { createLogger } from '../observability/logger.ts';
import { type LedgerDatabase, openDatabase } from './database.ts';
import type { LedgerEntry } from './ledger-entry.ts';

export interface TestLedger {
  url: string;
  database: LedgerDatabase;
  close(): Promise<void>;
}

/** A database of its own on the server of `serverUrl`; empty, without tables. */
export async function openTestLedger(serverUrl: string): Promise<TestLedger> {
  const { url, drop } = await createDatabase(serverUrl);
  const log = createLogger({ service: 'test', level: 'silent' });
  const database = openDatabase(url, { name: 'test', poolMax: 4, statementTimeoutMs: 5000, log });
  return {
    url,
    database,
    async close() {
      await database.destroy();
      await drop();
    },
  };
}

const noon = Date.parse('2026-11-24T12:00:00Z');

/** A paid call of 11 prompt and 7 completion tokens, unless the test says otherwise. */
export const entryOf = (changes: Partial<LedgerRow> = {}, atMs: number = noon): LedgerEntry => ({
  row: {
    generation: 'job_1',
    call: 1,
    kind: 'call',
    status: 'completed',
    tenant: 'acme',
    key: 'key_1',
    user: 'u1',
    model: 'openai/gpt-4o',
    provider: 'openai',
    endpoint: '/v1/generate',
    request: 'req_1',
    promptTokens: 11,
    completionTokens: 7,
    cachedPromptTokens: 0,
    cacheWriteTokens: 0,
    reasoningTokens: 0,
    usageSource: 'provider',
    costNanoUsd: '97500',
    savedNanoUsd: '0',
    priceVersion: 'test',
    latencyMs: 120,
    firstTokenMs: 30,
    providerRequest: null,
    ...changes,
  },
  atMs,
});

/** What a call is whose worker died. */
export const unsettled: Partial<LedgerRow> = {
  status: 'unsettled',
  promptTokens: 0,
  completionTokens: 0,
  cachedPromptTokens: 0,
  cacheWriteTokens: 0,
  reasoningTokens: 0,
  usageSource: 'unknown',
  costNanoUsd: null,
  savedNanoUsd: '0',
  priceVersion: null,
  latencyMs: null,
  firstTokenMs: null,
};
