import '@llm-gateway/testkit/provided-context';
import { Redis } from 'ioredis';
import { expect, inject, test } from 'vitest';
import { GatewayError } from '../contracts/failure.ts';
import { callRedis } from './call-redis.ts';

const codeOf = async (operation: () => Promise<unknown>) =>
  callRedis(operation).then(
    () => undefined,
    (error: unknown) => (error instanceof GatewayError ? error.failure.code : (error as Error).name),
  );

test('a transaction that a full Redis refuses is told as Redis away', async () => {
  const redis = new Redis(inject('redisUrl'));
  // A command that Redis refuses when it queues it, whatever for, ends the transaction with EXECABORT.
  const refused = () => redis.multi().call('CLIENT', 'NO-SUCH-SUBCOMMAND').exec();
  await expect(refused()).rejects.toThrow('EXECABORT');
  expect(await codeOf(refused)).toBe('dependency_down');
  redis.disconnect();
});

test('a bug of ours stays what it is: it is no outage and must not be told as one', async () => {
  expect(await codeOf(async () => encodeURIComponent('\ud800'))).toBe('URIError');
  expect(await codeOf(async () => (undefined as unknown as string).length)).toBe('TypeError');
});
