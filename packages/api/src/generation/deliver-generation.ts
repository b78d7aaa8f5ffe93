import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { isFinal } from '@llm-gateway/shared/contracts/job';
import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AdmittedJob } from '../admission/admit.ts';
import type { GenerationRequest } from '../admission/generation-request.ts';
import { deliver } from '../delivery/deliver.ts';
import { deliverStream } from '../delivery/deliver-stream.ts';
import { onClientGone } from '../delivery/on-client-gone.ts';
import type { ApiDeps } from '../deps.ts';
import { sendAccepted } from '../http/accepted.ts';
import { header } from '../http/header.ts';
import type { Preferences } from '../http/prefer.ts';
import { waitBudgetMs } from '../http/wait-budget.ts';
import type { GenerationEndpoint } from './generation-endpoint.ts';
import { sendResult } from './send-result.ts';

export type GenerationDeps = Pick<ApiDeps, 'admission' | 'jobs' | 'streams' | 'markDelivered' | 'metrics' | 'settings'>;

/** Gives a client the job that its request has led to, in the way that it asked for. */
export async function deliverGeneration(
  request: FastifyRequest,
  reply: FastifyReply,
  endpoint: GenerationEndpoint,
  wanted: GenerationRequest,
  admission: AdmittedJob,
  preferences: Preferences,
  deps: GenerationDeps,
): Promise<FastifyReply> {
  // A client that has left needs no answer; its job goes on.
  onClientGone(reply, () => admission.wait?.cancel());
  if (wanted.isStreamed) return streamGeneration(request, reply, endpoint, admission, deps);
  const showAccepted = preferences.respondAsync || !wanted.isBackground ? undefined : endpoint.toAccepted;
  const wish = {
    acceptsAsync: preferences.respondAsync || showAccepted !== undefined,
    waitMs: waitBudgetMs(preferences, header(request, 'x-stainless-timeout'), deps.settings.syncWaitMs),
  };
  const delivery = await deliver(wanted.tenantId, admission.id, admission.wait, wish, deps.jobs).catch(
    (error: unknown) => {
      if (error instanceof GatewayError) reply.header('location', `/v1/jobs/${admission.id}`);
      throw error;
    },
  );
  const { kind, record } = delivery;
  if (kind === 'accepted' && showAccepted) {
    return reply
      .header('location', `/v1/jobs/${admission.id}`)
      .send(showAccepted(admission.id, asBegun(admission, record)));
  }
  if (kind === 'accepted' && admission.kind !== 'answered') {
    return sendAccepted(reply, admission.id, record, preferences);
  }
  deps.markDelivered(reply, admission.id);
  const latencyMs = isEarlier(admission) ? undefined : reply.elapsedTime;
  return sendResult(request, reply, endpoint, admission.id, record, latencyMs);
}

/** Whether the job was there before the request. */
const isEarlier = ({ kind }: AdmittedJob) => kind === 'attached' || kind === 'replayed';

/** A new job has not ended for its client, who comes back for the end: not even one that the cache has answered. */
const asBegun = (admission: AdmittedJob, record: JobRecord): JobRecord =>
  isEarlier(admission) || !isFinal(record.state) ? record : { ...record, state: 'queued' };

/** The job's events from the first on; a failure before the first text is an HTTP error. */
async function streamGeneration(
  request: FastifyRequest,
  reply: FastifyReply,
  endpoint: GenerationEndpoint,
  { id, wait }: AdmittedJob,
  { jobs, streams, markDelivered }: GenerationDeps,
): Promise<FastifyReply> {
  const { tenantId } = request.caller;
  reply.header('location', `/v1/jobs/${id}`);
  const { record } = await jobs.get(request.caller, id);
  if (!wait) throw new Error(`nobody waits for the stream of ${id}`);
  const onDelivered = () => markDelivered(reply, id);
  const translator = endpoint.translate(id, record, request.body);
  const { manner } = endpoint;
  await deliverStream(
    reply,
    { tenantId, id, record, after: -1, wait, translator, manner, isHeld: true, onDelivered },
    streams,
  );
  return reply;
}
