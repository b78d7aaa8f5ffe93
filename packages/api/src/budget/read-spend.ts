import { callRedis } from '@llm-gateway/shared/redis/call-redis';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import type { Redis } from 'ioredis';
import type { BudgetRule } from './budget-rule.ts';
import { periodEndMs, periodName } from './period.ts';

/** A budget and what stands in it. */
export interface BudgetState {
  rule: BudgetRule;
  spentNanoUsd: bigint;
  /** For calls under way. */
  reservedNanoUsd: bigint;
  /** For calls whose worker died: nobody knows what they cost. */
  unsettledNanoUsd: bigint;
  /** When the period is over; null for one without an end. */
  resetsAtMs: number | null;
}

/** Throws `dependency_down`. */
export function createSpendReader(redis: Redis, keys: Keys) {
  return async (rules: readonly BudgetRule[], nowMs: number): Promise<BudgetState[]> =>
    Promise.all(
      rules.map(async (rule) => {
        const { period } = rule.budget;
        const key = keys.spend(rule.subject, periodName(period, nowMs));
        const [spent, reserved, unsettled] = await callRedis(() => redis.hmget(key, 'spent', 'reserved', 'unsettled'));
        return {
          rule,
          spentNanoUsd: BigInt(spent ?? 0),
          reservedNanoUsd: BigInt(reserved ?? 0),
          unsettledNanoUsd: BigInt(unsettled ?? 0),
          resetsAtMs: periodEndMs(period, nowMs),
        };
      }),
    );
}

export type SpendReader = ReturnType<typeof createSpendReader>;
