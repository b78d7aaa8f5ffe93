import fastify, { type FastifyError, type FastifyInstance, type FastifyRequest } from 'fastify';
import { anthropicDialect } from './anthropic/anthropic-dialect.ts';
import { anthropicRoutes } from './anthropic/anthropic-routes.ts';
import { createPromptCache } from './anthropic/prompt-cache.ts';
import { billRoutes } from './bill/bill-routes.ts';
import { createCallLog } from './bill/call-log.ts';
import type { Dialect } from './call/dialect.ts';
import { callOf, logCalls, pathOf } from './call/log-calls.ts';
import { Refusal, type RefusalReason } from './call/refusal.ts';
import { createAttemptCounter } from './faults/attempt-counter.ts';
import { modelRoutes } from './models/model-routes.ts';
import { openaiDialect } from './openai/openai-dialect.ts';
import { openaiRoutes } from './openai/openai-routes.ts';

export interface SandboxOptions {
  /** How many calls the log remembers. */
  callsMax?: number;
}

const BODY_BYTES_MAX = 64 * 1024 * 1024;
const CALLS_MAX = 100_000;
const CACHED_PREFIXES_MAX = 10_000;

/** The stand-in provider, without a port: every vendor's endpoint in one server, and the bill beside them. */
export function buildSandbox({ callsMax = CALLS_MAX }: SandboxOptions = {}): FastifyInstance {
  const app = fastify({
    bodyLimit: BODY_BYTES_MAX,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 500 },
  });
  const log = createCallLog({ callsMax });
  const attempts = createAttemptCounter({ keysMax: callsMax });
  const promptCache = createPromptCache({ entriesMax: CACHED_PREFIXES_MAX });

  billRoutes(app, { log, attempts, promptCache });
  app.register(async (vendors) => {
    logCalls(vendors, log, dialectOf);
    vendors.setErrorHandler<FastifyError>((error, request, reply) => {
      const { status, headers, body } = dialectOf(request).refuse(toRefusal(error), callOf(request).id);
      if (status === 500 && !(error instanceof Refusal)) request.log.error(error);
      return reply.code(status).headers(headers).send(body);
    });
    openaiRoutes(vendors, { attempts });
    anthropicRoutes(vendors, { attempts, promptCache });
    modelRoutes(vendors);
    vendors.all('/*', async (request) => {
      const message = `Unknown request URL: ${request.method} ${pathOf(request)}.`;
      throw new Refusal('no-such-path', { message });
    });
  });
  return app;
}

function dialectOf(request: FastifyRequest): Dialect {
  const asksAnthropic = pathOf(request).startsWith('/v1/messages') || 'anthropic-version' in request.headers;
  return asksAnthropic ? anthropicDialect : openaiDialect;
}

const reasonsOfFastify: Record<string, RefusalReason> = {
  FST_ERR_CTP_INVALID_JSON_BODY: 'not-json',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'not-json',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'not-json',
  FST_ERR_CTP_BODY_TOO_LARGE: 'too-large',
};

function toRefusal(error: FastifyError): Refusal {
  if (error instanceof Refusal) return error;
  return new Refusal(reasonsOfFastify[error.code] ?? 'internal');
}
