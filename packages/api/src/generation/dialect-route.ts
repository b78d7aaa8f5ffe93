import type { FastifyPluginAsync } from 'fastify';
import { header } from '../http/header.ts';
import { parsePrefer } from '../http/prefer.ts';
import { submittedJob } from '../jobs/job-view.ts';
import { admitLogged } from './admit-logged.ts';
import { askerOf } from './asker-of.ts';
import { deliverGeneration, type GenerationDeps } from './deliver-generation.ts';
import type { GenerationEndpoint } from './generation-endpoint.ts';
import { namingFields } from './naming-fields.ts';
import { readAsked } from './read-asked.ts';
import { toGenerationRequest } from './to-generation-request.ts';

export interface RouteText {
  tags: string[];
  summary: string;
  description?: string;
  /** Schemas of the answers by status, for the documentation: an answer is sent as its provider wrote it. */
  response?: Record<string, unknown>;
}

/** The route of an endpoint that speaks a vendor's dialect: its body in, an answer in the same terms out. */
export const dialectRoute =
  (endpoint: GenerationEndpoint, text: RouteText): FastifyPluginAsync<GenerationDeps> =>
  async (app, deps) => {
    const schema = { ...text, body: endpoint.body, response: { 202: submittedJob, ...text.response } };
    // An answer has members that no schema knows.
    app.post(endpoint.path, { schema, serializerCompiler: () => JSON.stringify }, async (request, reply) => {
      const preferences = parsePrefer(header(request, 'prefer'));
      return namingFields(endpoint, request.body, async () => {
        const asked = await readAsked(endpoint, request.body, request.caller, deps.jobs);
        const wanted = toGenerationRequest(askerOf(request), endpoint, asked, preferences);
        const admission = await admitLogged(request, reply, wanted, deps);
        if (admission.kind === 'cached') throw new Error('a dialect has an id for every answer, and so a job');
        return deliverGeneration(request, reply, endpoint, wanted, admission, preferences, deps);
      });
    });
  };
