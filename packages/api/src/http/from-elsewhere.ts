import type { FastifyRequest } from 'fastify';
import { header } from './header.ts';

/**
 * Whether a page of another site sends a request, which a browser says itself, but only to servers that it trusts: to
 * others it tells the origin of the page.
 */
export function isFromElsewhere(request: FastifyRequest): boolean {
  const site = header(request, 'sec-fetch-site');
  if (site !== undefined) return site !== 'none' && site !== 'same-origin';
  const origin = header(request, 'origin');
  return origin !== undefined && origin.replace(/^https?:\/\//, '') !== request.host;
}

export const isCommand = ({ method }: FastifyRequest): boolean => method !== 'GET' && method !== 'HEAD';
