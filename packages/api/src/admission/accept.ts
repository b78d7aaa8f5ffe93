import type { CacheEntry } from '@llm-gateway/shared/cache/cache-entry';
import { answerParts } from '@llm-gateway/shared/contracts/answer';
import { deltasOfParts } from '@llm-gateway/shared/contracts/deltas';
import type { JobEvent } from '@llm-gateway/shared/contracts/event';
import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { timeOfId } from '@llm-gateway/shared/contracts/ids';
import type { NewJobFields } from '@llm-gateway/shared/jobs/job-record';
import { lifecycleLua } from '@llm-gateway/shared/lifecycle/lifecycle-lua';
import type { ResolvedModel } from '@llm-gateway/shared/pricing/resolve-model';
import type { LaneQueues } from '@llm-gateway/shared/queue/lane-queues';
import { defineScript, loadLua } from '@llm-gateway/shared/redis/define-script';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import type { Redis } from 'ioredis';
import { leaseMs } from '../delivery/attendance.ts';
import { limitArguments, type RateDecision, type RateReply, readRateReply } from '../limits/rate-limiter.ts';
import type { Policy } from '../tenants/policies.ts';
import { attachableMs } from './attach.ts';
import { BudgetExceeded, type Spend } from './budget-exceeded.ts';
import type { CacheVerdict } from './cache-lookup.ts';
import { cachedRow } from './cached-row.ts';
import type { Estimate } from './estimate.ts';
import type { GenerationRequest } from './generation-request.ts';
import { holdOf } from './hold.ts';
import { keyReused } from './idempotency.ts';
import { RateLimited } from './limit.ts';

export interface AccepterOptions {
  redis: Redis;
  keys: Keys;
  laneQueues: Pick<LaneQueues, 'add' | 'requeue'>;
  instanceId: string;
  maxAttempts: number;
  resultTtlMs: number;
  /** How long a job that is waited for may be without a reader, by what it said of disconnects. */
  graceMs: Record<'continue' | 'cancel', number>;
}

export interface NewJob {
  id: string;
  request: GenerationRequest;
  model: ResolvedModel;
  /** Models that are asked where that one fails. */
  fallbacks?: readonly ResolvedModel[];
  /** The limits and budgets that it falls under. */
  policy: Policy;
  /** What it may use; undefined where none of them asks for it. */
  estimate: Estimate | undefined;
  store: CacheVerdict['store'];
  /** Whether an equal job in flight may be joined, and this one be joined. */
  isShareable: boolean;
  /** An answer from the cache, for a client that needs a job of its own. */
  hit?: CacheEntry | undefined;
}

/** What became of it: a job of its own, one that shares another's call, one with an answer from the cache, or an earlier one. */
export interface Acceptance {
  kind: 'accepted' | 'followed' | 'cached' | 'bound';
  id: string;
  rates: RateDecision;
}

// An unfinished job outlives a long outage of its provider or of all workers, not a forgotten installation.
const unfinishedMs = 14 * 24 * 3600 * 1000;
const idempotencyKeptMs = 24 * 3600 * 1000;

/**
 * Accepts a job: first its record, then its place in the queue. A crash between the two leaves a record that nobody
 * was told of; whoever comes upon it (a retry, a repeat under its key, a job that would share its call) makes up for
 * the rest. When either fails, the outcome is unknown (the command may have been carried out), so the acceptance is
 * taken back and a worker that does find the job leaves it alone: what was refused is never paid for.
 *
 * Throws `rate_limited`, `budget_exceeded`, `idempotency_key_reused` and `dependency_down`.
 */
export function createAccepter(options: AccepterOptions) {
  const { redis, keys, laneQueues } = options;
  const script = (file: string) => defineScript(redis, lifecycleLua(keys) + loadLua(import.meta.url, file));
  const acceptScript = script('./accept.lua');
  const refuseScript = script('./refuse.lua');

  async function accept(job: NewJob): Promise<{ kind: ReplyKind; detail: string; more: string; rates: RateDecision }> {
    const { id, request, policy, estimate } = job;
    const [kind, detail, more, ...rates] = (await acceptScript(
      [keys.job(id)],
      [id, JSON.stringify(scriptOptions(job, options)), ...Object.entries(recordFields(job, options)).flat()],
    )) as [ReplyKind, string, string, ...RateReply];
    const decision = readRateReply(rates, policy.rules);
    if (kind === 'limited') throw new RateLimited(decision, estimate?.tokens ?? 0);
    if (kind === 'overspent') throw overspent(job, Number(detail), more, decision);
    if (kind === 'reused') throw keyReused();
    if (kind === 'followed') {
      // Its leader may have been accepted by a process that died before it had queued it.
      await laneQueues.requeue(more).catch(() => undefined);
    }
    if (kind === 'accepted' && !isParked(request)) {
      await laneQueues.add({
        lane: job.model.provider,
        id,
        requestId: request.requestId,
        priority: Number(more),
        attempts: options.maxAttempts,
      });
    }
    return { kind, detail, more, rates: decision };
  }

  async function refuse({ id, request }: NewJob): Promise<void> {
    const heir = String(await refuseScript([keys.job(id)], [id, request.fingerprint]));
    if (heir !== '') await laneQueues.requeue(heir);
  }

  return async (job: NewJob): Promise<Acceptance> => {
    try {
      const { kind, detail, rates } = await accept(job);
      return { kind: kind as Acceptance['kind'], id: detail, rates };
    } catch (error) {
      if (error instanceof GatewayError && error.failure.code === 'dependency_down') {
        // Best effort: with Redis away this fails as well, and the job, if it was added, runs as if accepted.
        refuse(job).catch(() => undefined);
      }
      throw error;
    }
  };
}

