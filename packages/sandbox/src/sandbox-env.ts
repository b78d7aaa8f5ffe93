import { z } from 'zod';

/** What the sandbox process reads from its environment. */
export const sandboxEnv = {
  SANDBOX_HOST: z.string().default('127.0.0.1').describe('Address that the sandbox listens on'),
  SANDBOX_PORT: z.coerce.number().int().min(0).max(65_535).default(0).describe('Its port; 0 takes a free one'),
};
