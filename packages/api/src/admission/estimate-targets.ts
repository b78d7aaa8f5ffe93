import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import type { Policy } from '../tenants/policies.ts';
import type { Estimate, Estimator } from './estimate.ts';
import type { Targets } from './fit-targets.ts';
import type { GenerationRequest } from './generation-request.ts';

/**
 * What a generation may use, whichever of its targets answers it. Targets of which nobody can say what they may cost are
 * left out where a budget has to be kept; throws `invalid_request` where none remains.
 */
export async function estimateTargets(
  { generation, isBatch }: Pick<GenerationRequest, 'generation' | 'isBatch'>,
  targets: Targets,
  policy: Policy,
  estimate: Estimator,
): Promise<{ targets: Targets; estimate: Estimate | undefined }> {
  const made = await Promise.allSettled(targets.map((target) => estimate(generation, target, policy, isBatch)));
  const [first, ...others] = targets.filter((_target, index) => made[index]?.status === 'fulfilled');
  const faults = made.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
  const serious = faults.find((fault) => !(fault instanceof GatewayError) || fault.failure.code !== 'invalid_request');
  if (serious !== undefined || !first) throw serious ?? faults[0];
  const estimates = made.flatMap((one) => (one.status === 'fulfilled' && one.value ? [one.value] : []));
  return { targets: [first, ...others], estimate: estimates.length === 0 ? undefined : estimates.reduce(greater) };
}

function greater(one: Estimate, other: Estimate): Estimate {
  const dearer = one.nanoUsd < other.nanoUsd ? other : one;
  return { tokens: Math.max(one.tokens, other.tokens), nanoUsd: dearer.nanoUsd };
}
