import { z } from 'zod';

const levels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
// Python's names, which the first version of this API used.
const synonyms: Record<string, (typeof levels)[number]> = { critical: 'fatal', warning: 'warn' };

export const logEnv = {
  LOG_LEVEL: z
    .string()
    .default('INFO')
    .transform((level) => synonyms[level.toLowerCase()] ?? level.toLowerCase())
    .pipe(z.enum(levels))
    .describe('fatal, error, warn, info, debug, trace or silent, in any case'),
};
