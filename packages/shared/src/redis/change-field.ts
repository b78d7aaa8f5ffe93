import type { Redis } from 'ioredis';
import { callRedis } from './call-redis.ts';
import { defineScript } from './define-script.ts';

// What was changed or removed meanwhile must neither be undone nor come back.
const replaceLua = `
if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then
  return 0
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1`;

/**
 * Changes a field of a hash: `next` makes the new text of the one that is there (null for none), and is asked again as
 * often as somebody else is faster. Gives the new text; undefined where `next` wants none. Throws `dependency_down`.
 */
export function createFieldChange(redis: Redis) {
  const replace = defineScript(redis, replaceLua);
  return async (
    key: string,
    field: string,
    next: (before: string | null) => string | undefined,
  ): Promise<string | undefined> => {
    for (;;) {
      const before = await callRedis(() => redis.hget(key, field));
      const after = next(before);
      if (after === undefined || (await replace([key], [field, before ?? '', after])) === 1) return after;
    }
  };
}
