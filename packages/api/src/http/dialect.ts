/** In whose terms a route speaks: ours, OpenAI's or Anthropic's. */
export type Dialect = 'native' | 'openai' | 'anthropic';

declare module 'fastify' {
  interface FastifyRequest {
    /** In whose terms to answer, where the path does not say: the result of a job is as its endpoint's. */
    dialect?: Dialect;
  }
}

const native = /^\/v1\/(generate|jobs|usage|rate-limit|cache|admin|health|webhook|key)/;
const anthropic = /^\/v1\/messages(\/|$)/;
const openai = /^\/v1\/(chat|responses|embeddings|completions|batches)/;

/**
 * The dialect of a path. Paths that both vendors have, and unknown ones below /v1, are Anthropic's if the request
 * carries `anthropic-version`; never by `x-api-key`, which newer Anthropic SDKs do not send.
 */
export function dialectOf(path: string, anthropicVersion: string | undefined): Dialect {
  if (anthropic.test(path)) return 'anthropic';
  if (openai.test(path)) return 'openai';
  if (native.test(path) || !path.startsWith('/v1/')) return 'native';
  return anthropicVersion === undefined ? 'openai' : 'anthropic';
}
