import type { Logger } from '@llm-gateway/shared/observability/logger';
import type { Lane } from '@llm-gateway/shared/queue/generation-queue';
import type { FollowedRouting } from '@llm-gateway/shared/routing/follow-routing';
import type { Routing } from '@llm-gateway/shared/routing/routing';
import type { ServedLanes } from './lanes.ts';
import type { ProviderPlans } from './providers/plan-providers.ts';
import type { Registry } from './providers/registry.ts';

export interface FollowProvidersOptions {
  routing: Pick<FollowedRouting, 'onChange'>;
  plan: (routing: Routing) => ProviderPlans;
  registry: Registry;
  lanes: ServedLanes;
  /** Tells the api of the lanes that are served now, and of those that no longer are. */
  announce: (gone: readonly Lane[]) => Promise<void>;
  log: Logger;
}

/** Keeps providers, lanes and announcements in step with the routing file. Calls that are under way end as they began. */
export function followProviders({ routing, plan, registry, lanes, announce, log }: FollowProvidersOptions): void {
  routing.onChange((version) => {
    const { added, gone } = registry.renew(plan(version));
    for (const lane of added) lanes.start(lane);
    for (const lane of gone) {
      // The jobs in hand still look for their provider.
      lanes
        .stop(lane)
        .then(() => registry.drop(lane))
        .catch((error: unknown) => log.error({ event: 'lane_error', lane, err: error }, 'a lane could not be left'));
    }
    if (added.length + gone.length > 0) log.info({ event: 'lanes_changed', added, gone }, 'other lanes are served now');
    // What is not told now is told with the next heartbeat, and a lane that nobody announces is forgotten in a week.
    announce(gone).catch(() => undefined);
  });
}
