import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import type { Queue } from 'bullmq';
import type { FastifyPluginAsync } from 'fastify';

// The board asks a foreign server for its fonts; an operator's pages ask nobody.
const contentSecurityPolicy = [
  "default-src 'self'",
  "img-src 'self' data:",
  "script-src 'self' 'unsafe-inline'",
  "style-src 'self' 'unsafe-inline'",
  "frame-ancestors 'none'",
].join('; ');

const basePath = '/admin/queues';

/**
 * Bull Board over every queue. Jobs carry ids only, so no prompt or answer is to be seen there. It shows and changes
 * nothing: the job record is the truth, and a job that is removed or retried behind its back would never end.
 */
export const bullBoardRoute: FastifyPluginAsync<{ queues: Queue[] }> = async (app, { queues }) => {
  const serverAdapter = new FastifyAdapter();
  createBullBoard({
    queues: queues.map((queue) => new BullMQAdapter(queue, { readOnlyMode: true })),
    serverAdapter,
    options: { uiConfig: { boardTitle: 'LLM Gateway' } },
  });
  serverAdapter.setBasePath(basePath);
  app.addHook('onSend', async (_request, reply) => {
    reply.header('content-security-policy', contentSecurityPolicy);
  });
  await app.register(serverAdapter.registerPlugin(), { prefix: basePath });
};
