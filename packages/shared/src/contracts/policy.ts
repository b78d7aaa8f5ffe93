import { z } from 'zod';

const bound = z.int().nonnegative().max(1_000_000_000_000);

/**
 * How much somebody may ask for, as sliding windows. A member that is absent does not limit; 0 refuses everything.
 * `concurrency` bounds generations under way: accepted and not ended.
 */
export const limits = z
  .strictObject({
    requests_per_minute: bound,
    requests_per_hour: bound,
    tokens_per_minute: bound.describe('Prompt and completion tokens together'),
    concurrency: bound.describe('Generations accepted and not ended'),
  })
  .partial();

export type Limits = z.infer<typeof limits>;

export const budgetPeriods = ['day', 'month', 'total'] as const;

export type BudgetPeriod = (typeof budgetPeriods)[number];

/** Redis counts in doubles where it compares: to the nano-dollar they are exact up to here. */
const budgetMaxUsd = 9_000_000;

const usdRule = 'must be a decimal number of USD, such as 12.5, with at most 9 decimals';

const usd = z
  .union([z.number(), z.string()], { error: ({ input }) => (input === undefined ? 'is required' : usdRule) })
  .transform((value) => String(value))
  .pipe(
    z
      .string()
      .regex(/^\d+(\.\d{1,9})?$/, usdRule)
      .refine((text) => !(Number(text) > budgetMaxUsd), `must be <= ${budgetMaxUsd}`),
  );

/** How much somebody may spend in a period; days and months are those of UTC. */
export const budget = z.strictObject({
  period: z.enum(budgetPeriods),
  limit_usd: usd.describe('USD, as a number or a decimal string'),
  /** Per cent of the limit at which an event is raised. */
  alert_percents: z
    .array(z.int().min(1).max(100))
    .max(10)
    .default([50, 80, 100])
    .describe('Per cent of the limit at which `budget.threshold` is raised'),
});

export type Budget = z.output<typeof budget>;

export const budgets = z
  .array(budget)
  .max(3)
  .refine((rows) => new Set(rows.map(({ period }) => period)).size === rows.length, 'must have one row per period');

const limitedModelsMax = 100;

/**
 * By our id of a model, such as `openai/gpt-4o`, or by a name that stands for it. Any name behind a provider's stands for
 * one, so that there is no end of them, and who lists keys or sends one has to wait until they all have been read.
 */
export const modelLimits = z
  .record(z.string().min(1).max(256), limits)
  .refine((byModel) => Object.keys(byModel).length <= limitedModelsMax, `must have at most ${limitedModelsMax} models`);

/** What a key may be used for. `admin` is for the routes of its own tenant's administrator. */
export const scopes = ['generate', 'read', 'admin'] as const;

export type Scope = (typeof scopes)[number];
