import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import type { ToResult } from '../delivery/event-frames.ts';
import type { GenerationEndpoint } from '../generation/generation-endpoint.ts';
import { inlineResult } from '../generation/inline-result.ts';
import { messagesEndpoint } from './anthropic/messages-endpoint.ts';
import { generateEndpoint } from './native/generate-endpoint.ts';
import { chatEndpoint } from './openai/chat-endpoint.ts';
import { completionsEndpoint } from './openai/completions-endpoint.ts';
import { embeddingsEndpoint } from './openai/embeddings-endpoint.ts';
import { responsesEndpoint } from './openai/responses-endpoint.ts';

/** All endpoints that generate, one line each: what a job, a batch or `POST /v1/jobs` may be a request to. */
export const generationEndpoints: readonly [GenerationEndpoint, ...GenerationEndpoint[]] = [
  generateEndpoint,
  chatEndpoint,
  completionsEndpoint,
  embeddingsEndpoint,
  messagesEndpoint,
  responsesEndpoint,
];

/** The endpoint that accepted a job. Throws for a record of a newer version. */
export function endpointOf({ endpoint: path }: Pick<JobRecord, 'endpoint'>): GenerationEndpoint {
  const endpoint = generationEndpoints.find((known) => known.path === path);
  if (!endpoint) throw new Error(`this version has no endpoint ${path}`);
  return endpoint;
}

/** The result of a job of whatever endpoint. */
export const anyResult: ToResult = (id, record) => inlineResult(endpointOf(record).toResult)(id, record);
