import type { NativeApi } from '@llm-gateway/shared/contracts/native-body';
import type { ServedLane } from '@llm-gateway/shared/lanes/announcements';
import type { Logger } from '@llm-gateway/shared/observability/logger';
import type { Lane } from '@llm-gateway/shared/queue/generation-queue';
import type { TokenCounter } from '@llm-gateway/shared/tokens/token-counter';
import { createAnthropic } from './anthropic/index.ts';
import { createDeployments, type DeploymentMember } from './deployments.ts';
import { createOpenAI } from './openai/index.ts';
import type { ProviderPlan, ProviderPlans } from './plan-providers.ts';
import type { Provider } from './provider.ts';

export interface RegistryOptions {
  /** Longest call. */
  timeoutMs: number;
  counter: Pick<TokenCounter, 'count'>;
  log: Logger;
}

/** The providers that this worker can call at the moment. */
export interface Registry {
  /** Also those that are no longer planned and still have jobs in hand. */
  providers: ReadonlyMap<Lane, Provider>;
  /** Those that are planned. */
  served(): Map<Lane, ServedLane>;
  /** Takes up new plans. What is planned as before stays as it is; says which providers are new and which are gone. */
  renew(plans: ProviderPlans): { added: Lane[]; gone: Lane[] };
  /** Forgets a provider that is no longer planned. */
  drop(lane: Lane): void;
  close(): Promise<unknown>;
}

interface Entry {
  plan: ProviderPlan;
  provider: Retirable;
}

export function createRegistry(options: RegistryOptions): Registry {
  const planned = new Map<Lane, Entry>();
  const providers = new Map<Lane, Retirable>();
  return {
    providers,
    served: () =>
      new Map(
        [...planned].map(
          ([
            lane,
            {
              provider: { mode, apis },
            },
          ]) => [lane, { mode, apis }],
        ),
      ),
    renew(plans) {
      const added = [...plans.keys()].filter((lane) => !planned.has(lane));
      const gone = [...planned.keys()].filter((lane) => !plans.has(lane));
      for (const lane of gone) planned.delete(lane);
      for (const [lane, plan] of plans) {
        if (isSame(planned.get(lane)?.plan, plan)) continue;
        const provider = retirable(createProvider(lane, plan, options));
        providers.get(lane)?.retire();
        planned.set(lane, { plan, provider });
        providers.set(lane, provider);
      }
      return { added, gone };
    },
    drop(lane) {
      if (planned.has(lane)) return;
      providers.get(lane)?.retire();
      providers.delete(lane);
    },
    close: () => Promise.all([...providers.values()].map((provider) => provider.close?.())),
  };
}

const isSame = (one: ProviderPlan | undefined, other: ProviderPlan) => JSON.stringify(one) === JSON.stringify(other);

const adapters = { openai: createOpenAI, anthropic: createAnthropic } as const;

function createProvider(name: Lane, plan: ProviderPlan, options: RegistryOptions): Provider {
  const { dialect, mode, apis, deployments } = plan;
  const { timeoutMs, counter, log } = options;
  const [first, ...others] = deployments.map((deployment): DeploymentMember => {
    const { baseURL, apiKey } = deployment;
    const provider = adapters[dialect]({ name, mode, apiKey, baseURL, timeoutMs, counter });
    return { name: deployment.name, weight: deployment.weight, provider };
  });
  if (!first) throw new Error(`provider ${name} has no deployment`);
  const provider = createDeployments({
    members: [first, ...others],
    onRest: ({ deployment, code, forMs }) =>
      log.warn(
        { event: 'deployment_resting', provider: name, deployment, code, for_ms: forMs },
        'a deployment failed; others are called for a while',
      ),
  });
  return apis ? speaking(apis, provider) : provider;
}

/** A provider that does not speak all that its adapter can: it is sent the neutral form of the rest. */
const speaking = (apis: readonly NativeApi[], provider: Provider): Provider => ({
  ...provider,
  apis: provider.apis.filter((api) => apis.includes(api)),
  generate(request, signal) {
    const { native, ...neutral } = request.generation;
    const isSpoken = native === undefined || apis.includes(native.api);
    return provider.generate(isSpoken ? request : { ...request, generation: neutral }, signal);
  },
});

interface Retirable extends Provider {
  /** Lets go of its connections as soon as its last call has ended. */
  retire(): void;
}

function retirable(provider: Provider): Retirable {
  let calls = 0;
  let isRetired = false;
  const closeWhenIdle = () => {
    if (isRetired && calls === 0) provider.close?.().catch(() => undefined);
  };
  return {
    ...provider,
    async *generate(request, signal) {
      calls += 1;
      try {
        return yield* provider.generate(request, signal);
      } finally {
        calls -= 1;
        closeWhenIdle();
      }
    },
    retire() {
      isRetired = true;
      closeWhenIdle();
    },
  };
}
