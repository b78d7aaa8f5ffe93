import { z } from 'zod';
import { ConfigError } from '../config/load-config.ts';
import { isProviderName, type ProviderName } from '../contracts/provider-name.ts';
import { flatPrice, type ModelPrice, oneHourWritePrice, priceKinds, priceMembers } from './model-price.ts';
import { resolveModel } from './resolve-model.ts';
import { scaledInteger } from './scaled-integer.ts';

/** What a file of prices says of a model. */
export interface PriceFileEntry {
  price: ModelPrice;
  maxOutputTokens?: number;
}

/** A file of prices, read and checked. */
export interface PriceFile {
  /** By our id of a model, such as `openai/gpt-4o`. */
  models: ReadonlyMap<string, PriceFileEntry>;
  /** By the provider of a wildcard, such as `openai/*`. */
  wildcards: ReadonlyMap<ProviderName, PriceFileEntry>;
}

/** An exact decimal, as a number or as text, times a million. `String` gives back the decimal that a number was. */
const millionths = (max: number, rule: string) =>
  z
    .union([z.number(), z.string()], { error: ({ input }) => (input === undefined ? 'is missing' : rule) })
    .transform(String)
    .refine((text) => /^\d+(\.\d{1,6})?$/.test(text) && Number(text) <= max, { error: rule, abort: true })
    .transform((text) => scaledInteger(text, 6));

const usdPerMillion = millionths(1_000_000, 'must be a plain decimal in USD per million tokens, at most 6 decimals');
const priorityFactor = millionths(100, 'must be a decimal from 0 to 100, at most 6 decimals');
const batchFactor = millionths(1, 'must be a decimal from 0 to 1, at most 6 decimals');

const entry = z.strictObject({
  input_per_1m_usd: usdPerMillion,
  output_per_1m_usd: usdPerMillion,
  cached_input_per_1m_usd: usdPerMillion.optional(),
  cache_write_per_1m_usd: usdPerMillion.optional(),
  cache_write_1h_per_1m_usd: usdPerMillion.optional(),
  image_input_per_1m_usd: usdPerMillion.optional(),
  audio_input_per_1m_usd: usdPerMillion.optional(),
  reasoning_per_1m_usd: usdPerMillion.optional(),
  audio_output_per_1m_usd: usdPerMillion.optional(),
  batch_factor: batchFactor.optional(),
  priority_factor: priorityFactor.optional(),
  max_output_tokens: z.int('must be a whole number').min(1, 'must be at least 1').max(1_000_000_000).optional(),
});

const file = z.strictObject({ models: z.record(z.string(), entry) });

/**
 * The content of a file of prices. `name` is what the file is called in errors. Throws a ConfigError that names every
 * model with the rule that it breaks.
 */
export function parsePriceFile(content: unknown, name: string): PriceFile {
  const parsed = file.safeParse(content, { error: ruleOf });
  if (!parsed.success) throw badPrices(name, parsed.error.issues.map(lineOf));

  const models = new Map<string, PriceFileEntry>();
  const wildcards = new Map<ProviderName, PriceFileEntry>();
  const faults: string[] = [];
  for (const [key, members] of Object.entries(parsed.data.models)) {
    const subject = subjectOf(key);
    if (typeof subject === 'string') faults.push(`${key}: ${subject}`);
    else if (subject.id === undefined) wildcards.set(subject.provider, toEntry(members, subject.provider));
    else if (models.has(subject.id)) faults.push(`${key}: is ${subject.id}, which has a price in this file already`);
    else models.set(subject.id, toEntry(members, subject.provider));
  }
  if (faults.length > 0) throw badPrices(name, faults);
  return { models, wildcards };
}

export const badPrices = (name: string, faults: string[]): ConfigError =>
  new ConfigError(`Bad prices in ${name} (PRICES_FILE):\n${faults.map((fault) => `  ${fault}`).join('\n')}`);

/** Whom a key means, a whole provider where it has no id; or what is wrong with the key. */
function subjectOf(key: string): { provider: ProviderName; id?: string } | string {
  const wildcard = /^([^/]+)\/\*$/.exec(key)?.[1];
  if (wildcard !== undefined && isProviderName(wildcard)) return { provider: wildcard };
  // A model of that name would never be asked for, and its price would be ignored without a word.
  if (key.includes('*')) return 'a wildcard is a provider and all of its models, as in openai/*';
  return resolveModel(key) ?? 'is no model: write provider/name, as in openai/gpt-4o';
}

function toEntry(members: z.output<typeof entry>, provider: ProviderName): PriceFileEntry {
  const input = flatPrice(members.input_per_1m_usd);
  const price: ModelPrice = { input, output: flatPrice(members.output_per_1m_usd) };
  if (provider === 'anthropic') price.cacheWrite1h = oneHourWritePrice(input);
  for (const kind of priceKinds) {
    const picoUsd = members[priceMembers[kind]];
    if (picoUsd !== undefined) price[kind] = flatPrice(picoUsd);
  }
  if (members.batch_factor !== undefined) price.batchMillionths = members.batch_factor;
  if (members.priority_factor !== undefined) price.priorityMillionths = members.priority_factor;
  return { price, ...(members.max_output_tokens !== undefined && { maxOutputTokens: members.max_output_tokens }) };
}

type Issue = Parameters<z.core.$ZodErrorMap>[0];

function ruleOf(issue: Issue): string | undefined {
  if (issue.code === 'unrecognized_keys') return `unknown member ${issue.keys.join(', ')}`;
  if (issue.code !== 'invalid_type') return undefined;
  if (issue.input === undefined) return 'is missing';
  return issue.expected === 'record' || issue.expected === 'object'
    ? 'must be an object'
    : `must be a ${issue.expected}`;
}

/** `models.<name>.<member>` and its rule, in words. */
function lineOf({ path, message }: z.core.$ZodIssue): string {
  const [models, model, ...member] = path.map(String);
  const whole = model === undefined ? models : `${model}:`;
  return [whole, ...member, message].filter((word) => word !== undefined).join(' ');
}
