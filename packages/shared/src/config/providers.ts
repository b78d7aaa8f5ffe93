import { z } from 'zod';

const url = z.url({ protocol: /^https?$/ });

export const providerEnv = {
  OPENAI_API_KEY: z
    .string()
    .optional()
    .describe('Without it OpenAI models are answered by the sandbox, if there is one'),
  OPENAI_BASE_URL: url.default('https://api.openai.com/v1').describe('Base URL with /v1'),
  ANTHROPIC_API_KEY: z
    .string()
    .optional()
    .describe('Without it Claude models are answered by the sandbox, if there is one'),
  ANTHROPIC_BASE_URL: url.default('https://api.anthropic.com').describe('Base URL without /v1'),
  SANDBOX_URL: url.optional().describe('Where the sandbox provider listens; `npm start` sets it'),
  PROVIDER_TIMEOUT_MS: z.coerce
    .number()
    .int()
    .positive()
    .max(86_400_000)
    .default(600_000)
    .describe('Longest single provider call'),
  PROVIDER_IDLE_MS: z.coerce
    .number()
    .int()
    .positive()
    .max(86_400_000)
    .default(120_000)
    .describe('Longest silence of a provider, before its first and between two chunks'),
};
