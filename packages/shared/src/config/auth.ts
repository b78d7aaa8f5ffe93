import { z } from 'zod';
import { isLoopback } from './is-loopback.ts';

export const authEnv = {
  ADMIN_API_KEY: z
    .string()
    .min(16, 'must have at least 16 characters')
    .optional()
    .describe('Opens admin pages, metrics and admin routes. `npm start` on loopback makes one, unless in production'),
  AUTH_MODE: z
    .enum(['open', 'keys'])
    .optional()
    .describe('open: requests need no key. keys: they need one. Default: open on loopback, keys elsewhere'),
  NODE_ENV: z
    .string()
    .optional()
    .describe('production: AUTH_MODE is keys by default on loopback too, and ADMIN_API_KEY has to be set'),
  KEY_CACHE_MS: z.coerce
    .number()
    .int()
    .nonnegative()
    .max(60_000)
    .default(5000)
    .describe('How long a process may go by what it has read of a key, tenant or user; 0 reads anew for every request'),
};

/** Open to everybody on loopback, unless this is production; closed elsewhere. */
export const defaultAuthMode = (host: string, nodeEnv: string | undefined): 'open' | 'keys' =>
  isLoopback(host) && nodeEnv !== 'production' ? 'open' : 'keys';
