import type { Bill } from '@llm-gateway/testkit/sandbox-client';

/** A row of the ledger as Postgres gives it. */
export interface Row {
  generation: string;
  call: number;
  kind: 'call' | 'cached' | 'coalesced';
  status: string;
  tenant: string;
  user_id: string;
  model: string;
  request: string;
  prompt_tokens: string;
  completion_tokens: string;
  usage_source: string;
  cost_nano_usd: string | null;
}

/** USD per million tokens, which is nano-dollars per thousand: [prompt, completion], as the vendors' lists had them. */
const prices: Record<string, [bigint, bigint]> = {
  'openai/gpt-4o': [2500n, 10_000n],
  'openai/gpt-4o-mini': [150n, 600n],
  'anthropic/claude-3-5-sonnet': [3000n, 15_000n],
  'anthropic/claude-haiku-4-5': [1000n, 5000n],
  'openai/text-embedding-3-small': [20n, 0n],
  sandbox: [1000n, 2000n],
};

/** What so many tokens cost, in nano-dollars, worked out anew. */
export function costOf(model: string, promptTokens: number, completionTokens: number): bigint {
  const price = prices[model] ?? (/(^|\/)sandbox\//.test(model) ? prices.sandbox : undefined);
  if (!price) throw new Error(`no price of ${model} in this test`);
  return BigInt(promptTokens) * price[0] + BigInt(completionTokens) * price[1];
}

export interface Sum {
  calls: number;
  promptTokens: number;
  completionTokens: number;
  nanoUsd: bigint;
}

const nothing = (): Sum => ({ calls: 0, promptTokens: 0, completionTokens: 0, nanoUsd: 0n });

function add(sums: Map<string, Sum>, request: string, { calls, promptTokens, completionTokens, nanoUsd }: Sum): void {
  const sum = sums.get(request) ?? nothing();
  sum.calls += calls;
  sum.promptTokens += promptTokens;
  sum.completionTokens += completionTokens;
  sum.nanoUsd += nanoUsd;
  sums.set(request, sum);
}

/** What the ledger says of every request's calls that used anything. */
export function ledgerByRequest(rows: readonly Row[]): Map<string, Sum> {
  const sums = new Map<string, Sum>();
  for (const row of rows) {
    if (row.kind !== 'call' || row.usage_source === 'none' || row.usage_source === 'unknown') continue;
    add(sums, row.request, {
      calls: 1,
      promptTokens: Number(row.prompt_tokens),
      completionTokens: Number(row.completion_tokens),
      nanoUsd: BigInt(row.cost_nano_usd ?? 0),
    });
  }
  return sums;
}

/** What the provider charged every request for. The provider knows a model by its own name. */
export function billByRequest({ entries }: Bill, rows: readonly Row[]): Map<string, Sum> {
  const sums = new Map<string, Sum>();
  const modelsOf = new Map<string, Set<string>>();
  for (const { request, model } of rows) modelsOf.set(request, (modelsOf.get(request) ?? new Set()).add(model));
  for (const { request_id, model: named, prompt_tokens, completion_tokens } of entries) {
    const request = request_id ?? '';
    const models = [...(modelsOf.get(request) ?? [])];
    // Of several, where one has taken the place of another, the name tells which.
    const model = models.length > 1 ? models.find((id) => id.endsWith(`/${named}`)) : models[0];
    if (model === undefined) throw new Error(`the ledger knows nothing of ${request}`);
    const nanoUsd = costOf(model, prompt_tokens, completion_tokens);
    add(sums, request, { calls: 1, promptTokens: prompt_tokens, completionTokens: completion_tokens, nanoUsd });
  }
  return sums;
}

export function total(sums: Iterable<Sum>): Sum {
  const all = new Map<string, Sum>();
  for (const sum of sums) add(all, '', sum);
  return all.get('') ?? nothing();
}
