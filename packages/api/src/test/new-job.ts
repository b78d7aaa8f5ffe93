import { randomUUID } from 'node:crypto';
import { makeJobId } from '@llm-gateway/shared/contracts/ids';
import { resolveModel } from '@llm-gateway/shared/pricing/resolve-model';
import type { NewJob } from '../admission/accept.ts';
import type { GenerationRequest, QueueOptions } from '../admission/generation-request.ts';
import { rulesOf } from '../limits/limit-rule.ts';
import type { Policy } from '../tenants/policies.ts';

/** So many requests of a user in a minute and in an hour. */
export const policyOf = (perMinute: number, perHour: number, userId = 'u1'): Policy => ({
  rules: rulesOf({
    scope: 'user',
    subject: `user:default:${userId}`,
    limits: { requests_per_minute: perMinute, requests_per_hour: perHour },
  }),
  budgets: [],
});
/** What a test wants otherwise than `newJob` has it. */
export interface Changes extends Partial<Omit<NewJob, 'request'>> {
  request?: Partial<Omit<GenerationRequest, 'queue'>>;
  queue?: Partial<QueueOptions>;
}

/** A job as admission hands it over to be accepted. For tests. */
export function newJob({ request, queue, ...changes }: Changes = {}): NewJob {
  const model = resolveModel('sandbox/echo');
  if (!model) throw new Error('there is no sandbox/echo');
  return {
    id: makeJobId(),
    request: {
      tenantId: 'default',
      userId: 'u1',
      share: 'user:u1',
      endpoint: '/v1/generate',
      dialect: 'native',
      model: 'sandbox/echo',
      generation: { messages: [{ role: 'user', text: 'hello' }] },
      nativeOnly: [],
      cache: {},
      metadata: { a: 'b' },
      requestId: 'req_1',
      clientRequestId: 'mine',
      fingerprint: randomUUID(),
      isRetry: false,
      isWaitedFor: true,
      isStreamed: false,
      isUnrepeatable: false,
      isBatch: false,
      wantsJob: false,
      isBackground: false,
      ...request,
      queue: { priority: 5, onDisconnect: 'continue', ...queue },
    },
    model,
    policy: policyOf(100, 1000, request?.userId),
    estimate: undefined,
    store: undefined,
    isShareable: false,
    ...changes,
  };
}
