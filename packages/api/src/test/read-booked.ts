import { ledgerRow } from '@llm-gateway/shared/contracts/ledger-row';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import { pairsToHash } from '@llm-gateway/shared/redis/pairs-to-hash';
import type { Redis } from 'ioredis';

/** What of a user is on its way to the ledger. For tests, in which no worker takes it there. */
export async function readBooked(redis: Redis, keys: Keys, userId: string) {
  const entries = await redis.xrange(keys.ledger, '-', '+');
  const rows = entries.map(([, fields]) => ledgerRow.parse(JSON.parse(pairsToHash(fields).row ?? '')));
  const own = rows.filter(({ user }) => user === userId);
  return {
    requests: own.length,
    cached: own.filter(({ kind }) => kind === 'cached').length,
    coalesced: own.filter(({ kind }) => kind === 'coalesced').length,
    tokens: own.reduce((sum, row) => sum + row.promptTokens + row.completionTokens, 0),
    nanoUsd: own.reduce((sum, row) => sum + Number(row.costNanoUsd ?? 0), 0),
  };
}
