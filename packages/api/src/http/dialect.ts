import type { FastifyRequest } from 'fastify';
import { header } from './header.ts';

/** In whose terms a route speaks: ours, OpenAI's or Anthropic's. */
export type Dialect = 'native' | 'openai' | 'anthropic';

declare module 'fastify' {
  interface FastifyRequest {
    /** In whose terms to answer, where the path does not say: the result of a job is as its endpoint's. */
    dialect?: Dialect;
  }
}

const native = /^\/v1\/(generate|jobs|usage|rate-limit|cache|admin|health|webhook|key)/;
// A base URL that has the version already makes it stand there twice.
const anthropic = /^\/v1(\/v1)?\/messages(\/|$)/;
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

/** In whose terms to answer a request. */
export const dialectOfRequest = (request: FastifyRequest): Dialect =>
  request.dialect ?? dialectOf(pathOf(request), header(request, 'anthropic-version'));

/** The path that was asked, without its query. */
export const pathOf = ({ url }: Pick<FastifyRequest, 'url'>): string => url.split('?')[0] ?? '/';
