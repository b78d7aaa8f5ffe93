import cookie from '@fastify/cookie';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import { serializerCompiler } from 'fastify-type-provider-zod';
import type { ApiDeps } from './deps.ts';
import { uploadMs } from './files/receive-file.ts';
import { allowBodylessDelete } from './http/bodyless-delete.ts';
import { boundBodies } from './http/bound-bodies.ts';
import { boundValues } from './http/bound-values.ts';
import { serveDocs } from './http/docs.ts';
import { handleErrors, sendFrameworkError } from './http/error-handler.ts';
import { requestIdOf } from './http/request-id.ts';
import { sendStandardHeaders } from './http/standard-headers.ts';
import { validateWithZod } from './http/validate.ts';
import { registerRoutes } from './routes/index.ts';

const bodyMs = 60_000;

/** The server, built from its parts. It knows no port and no environment: tests start here. */
export async function buildApp(deps: ApiDeps): Promise<FastifyInstance> {
  const logger: FastifyBaseLogger = deps.log;
  const app = Fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'request_id' }),
    genReqId: requestIdOf,
    bodyLimit: deps.settings.bodyLimitBytes,
    routerOptions: { maxParamLength: 512 },
    frameworkErrors: sendFrameworkError,
    // Fastify's own says neither in whose terms nor when to come back; the routes' room refuses instead.
    return503OnClosing: false,
    // Bounds on slow senders. Fastify's default of none was measured to keep one byte a second open for ever.
    requestTimeout: uploadMs,
    keepAliveTimeout: 72_000,
    http: { headersTimeout: 20_000, connectionsCheckingInterval: 2000 },
  });
  app.setValidatorCompiler(validateWithZod);
  app.setSerializerCompiler(serializerCompiler);

  boundBodies(app, bodyMs);
  boundValues(app);
  // Every request has a caller by the time a handler runs; the hook of the routes' room sets it.
  app.decorateRequest('caller');
  app.decorateRequest('dialect');
  await app.register(cookie);
  // JSON only: a form or text is what a browser sends to a foreign server without asking it first.
  app.removeContentTypeParser('text/plain');
  allowBodylessDelete(app);
  sendStandardHeaders(app, deps);
  handleErrors(app);
  await serveDocs(app, deps.settings.version);
  await registerRoutes(app, deps);
  return app;
}
