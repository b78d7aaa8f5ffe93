import type { RoutingState } from '@llm-gateway/shared/routing/follow-routing';
import { z } from 'zod';

export const routingView = z.object({
  version: z.string().describe('Names the content that is in use'),
  loaded_at: z.iso.datetime(),
  refused: z
    .object({ at: z.iso.datetime(), faults: z.array(z.string()) })
    .nullable()
    .describe("What is wrong with the file as it is now; null where it is in use, and for a tenant's administrator"),
});

/** The routing file as an administrator sees it: what is wrong with it concerns the operator alone. */
export function viewRouting(state: RoutingState | undefined, isOperator: boolean): z.infer<typeof routingView> | null {
  if (!state) return null;
  const { version, loadedAtMs, refused } = state;
  return {
    version,
    loaded_at: new Date(loadedAtMs).toISOString(),
    refused: refused && isOperator ? { at: new Date(refused.atMs).toISOString(), faults: [...refused.faults] } : null,
  };
}
