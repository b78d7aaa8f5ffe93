import { type BudgetPeriod, budgetPeriods } from '@llm-gateway/shared/contracts/policy';
import { defineScript } from '@llm-gateway/shared/redis/define-script';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import type { Redis } from 'ioredis';
import { periodName } from './period.ts';

const writeOffLua = `
local amounts = {}
for position, key in ipairs(KEYS) do
  amounts[position] = redis.call('HGET', key, 'unsettled') or '0'
  if amounts[position] ~= '0' then
    redis.call('HSET', key, 'unsettled', '0')
  end
end
return amounts`;

/**
 * Gives back to somebody's budgets what calls of unknown outcome have kept back, in the periods of that time; says how
 * much it was, in nano-dollars. Should an outcome come after all, it is spent and nothing is given back twice. Throws
 * `dependency_down`.
 */
export function createWriteOff(redis: Redis, keys: Keys) {
  const script = defineScript(redis, writeOffLua);
  return async (subject: string, nowMs: number): Promise<Record<BudgetPeriod, bigint>> => {
    const names = budgetPeriods.map((period) => keys.spend(subject, periodName(period, nowMs)));
    const amounts = (await script(names, [])) as string[];
    const [day = '0', month = '0', total = '0'] = amounts;
    return { day: BigInt(day), month: BigInt(month), total: BigInt(total) };
  };
}

export type WriteOff = ReturnType<typeof createWriteOff>;
