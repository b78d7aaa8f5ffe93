import type { Failure, FailureCode } from '@llm-gateway/shared/contracts/failure';
import type { Provider } from './provider.ts';

export interface DeploymentMember {
  name: string;
  weight: number;
  provider: Provider;
}

/** A deployment that is not called for a while, because it failed in a way in which another need not. */
export interface Rest {
  deployment: string;
  code: FailureCode;
  forMs: number;
}

export interface DeploymentsOptions {
  /** At least one. */
  members: readonly [DeploymentMember, ...DeploymentMember[]];
  onRest: (rest: Rest) => void;
  /** A monotonic clock. */
  now?: () => number;
  random?: () => number;
}

/** Failures that another key or address could cure, and how long the one that had it is left alone at least. */
const restsMs: Partial<Record<FailureCode, number>> = {
  provider_busy: 10_000,
  provider_rate_limited: 10_000,
  provider_unreachable: 10_000,
  provider_timeout: 10_000,
  provider_misconfigured: 60_000,
  provider_quota_spent: 60_000,
};
/** These do not go away by waiting: somebody has to do something about the key. */
const isBroken = (code: FailureCode) => code === 'provider_misconfigured' || code === 'provider_quota_spent';
const restMaxMs = 600_000;

/**
 * Several keys or addresses of a provider as one: each call goes to one of them, chosen by weight. One that failed in a
 * way in which another need not is left alone for a while; when all are, the one whose rest ends first is called.
 */
export function createDeployments({
  members,
  onRest,
  now = () => performance.now(),
  random = Math.random,
}: DeploymentsOptions): Provider {
  const [first] = members;
  const rests = new Map<DeploymentMember, { untilMs: number; code: FailureCode }>();
  // Only the SDK of the deployment that was called knows what its error means, and which key may stand in it.
  const owners = new WeakMap<object, DeploymentMember>();

  const restOf = (member: DeploymentMember) => {
    const rest = rests.get(member);
    return rest && rest.untilMs > now() ? rest : undefined;
  };
  const isFresh = (member: DeploymentMember) => restOf(member) === undefined;

  function choose(): DeploymentMember {
    const fresh = members.filter(isFresh);
    if (fresh.length === 0) {
      const untilMs = (member: DeploymentMember) => rests.get(member)?.untilMs ?? 0;
      return members.reduce((soonest, member) => (untilMs(member) < untilMs(soonest) ? member : soonest), first);
    }
    let left = random() * fresh.reduce((sum, { weight }) => sum + weight, 0);
    for (const member of fresh) {
      left -= member.weight;
      if (left < 0) return member;
    }
    return fresh[0] ?? first;
  }

  /** What a failure means where others can be called instead: a key that is refused is no reason to give up. */
  function consider(failure: Failure, member: DeploymentMember): Failure {
    const leastMs = restsMs[failure.code];
    if (leastMs === undefined || members.length === 1) return failure;
    const forMs = Math.min(Math.max(leastMs, failure.retryAfterMs ?? 0), restMaxMs);
    rests.set(member, { untilMs: now() + forMs, code: failure.code });
    onRest({ deployment: member.name, code: failure.code, forMs });
    const { retryAfterMs: _pause, ...atOnce } = failure;
    const isCurable = members.some((other) => !isBroken(restOf(other)?.code ?? 'internal'));
    const told = members.some(isFresh) ? atOnce : failure;
    return isBroken(failure.code) && isCurable ? { ...told, code: 'provider_busy' } : told;
  }

  return {
    mode: first.provider.mode,
    apis: first.provider.apis,
    async *generate(request, signal) {
      const { deployment } = request.generation;
      // What a provider keeps, it keeps for the account that made it.
      const member = members.find(({ name }) => name === deployment) ?? choose();
      try {
        const answer = yield* member.provider.generate(request, signal);
        return members.length === 1 ? answer : { ...answer, deployment: member.name };
      } catch (error) {
        // Who called may throw the reason of the signal in place of what an SDK makes of it.
        for (const thrown of [error, signal.reason]) if (isObject(thrown)) owners.set(thrown, member);
        throw error;
      }
    },
    classify(error) {
      const member = (isObject(error) ? owners.get(error) : undefined) ?? first;
      return consider(member.provider.classify(error), member);
    },
    close: async () => {
      await Promise.all(members.map(({ provider }) => provider.close?.()));
    },
  };
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
