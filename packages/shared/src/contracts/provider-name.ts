import { z } from 'zod';

/** Those that the gateway knows without being told: the official providers, and the stand-in that answers without a key. */
export const builtInProviders = ['openai', 'anthropic', 'sandbox'] as const;

const pattern = /^[a-z][a-z0-9-]{0,31}$/;

/** Whom a model's name leads to: a built-in provider, or a server that the operator has named. */
export const providerName = z.string().regex(pattern, 'must be 1 to 32 of a-z, 0-9 and -, a letter first');

export type ProviderName = string;

/** Whether a provider may be called so; whether there is one is for workers to announce. */
export const isProviderName = (name: string): boolean => pattern.test(name);
