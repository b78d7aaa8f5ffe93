import { makeJobId } from '@llm-gateway/shared/contracts/ids';
import { type ResolvedModel, resolveModel } from '@llm-gateway/shared/pricing/resolve-model';
import type { FollowedRouting } from '@llm-gateway/shared/routing/follow-routing';
import type { Attendance } from '../delivery/attendance.ts';
import type { Wait, Waiter } from '../delivery/waiter.ts';
import type { LaneBoard } from '../lanes/lane-board.ts';
import type { RateDecision, RateLimiter } from '../limits/rate-limiter.ts';
import type { Policies, Policy } from '../tenants/policies.ts';
import type { Webhooks } from '../webhooks/create-webhooks.ts';
import { type Acceptance, type Accepter, isParked } from './accept.ts';
import type { Attacher } from './attach.ts';
import type { CacheHit, CacheLookup, CacheVerdict } from './cache-lookup.ts';
import type { BacklogCheck } from './check-backlog.ts';
import { checkWebhook } from './check-webhook.ts';
import { drawFor } from './draw-for.ts';
import type { Estimator } from './estimate.ts';
import { estimateTargets } from './estimate-targets.ts';
import { fitTargets, type Targets } from './fit-targets.ts';
import type { GenerationRequest } from './generation-request.ts';
import type { Idempotency } from './idempotency.ts';

export interface AdmissionDeps {
  routing: Pick<FollowedRouting, 'current'>;
  board: LaneBoard;
  attach: Attacher;
  idempotency: Idempotency;
  cache: CacheLookup;
  policies: Policies;
  limiter: RateLimiter;
  estimate: Estimator;
  checkBacklog: BacklogCheck;
  waiter: Waiter;
  attendance: Attendance;
  accept: Accepter;
  webhooks: Pick<Webhooks, 'urlFault'>;
}

interface Admitted {
  model: ResolvedModel;
  rates: RateDecision;
}

/** A job that the request leads to. */
export interface AdmittedJob extends Admitted {
  /**
   * `accepted`: a new job; `followed`: a new job that shares the call of an equal one in flight; `answered`: a new job
   * with an answer from the cache; `attached`: a job that is under way already, whose retry or repeat this is;
   * `replayed`: a job that had ended, whose repeat under its Idempotency-Key this is.
   */
  kind: 'accepted' | 'followed' | 'answered' | 'attached' | 'replayed';
  id: string;
  wait: Wait | undefined;
  cache: CacheVerdict;
}

export type Admission = ({ kind: 'cached'; hit: CacheHit } & Admitted) | AdmittedJob;

/**
 * Decides on a generation request; the lines are the steps, and each can refuse. Nothing is written before acceptance,
 * and what is refused has cost the user no quota but that of the limit itself.
 */
export async function admit(request: GenerationRequest, deps: AdmissionDeps): Promise<Admission> {
  const { board, policies, attach, idempotency, cache } = deps;
  checkWebhook(request, deps.webhooks);
  const targets = await fitTargets(request, board, deps.routing.current(), drawFor(request));
  const [model] = targets;

  const { tenantId, keyId, userId } = request;
  const policy = await policies.of({ tenantId, keyId, userId, modelId: model.id });
  const asked: Asked = { request, targets, policy: request.isBatch ? ofBatches(policy) : policy };

  const earlier = await attach(request);
  if (earlier !== undefined) return joinEarlier('attached', earlier, asked, deps);
  const bound = await idempotency.find(request);
  if (bound) return joinEarlier(bound.isFinished ? 'replayed' : 'attached', bound.id, asked, deps);

  // An answer from the cache leaves a row too.
  await deps.checkBacklog();
  const booksHit = !needsJob(request);
  const verdict = await cache.look(request, targets, { booksHit });
  if (verdict.hit && booksHit) {
    const answered = resolveModel(verdict.hit.entry.answer.target ?? model.id) ?? model;
    return { kind: 'cached', model: answered, hit: verdict.hit, rates: await peek(asked, deps) };
  }
  if (!verdict.hit) await board.checkDepth(model.provider);
  return acceptWaited(asked, verdict, deps);
}

/**
 * Windows of requests pace clients, and the lines of a batch are paced by the gateway itself: as with OpenAI they count
 * in none. Who may make no request at all may make none in a batch.
 */
const ofBatches = ({ rules, budgets }: Policy): Policy => ({
  rules: rules.filter(({ measure, limit }) => measure !== 'requests' || limit === 0),
  budgets,
});

/** A request with what has been found out about it. */
interface Asked {
  request: GenerationRequest;
  targets: Targets;
  /** The limits and budgets that it falls under. */
  policy: Policy;
}

/**
 * Whether an answer from the cache has to have a job of its own: the client will come back for it by id or by key, or
 * wants a webhook to tell of its end.
 */
const needsJob = ({ wantsJob, isStreamed, idempotency, queue }: GenerationRequest) =>
  wantsJob || isStreamed || idempotency !== undefined || queue.webhook !== undefined;

const peek = ({ policy }: Asked, { limiter }: AdmissionDeps) => limiter.peek(policy.rules);

async function joinEarlier(
  kind: 'attached' | 'replayed',
  id: string,
  asked: Asked,
  deps: AdmissionDeps,
): Promise<AdmittedJob> {
  const { request, targets } = asked;
  const rates = await peek(asked, deps);
  if (request.isBackground) await deps.attendance.dispense(id);
  const wait = request.isWaitedFor ? await deps.waiter.join(id) : undefined;
  return { kind, model: targets[0], id, wait, rates, cache: { forwarded: 'miss' } };
}

const kinds = { accepted: 'accepted', followed: 'followed', cached: 'answered' } as const satisfies Partial<
  Record<Acceptance['kind'], AdmittedJob['kind']>
>;

async function acceptWaited(asked: Asked, verdict: CacheVerdict, deps: AdmissionDeps): Promise<AdmittedJob> {
  const { request, policy } = asked;
  const hit = verdict.hit?.entry;
  const { targets, estimate } = hit
    ? { targets: asked.targets, estimate: undefined }
    : await estimateTargets(request, asked.targets, policy, deps.estimate);
  const [model, ...fallbacks] = targets;
  const id = makeJobId();
  // In place before the job is: one that ends within a millisecond finds its waiter.
  const wait = request.isWaitedFor ? deps.waiter.expect(id) : undefined;
  try {
    // A job that begins later has nothing to share with one that begins now, and nobody shall wait for a batch's turn.
    const isShareable = !isParked(request) && !request.isBatch && !request.cache.noCache;
    const accepted = await deps.accept({
      id,
      request,
      model,
      fallbacks,
      policy,
      estimate,
      store: verdict.store,
      isShareable,
      hit,
    });
    if (accepted.kind !== 'bound') {
      return { kind: kinds[accepted.kind], model, id, wait, rates: accepted.rates, cache: verdict };
    }
    // Another request under the same key was first by a moment.
    wait?.cancel();
    const { isFinished } = await deps.idempotency.look(request, accepted.id);
    return await joinEarlier(isFinished ? 'replayed' : 'attached', accepted.id, asked, deps);
  } catch (error) {
    wait?.cancel();
    throw error;
  }
}
