import { z } from 'zod';

export const authEnv = {
  ADMIN_API_KEY: z
    .string()
    .min(16, 'must have at least 16 characters')
    .optional()
    .describe('Opens admin pages, metrics and admin routes. `npm start` on loopback makes one'),
  AUTH_MODE: z
    .enum(['open', 'keys'])
    .optional()
    .describe('open: requests need no key. keys: they need one. Default: open on loopback, keys elsewhere'),
};
