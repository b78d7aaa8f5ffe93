import { z } from 'zod';
import type { NativeBody } from '../contracts/native-body.ts';

/**
 * What a call can be served by that changes every price of its model: OpenAI's service tiers, Anthropic's fast mode and its
 * promise to stay in one country.
 */
export const callTerm = z.enum(['priority', 'flex', 'fast', 'us']);

export type CallTerm = z.infer<typeof callTerm>;

/** What a provider says of how it has served a call, or a client of how it shall be. */
export interface SaidTerms {
  service_tier?: unknown;
  speed?: unknown;
  inference_geo?: unknown;
}

/** The terms of which that is one. OpenAI calls its priority fast as well, when it is asked for. */
export function termsOf({ service_tier: tier, speed, inference_geo: place }: SaidTerms): CallTerm[] {
  return [
    ...(tier === 'priority' || tier === 'fast' ? (['priority'] as const) : []),
    ...(tier === 'flex' ? (['flex'] as const) : []),
    ...(speed === 'fast' ? (['fast'] as const) : []),
    ...(place === 'us' ? (['us'] as const) : []),
  ];
}

/** The terms that a client's own body asks for. */
export const askedTerms = (native: Pick<NativeBody, 'api' | 'body'> | undefined): CallTerm[] => {
  if (!native) return [];
  const { service_tier, speed, inference_geo } = native.body;
  return termsOf(native.api === 'messages' ? { speed, inference_geo } : { service_tier });
};
