import { z } from 'zod';
import {
  deadlineMember,
  metadataMember,
  onDisconnectMember,
  priorityMember,
  toJobWebhook,
  webhookMember,
} from '../../generation/job-members.ts';
import type { JobEnvelope } from '../../generation/to-generation-request.ts';
import { generationEndpoints } from '../generation-endpoints.ts';

const envelope = {
  custom_id: z.string().min(1).max(128).optional().describe("The client's own name for the job"),
  webhook: webhookMember.optional(),
  priority: priorityMember.optional(),
  delay_s: z.int().min(0).max(86_400).optional().describe('Not to begin sooner'),
  deadline_s: deadlineMember.optional(),
  start_deadline_s: deadlineMember.optional(),
  result_ttl_s: z.int().min(60).max(2_592_000).optional().describe('How long the result is kept'),
  on_disconnect: onDisconnectMember.optional(),
  hold: z.boolean().optional().describe('Waits for POST /v1/jobs/{id}/release before it is queued'),
  metadata: metadataMember.optional(),
};

const [first, ...others] = generationEndpoints.map((endpoint) =>
  z.object({ endpoint: z.literal(endpoint.path), body: endpoint.body, ...envelope }),
) as [Wrapped, ...Wrapped[]];

type Wrapped = z.ZodObject<{ endpoint: z.ZodLiteral<string>; body: z.ZodType } & typeof envelope>;

const endpointRule = `must be ${generationEndpoints.map(({ path }) => `"${path}"`).join(' or ')}`;

/** Body of `POST /v1/jobs`: the body of another route, and how to queue it. */
export const jobBody = z
  .discriminatedUnion('endpoint', [first, ...others], {
    error: ({ code }) => (code === 'invalid_union' ? endpointRule : undefined),
  })
  .superRefine(({ delay_s: delayS = 0, deadline_s, start_deadline_s }, context) => {
    // It could only expire.
    for (const [name, seconds] of Object.entries({ deadline_s, start_deadline_s })) {
      if (seconds !== undefined && delayS > 0 && seconds <= delayS) {
        context.addIssue({ code: 'custom', path: [name], message: 'must be > delay_s' });
      }
    }
  })
  .meta({
    id: 'JobRequest',
    examples: [
      {
        endpoint: '/v1/generate',
        body: { prompt: 'Explain transformers in machine learning', model: 'gpt-4o', user_id: 'user123' },
        priority: 3,
        deadline_s: 3600,
        metadata: { team: 'blue' },
      },
    ],
  });

export type JobBody = z.output<typeof jobBody>;

const toMs = (seconds: number | undefined) => (seconds === undefined ? undefined : seconds * 1000);

/** What the envelope asks for; what it leaves out is as the inner body says. */
export function toEnvelope(path: string, job: JobBody): JobEnvelope {
  const { endpoint, custom_id, webhook, priority, delay_s, deadline_s, start_deadline_s, result_ttl_s } = job;
  const queue = {
    priority,
    onDisconnect: job.on_disconnect,
    delayMs: toMs(delay_s || undefined),
    deadlineMs: toMs(deadline_s),
    startDeadlineMs: toMs(start_deadline_s),
    resultTtlMs: toMs(result_ttl_s),
    isHeld: job.hold,
    customId: custom_id,
    ...(webhook ? { webhook: toJobWebhook(webhook), webhookField: '/webhook' } : {}),
  };
  return {
    path,
    asked: { endpoint, custom_id },
    queue: Object.fromEntries(Object.entries(queue).filter(([, value]) => value !== undefined)),
    metadata: job.metadata,
  };
}
