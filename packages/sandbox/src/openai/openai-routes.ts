import type { FastifyInstance } from 'fastify';
import { callOf } from '../call/log-calls.ts';
import { readBody } from '../call/read-body.ts';
import { Refusal } from '../call/refusal.ts';
import { refuseUnknownModel } from '../call/refuse-unknown-model.ts';
import { serveCall } from '../call/serve-call.ts';
import type { AttemptCounter } from '../faults/attempt-counter.ts';
import { chatCompletions } from './chat-completions.ts';
import { completions } from './completions.ts';
import { embeddings } from './embeddings.ts';
import { createResponseStore } from './response-store.ts';
import { countInput, createResponses } from './responses.ts';
import { inputTokensBody } from './responses-body.ts';

const RESPONSES_MAX = 1_000;

export function openaiRoutes(app: FastifyInstance, { attempts }: { attempts: AttemptCounter }): void {
  const store = createResponseStore({ responsesMax: RESPONSES_MAX });

  app.post('/v1/chat/completions', serveCall(chatCompletions, attempts));
  app.post('/v1/completions', serveCall(completions, attempts));
  app.post('/v1/embeddings', serveCall(embeddings, attempts));
  app.post('/v1/responses', serveCall(createResponses(store), attempts));

  // Counts without a charge; with what the response itself would be charged for its prompt.
  app.post('/v1/responses/input_tokens', async (request) => {
    const body = readBody(inputTokensBody, request.body);
    callOf(request).describe({ model: body.model });
    refuseUnknownModel(body.model);
    return { object: 'response.input_tokens', input_tokens: countInput(body, store) };
  });

  app.get<{ Params: { id: string } }>('/v1/responses/:id', async ({ params }) => {
    const stored = store.find(params.id);
    if (!stored) throw new Refusal('no-such-response', { message: `Response with id '${params.id}' not found.` });
    return stored.response;
  });
}