export type Accepter = ReturnType<typeof createAccepter>;

/** Whether a job takes its place in the lane later than with its acceptance. */
export const isParked = ({ queue }: Pick<GenerationRequest, 'queue'>): boolean =>
  queue.delayMs !== undefined || queue.isHeld === true;

type ReplyKind = Acceptance['kind'] | 'limited' | 'reused' | 'overspent';

function overspent({ policy, estimate }: NewJob, number: number, spendJson: string, rates: RateDecision) {
  const rule = policy.budgets[number - 1];
  if (!rule) throw new Error(`there is no budget ${number}`);
  const { spent, reserved, unsettled } = JSON.parse(spendJson) as Record<keyof Spend, string>;
  const spend = { spent: BigInt(spent), reserved: BigInt(reserved), unsettled: BigInt(unsettled) };
  return new BudgetExceeded(rule, spend, estimate?.nanoUsd ?? 0n, Date.now(), rates);
}

/** An answer from the cache as its log has it. */
function wholeAnswer({ answer }: CacheEntry): JobEvent[] {
  const { text, parts, native } = answer;
  if (!parts && !native) return [{ type: 'text-delta', text }];
  const deltas = deltasOfParts(answerParts(answer));
  const last = { type: 'delta' as const, delta: deltas.at(-1), native };
  const own = native ? { frames: [] } : {};
  return [...deltas.slice(0, -1).map((delta) => ({ type: 'delta' as const, delta, ...own })), last];
}

function scriptOptions(
  { id, request, model, policy, estimate, store, isShareable, hit }: NewJob,
  { instanceId, keys }: AccepterOptions,
) {
  const { queue, idempotency, fingerprint } = request;
  const hold = hit ? undefined : holdOf(policy, estimate, keys.limit);
  return {
    lane: model.provider,
    share: request.share,
    priority: queue.priority,
    unfinished_ms: unfinishedMs,
    // Lists go by it, so that an id alone says where to go on, also that of a job that has been erased.
    id_ms: timeOfId(id),
    attach: fingerprint,
    attach_ms: attachableMs,
    parked: isParked(request),
    delay_ms: queue.delayMs,
    deadline_ms: queue.deadlineMs,
    start_deadline_ms: queue.startDeadlineMs,
    limits: limitArguments(policy.rules, estimate?.tokens ?? 0, keys.limit),
    ...(hold ? { hold, tenant: request.tenantId } : {}),
    ...(request.isWaitedFor ? { instance: instanceId, lease_ms: leaseMs } : {}),
    ...(idempotency ? { idempotency: { digest: idempotency.digest, fingerprint, kept_ms: idempotencyKeptMs } } : {}),
    ...(isShareable && store ? { flight: store.digest } : {}),
    ...(hit
      ? {
          answer: JSON.stringify(hit.answer),
          state: hit.state,
          events: wholeAnswer(hit).map((event) => JSON.stringify(event)),
          row: JSON.stringify(cachedRow(id, request, model, hit)),
        }
      : {}),
  };
}

function recordFields(
  { request, model, fallbacks = [], store }: NewJob,
  { maxAttempts, resultTtlMs, graceMs }: AccepterOptions,
): NewJobFields {
  const { queue } = request;
  return {
    tenant: request.tenantId,
    user: request.userId,
    ...(request.keyId === undefined ? {} : { key: request.keyId }),
    endpoint: request.endpoint,
    lane: model.provider,
    model: request.model,
    target: model.id,
    ...(fallbacks.length === 0 ? {} : { fallbacks: JSON.stringify(fallbacks.map(({ id }) => id)) }),
    request: request.requestId,
    clientRequest: request.clientRequestId,
    generation: JSON.stringify(request.generation),
    metadata: JSON.stringify(request.metadata),
    maxAttempts: String(maxAttempts),
    priority: String(queue.priority),
    resultTtlMs: String(queue.resultTtlMs ?? resultTtlMs),
    onDisconnect: queue.onDisconnect,
    ...(request.isBackground ? {} : { graceMs: String(graceMs[queue.onDisconnect]) }),
    ...(request.isStreamed ? { stream: '1' } : {}),
    ...(request.isUnrepeatable ? { unrepeatable: '1' } : {}),
    ...(request.isBatch ? { batch: '1' } : {}),
    ...(request.isStored ? { stored: '1' } : {}),
    ...(queue.isHeld ? { held: '1' } : {}),
    ...(queue.customId === undefined ? {} : { customId: queue.customId }),
    ...(queue.webhook === undefined ? {} : { webhook: JSON.stringify(queue.webhook) }),
    ...(store === undefined ? {} : { cacheDigest: store.digest, cacheTtlMs: String(store.ttlMs) }),
    ...(store?.namespace === undefined ? {} : { cacheNamespace: store.namespace }),
  };
}
