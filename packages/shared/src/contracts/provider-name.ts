/** Whom a model's name may lead to: the official providers, and the stand-in that answers without a key. */
export const providerNames = ['openai', 'anthropic', 'sandbox'] as const;

export type ProviderName = (typeof providerNames)[number];
