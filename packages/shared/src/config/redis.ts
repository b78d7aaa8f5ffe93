import { z } from 'zod';

export const redisEnv = {
  REDIS_URL: z
    .url({ protocol: /^rediss?$/ })
    .default('redis://localhost:6379')
    .describe('Redis 6.2 or newer, or Valkey; without it `npm start` runs a private one'),
  KEY_PREFIX: z
    .string()
    .regex(/^[a-z0-9-]{1,32}$/, 'must be 1 to 32 of a-z, 0-9 and -')
    .default('gw')
    .describe('Prefix of every Redis key, so that several gateways can share one Redis'),
};
