import { budgets, limits, modelLimits, scopes } from '@llm-gateway/shared/contracts/policy';
import { z } from 'zod';

const milliseconds = z.int().nonnegative();

/** An API key as it is kept. Its secret is not: the digests say which secrets are its own. */
export const apiKey = z.object({
  id: z.string(),
  tenant: z.string(),
  name: z.string(),
  /** The last characters of the current secret. */
  hint: z.string(),
  scopes: z.array(z.enum(scopes)),
  /** Our ids of the models that it may ask for; absent: all. */
  models: z.array(z.string()).optional(),
  /** The only user that it may be used for. */
  user: z.string().optional(),
  limits,
  /** By our id of a model. */
  modelLimits,
  budgets,
  metadata: z.record(z.string(), z.string()),
  createdMs: milliseconds,
  expiresMs: milliseconds.optional(),
  revokedMs: milliseconds.optional(),
  rotatedMs: milliseconds.optional(),
  digest: z.string(),
  /** Of the secret before, which may work a while longer. */
  previousDigest: z.string().optional(),
});

export type ApiKey = z.output<typeof apiKey>;

/** What a key may do, which its owner decides; the rest is the store's. */
export type KeyWishes = Omit<
  ApiKey,
  'id' | 'hint' | 'createdMs' | 'revokedMs' | 'rotatedMs' | 'digest' | 'previousDigest'
>;

/** Whether the key opens anything at that time. */
export const isUsable = ({ revokedMs, expiresMs }: ApiKey, nowMs: number): boolean =>
  revokedMs === undefined && (expiresMs === undefined || expiresMs > nowMs);
