import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import type { Queue } from 'bullmq';
import type { FastifyPluginAsync } from 'fastify';
import type { ApiDeps } from '../../deps.ts';
import type { LaneBoard } from '../../lanes/lane-board.ts';

// The board asks a foreign server for its fonts; an operator's pages ask nobody.
const contentSecurityPolicy = [
  "default-src 'self'",
  "img-src 'self' data:",
  "script-src 'self' 'unsafe-inline'",
  "style-src 'self' 'unsafe-inline'",
  "frame-ancestors 'none'",
].join('; ');

const basePath = '/admin/queues';

export interface BullBoardDeps extends Pick<ApiDeps, 'laneQueues' | 'queues'> {
  board: LaneBoard;
}

/**
 * Bull Board over every queue of every lane that is known by now. Jobs carry ids only, so no prompt or answer is to be seen there. It shows and changes
 * nothing: the job record is the truth, and a job that is removed or retried behind its back would never end.
 */
export const bullBoardRoute: FastifyPluginAsync<BullBoardDeps> = async (app, { board, laneQueues, queues }) => {
  const serverAdapter = new FastifyAdapter();
  const shown = new Set<Queue>();
  const bullBoard = createBullBoard({
    queues: [],
    serverAdapter,
    options: { uiConfig: { boardTitle: 'LLM Gateway' } },
  });
  serverAdapter.setBasePath(basePath);
  app.addHook('onRequest', async () => {
    // With Redis away the board shows what it has shown before.
    for (const lane of await board.known().catch(() => [])) laneQueues.open(lane);
    for (const queue of queues()) {
      if (!shown.has(queue)) bullBoard.addQueue(new BullMQAdapter(queue, { readOnlyMode: true }));
      shown.add(queue);
    }
  });
  app.addHook('onSend', async (_request, reply) => {
    reply.header('content-security-policy', contentSecurityPolicy);
  });
  await app.register(serverAdapter.registerPlugin(), { prefix: basePath });
};
