import type { FastifyInstance } from 'fastify';
import { countPrompt } from '../answer/count-prompt.ts';
import { callOf } from '../call/log-calls.ts';
import { readBody } from '../call/read-body.ts';
import { refuseUnknownModel } from '../call/refuse-unknown-model.ts';
import { serveCall } from '../call/serve-call.ts';
import type { AttemptCounter } from '../faults/attempt-counter.ts';
import { createMessages } from './messages.ts';
import { countedPartOf, countTokensBody } from './messages-body.ts';
import type { PromptCache } from './prompt-cache.ts';

interface AnthropicDeps {
  attempts: AttemptCounter;
  promptCache: PromptCache;
}

export function anthropicRoutes(app: FastifyInstance, { attempts, promptCache }: AnthropicDeps): void {
  app.post('/v1/messages', serveCall(createMessages(promptCache), attempts));

  // Counts without a charge, as the vendor does; with what the message itself would be charged for its prompt.
  app.post('/v1/messages/count_tokens', async (request) => {
    const body = readBody(countTokensBody, request.body);
    callOf(request).describe({ model: body.model });
    refuseUnknownModel(body.model);
    return { input_tokens: countPrompt(countedPartOf(body)) };
  });
}
