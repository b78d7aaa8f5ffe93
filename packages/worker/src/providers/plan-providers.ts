import type { providerEnv } from '@llm-gateway/shared/config/providers';
import type { NativeApi } from '@llm-gateway/shared/contracts/native-body';
import type { LaneMode } from '@llm-gateway/shared/lanes/announcements';
import type { Lane } from '@llm-gateway/shared/queue/generation-queue';
import type { RoutedProvider, Routing } from '@llm-gateway/shared/routing/routing';
import { isHttpUrl, references } from '@llm-gateway/shared/routing/routing-schema';
import type { z } from 'zod';

export type ProviderConfig = z.output<z.ZodObject<typeof providerEnv>>;

/** A key and an address, ready to be called. */
export interface PlannedDeployment {
  name: string;
  baseURL: string;
  apiKey: string;
  weight: number;
}

/** How a provider is to be reached. */
export interface ProviderPlan {
  dialect: 'openai' | 'anthropic';
  mode: LaneMode;
  /** What it speaks, of a server that does not speak all of its dialect. */
  apis?: readonly NativeApi[] | undefined;
  deployments: readonly PlannedDeployment[];
}

export type ProviderPlans = ReadonlyMap<Lane, ProviderPlan>;

// The sandbox and servers without keys: the SDKs want a credential all the same.
const noKey = 'no-key-needed';

/**
 * The providers that a worker can call: those of the routing file, and of the official ones that are not in it those
 * with a key; without one the sandbox, if there is one, answers in their place. Faults name what the environment lacks.
 */
export function planProviders(
  config: ProviderConfig,
  routing: Routing,
  environment: Record<string, string | undefined>,
): { plans: ProviderPlans; faults: string[] } {
  const plans = new Map(fromConfig(config));
  const faults: string[] = [];
  const usual = new Map([
    ['openai', config.OPENAI_BASE_URL],
    ['anthropic', config.ANTHROPIC_BASE_URL],
  ]);
  for (const provider of routing.providers.values()) {
    const resolve = resolver(`providers.${provider.name}`, environment, faults);
    const deployments = provider.deployments.map(({ name, baseUrl, apiKey, weight }) => ({
      name,
      weight,
      baseURL: resolve.url(name, baseUrl ?? usual.get(provider.name) ?? ''),
      apiKey: apiKey === undefined ? noKey : resolve.text(name, 'api_key', apiKey),
    }));
    plans.set(provider.name, { dialect: dialectOf(provider), mode: 'live', apis: provider.apis, deployments });
  }
  return { plans, faults };
}

const dialectOf = ({ name }: RoutedProvider) => (name === 'anthropic' ? 'anthropic' : 'openai');

function fromConfig(config: ProviderConfig): [Lane, ProviderPlan][] {
  const { OPENAI_API_KEY, OPENAI_BASE_URL, ANTHROPIC_API_KEY, ANTHROPIC_BASE_URL, SANDBOX_URL } = config;
  const plan = (
    name: Lane,
    dialect: ProviderPlan['dialect'],
    apiKey: string | undefined,
    liveUrl: string,
    sandboxPath: string,
  ): [Lane, ProviderPlan][] => {
    const reach = (mode: LaneMode, baseURL: string, key: string): [Lane, ProviderPlan] => [
      name,
      { dialect, mode, deployments: [{ name: 'default', baseURL, apiKey: key, weight: 1 }] },
    ];
    if (apiKey !== undefined) return [reach('live', liveUrl, apiKey)];
    if (SANDBOX_URL === undefined) return [];
    return [reach('sandbox', SANDBOX_URL.replace(/\/+$/, '') + sandboxPath, noKey)];
  };
  return [
    ...plan('openai', 'openai', OPENAI_API_KEY, OPENAI_BASE_URL, '/v1'),
    ...plan('anthropic', 'anthropic', ANTHROPIC_API_KEY, ANTHROPIC_BASE_URL, ''),
    ...plan('sandbox', 'openai', undefined, '', '/v1'),
  ];
}

/** Puts the environment's values in place of references. An empty variable is none, as in the rest of the configuration. */
function resolver(at: string, environment: Record<string, string | undefined>, faults: string[]) {
  function text(deployment: string, member: string, written: string): string {
    return written.replaceAll(references, (_reference, name: string) => {
      const value = environment[name]?.trim() ?? '';
      if (value === '') faults.push(`${at}: ${member} of ${deployment} needs ${name}, which the environment lacks`);
      return value;
    });
  }
  function url(deployment: string, written: string): string {
    const before = faults.length;
    const resolved = text(deployment, 'base_url', written);
    if (faults.length === before && !isHttpUrl(resolved)) {
      faults.push(`${at}: base_url of ${deployment} must be an http or https URL`);
    }
    return resolved;
  }
  return { text, url };
}
