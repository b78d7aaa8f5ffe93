import type { Refusal } from './refusal.ts';

/** What differs between the vendors whatever the endpoint. */
export interface Dialect {
  name: 'openai' | 'anthropic';
  /** The header that carries the vendor's id of the call. */
  requestIdHeader: string;
  refuse(refusal: Refusal, callId: string): { status: number; headers: Record<string, string>; body: object };
}
