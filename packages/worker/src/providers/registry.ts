import type { providerEnv } from '@llm-gateway/shared/config/providers';
import type { Lane } from '@llm-gateway/shared/queue/generation-queue';
import type { TokenCounter } from '@llm-gateway/shared/tokens/token-counter';
import type { z } from 'zod';
import { createAnthropic } from './anthropic/index.ts';
import { createOpenAI } from './openai/index.ts';
import type { Provider } from './provider.ts';

export type ProviderConfig = z.output<z.ZodObject<typeof providerEnv>>;

// The sandbox asks for a credential, as the real ones do, and takes any.
const sandboxKey = 'no-key-needed';

/** The providers that this worker can call: with a key the real one, else the sandbox if there is one, else none. */
export function createProviders(config: ProviderConfig, counter: TokenCounter): Map<Lane, Provider> {
  const { OPENAI_API_KEY, OPENAI_BASE_URL, ANTHROPIC_API_KEY, ANTHROPIC_BASE_URL, SANDBOX_URL } = config;
  const timeoutMs = config.PROVIDER_TIMEOUT_MS;
  const reach = (apiKey: string | undefined, liveUrl: string, sandboxPath: string) => {
    if (apiKey !== undefined) return { mode: 'live' as const, apiKey, baseURL: liveUrl, timeoutMs, counter };
    if (SANDBOX_URL === undefined) return undefined;
    const baseURL = SANDBOX_URL.replace(/\/+$/, '') + sandboxPath;
    return { mode: 'sandbox' as const, apiKey: sandboxKey, baseURL, timeoutMs, counter };
  };

  const openai = reach(OPENAI_API_KEY, OPENAI_BASE_URL, '/v1');
  const anthropic = reach(ANTHROPIC_API_KEY, ANTHROPIC_BASE_URL, '');
  const sandbox = reach(undefined, '', '/v1');
  const providers = new Map<Lane, Provider>();
  if (openai) providers.set('openai', createOpenAI({ name: 'openai', ...openai }));
  if (anthropic) providers.set('anthropic', createAnthropic({ name: 'anthropic', ...anthropic }));
  if (sandbox) providers.set('sandbox', createOpenAI({ name: 'sandbox', ...sandbox }));
  return providers;
}
