import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { events } from '@llm-gateway/shared/observability/logger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { type Admission, admit } from '../../admission/admit.ts';
import type { GenerationRequest } from '../../admission/generation-request.ts';
import { RateLimited } from '../../admission/limit.ts';
import { deliver } from '../../delivery/deliver.ts';
import type { ApiDeps } from '../../deps.ts';
import { sendAccepted } from '../../http/accepted.ts';
import { header } from '../../http/header.ts';
import { limitHeaders } from '../../http/limit-headers.ts';
import { parsePrefer } from '../../http/prefer.ts';
import { problem } from '../../http/problem-schema.ts';
import { refuseUnofferedHeaders } from '../../http/unoffered-headers.ts';
import { waitBudgetMs } from '../../http/wait-budget.ts';
import { withoutNulls } from '../../http/without-nulls.ts';
import { jobView } from '../../jobs/job-view.ts';
import { generateAnswer } from './generate-answer.ts';
import { generateBody } from './generate-body.ts';
import { type Origin, sendHit, sendResult } from './generate-reply.ts';
import { toGenerationRequest } from './generate-request.ts';

export type GenerateDeps = Pick<ApiDeps, 'admission' | 'jobs' | 'markDelivered' | 'metrics' | 'settings'>;

export const generatePath = '/v1/generate';

const schema = {
  tags: ['Generate'],
  summary: 'Generate text',
  description:
    'Waits for the answer. With `Prefer: respond-async` it answers 202 with a job at once. ' +
    'A wait that runs out answers 504 with the id of the job, which goes on.',
  body: generateBody,
  response: { 200: generateAnswer, 202: jobView, '4xx': problem, '5xx': problem },
};

export const generateRoute: FastifyPluginAsyncZod<GenerateDeps> = async (app, deps) => {
  const preValidation = async (request: FastifyRequest) => {
    request.body = withoutNulls(request.body);
  };
  app.post(generatePath, { schema, preValidation }, async (request, reply) => {
    refuseUnofferedHeaders(request);
    const preferences = parsePrefer(header(request, 'prefer'));
    const wanted = toGenerationRequest(request, request.body, generatePath, preferences);
    const admission = await admitLogged(request, reply, wanted, deps);
    reply.headers(limitHeaders(admission.rates));
    const origin: Origin = { wanted, model: admission.model };
    if (admission.kind === 'cached') return sendHit(request, reply, origin, admission.hit);

    reply.header('x-job-id', admission.id).header('cache-status', cacheStatus(admission));
    const wish = {
      acceptsAsync: preferences.respondAsync,
      waitMs: waitBudgetMs(preferences, header(request, 'x-stainless-timeout'), deps.settings.syncWaitMs),
    };
    // A client that has left needs no answer; its job goes on.
    reply.raw.once('close', () => admission.wait?.cancel());
    const delivery = await deliver(wanted.tenantId, admission.id, admission.wait, wish, deps.jobs).catch(
      (error: unknown) => {
        if (error instanceof GatewayError) reply.header('location', `/v1/jobs/${admission.id}`);
        throw error;
      },
    );
    if (delivery.kind === 'accepted') return sendAccepted(reply, admission.id, delivery.record);
    deps.markDelivered(reply, admission.id);
    return sendResult(request, reply, origin, admission.id, delivery.record);
  });
};

/** Admission with what is said and counted about it. */
async function admitLogged(
  request: FastifyRequest,
  reply: FastifyReply,
  wanted: GenerationRequest,
  { admission, metrics }: Pick<ApiDeps, 'admission' | 'metrics'>,
): Promise<Admission> {
  const about = { user_id: wanted.userId, model: wanted.model };
  request.log.info(
    { event: events.requestReceived, ...about, client_request_id: wanted.clientRequestId },
    'request received',
  );
  try {
    const admitted = await admit(wanted, admission);
    metrics.admissions.inc({ outcome: admitted.kind });
    if (admitted.kind === 'cached') request.log.info({ event: events.cacheHit, ...about }, 'cache hit');
    return admitted;
  } catch (error) {
    metrics.admissions.inc({ outcome: error instanceof GatewayError ? error.failure.code : 'internal' });
    if (error instanceof RateLimited) {
      reply.headers(limitHeaders(error.decision));
      request.log.warn(
        { event: events.rateLimitExceeded, ...about, retry_after_ms: error.decision.retryAfterMs },
        'limit reached',
      );
    }
    throw error;
  }
}

function cacheStatus(admission: Exclude<Admission, { kind: 'cached' }>): string {
  return admission.kind === 'attached'
    ? 'gateway; fwd=miss; collapsed'
    : `gateway; fwd=${admission.cache.forwarded ?? 'miss'}`;
}
