import { pipeline, Readable } from 'node:stream';
import { stringify } from 'csv-stringify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { header } from './header.ts';

export const formatQuery = z.enum(['json', 'csv']).optional().describe('Also by Accept: text/csv');

/** What a route tells of an answer that comes as JSON or as CSV. */
export const jsonOrCsv = <Schema extends z.ZodType>(schema: Schema, description: string) => ({
  description,
  content: { 'application/json': { schema }, 'text/csv': { schema: z.string() } },
});

export const wantsCsv = (request: FastifyRequest, format: z.output<typeof formatQuery>): boolean =>
  format === undefined ? /^text\/csv\b/i.test(header(request, 'accept') ?? '') : format === 'csv';

/**
 * Answers with rows as they come, no faster than the client reads. Cells that a spreadsheet would take for a formula
 * begin with an apostrophe. When a row cannot be read, the answer breaks off, so that nobody takes it for complete.
 */
export function sendCsv(
  reply: FastifyReply,
  fileName: string,
  columns: readonly string[],
  rows: Iterable<object> | AsyncIterable<object>,
): FastifyReply {
  reply.type('text/csv; charset=utf-8').header('content-disposition', `attachment; filename="${fileName}"`);
  if (reply.request.method === 'HEAD') return reply.send('');
  // The library takes a line feed, and what a spreadsheet that separates by ; makes a cell of its own, for harmless.
  const defuse = (text: string) => (/^[\n;]/.test(text) ? `'${text}` : text);
  const lines = stringify({ header: true, columns: [...columns], escape_formulas: true, cast: { string: defuse } });
  // An error ends both streams, and through them the answer; who sends it has its own eye on that.
  pipeline(Readable.from(rows), lines, () => undefined);
  return reply.send(lines);
}
