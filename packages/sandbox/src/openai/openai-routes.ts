import type { FastifyInstance } from 'fastify';
import { Refusal } from '../call/refusal.ts';
import { serveCall } from '../call/serve-call.ts';
import type { AttemptCounter } from '../faults/attempt-counter.ts';
import { chatCompletions } from './chat-completions.ts';
import { embeddings } from './embeddings.ts';
import { createResponseStore } from './response-store.ts';
import { createResponses } from './responses.ts';

const RESPONSES_MAX = 1_000;

export function openaiRoutes(app: FastifyInstance, { attempts }: { attempts: AttemptCounter }): void {
  const store = createResponseStore({ responsesMax: RESPONSES_MAX });

  app.post('/v1/chat/completions', serveCall(chatCompletions, attempts));
  app.post('/v1/embeddings', serveCall(embeddings, attempts));
  app.post('/v1/responses', serveCall(createResponses(store), attempts));

  app.get<{ Params: { id: string } }>('/v1/responses/:id', async ({ params }) => {
    const stored = store.find(params.id);
    if (!stored) throw new Refusal('no-such-response', { message: `Response with id '${params.id}' not found.` });
    return stored.response;
  });
}
