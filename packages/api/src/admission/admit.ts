import { makeJobId } from '@llm-gateway/shared/contracts/ids';
import type { ResolvedModel } from '@llm-gateway/shared/pricing/resolve-model';
import type { Wait, Waiter } from '../delivery/waiter.ts';
import type { LaneBoard } from '../lanes/lane-board.ts';
import type { RateDecision, RateLimiter, RateWindow } from '../limits/rate-limiter.ts';
import type { Attacher } from './attach.ts';
import type { CacheHit, CacheLookup, CacheVerdict } from './cache-lookup.ts';
import type { Enqueuer } from './enqueue.ts';
import { fitModel } from './fit-model.ts';
import type { GenerationRequest } from './generation-request.ts';
import { limit, limitSubject } from './limit.ts';

export interface AdmissionDeps {
  board: LaneBoard;
  attach: Attacher;
  cache: CacheLookup;
  limiter: RateLimiter;
  windows: readonly RateWindow[];
  waiter: Waiter;
  enqueue: Enqueuer;
  maxAttempts: number;
}

export type Admission =
  | { kind: 'cached'; model: ResolvedModel; hit: CacheHit; rates: RateDecision }
  | { kind: 'attached'; model: ResolvedModel; id: string; wait: Wait | undefined; rates: RateDecision }
  | {
      kind: 'accepted';
      model: ResolvedModel;
      id: string;
      wait: Wait | undefined;
      rates: RateDecision;
      cache: CacheVerdict;
    };

/**
 * Decides on a generation request; the lines are the steps, and each can refuse. Nothing is written before the limit
 * is passed, and what is refused has cost the user no quota but that of the limit itself.
 */
export async function admit(request: GenerationRequest, deps: AdmissionDeps): Promise<Admission> {
  const { board, attach, cache, limiter, windows, waiter } = deps;
  const subject = limitSubject(request.tenantId, request.userId);
  const model = await fitModel(request.model, request.generation, board);

  const earlier = await attach(request);
  if (earlier !== undefined) {
    const rates = await limiter.peek(subject, windows);
    const wait = request.isWaitedFor ? await waiter.join(earlier) : undefined;
    return { kind: 'attached', model, id: earlier, wait, rates };
  }

  const verdict = await cache.look(request, model);
  if (verdict.hit) {
    return { kind: 'cached', model, hit: verdict.hit, rates: await limiter.peek(subject, windows) };
  }

  await board.checkDepth(model.provider);
  const id = makeJobId();
  const rates = await limit(limiter, windows, subject, id);
  const wait = await enqueueWaited(id, request, model, verdict, deps);
  return { kind: 'accepted', model, id, wait, rates, cache: verdict };
}

async function enqueueWaited(
  id: string,
  request: GenerationRequest,
  model: ResolvedModel,
  { store }: CacheVerdict,
  { waiter, enqueue, maxAttempts }: AdmissionDeps,
): Promise<Wait | undefined> {
  const { isWaitedFor, requestId, fingerprint } = request;
  const wait = isWaitedFor ? waiter.expect(id) : undefined;
  const fields = {
    tenant: request.tenantId,
    user: request.userId,
    endpoint: request.endpoint,
    lane: model.provider,
    model: request.model,
    target: model.id,
    request: requestId,
    clientRequest: request.clientRequestId,
    generation: JSON.stringify(request.generation),
    metadata: JSON.stringify(request.metadata),
    maxAttempts: String(maxAttempts),
    ...(store === undefined ? {} : { cacheDigest: store.digest, cacheTtlMs: String(store.ttlMs) }),
    ...(store?.namespace === undefined ? {} : { cacheNamespace: store.namespace }),
  };
  try {
    await enqueue({ id, lane: model.provider, fields, requestId, fingerprint, isWaitedFor });
    return wait;
  } catch (error) {
    wait?.cancel();
    throw error;
  }
}
