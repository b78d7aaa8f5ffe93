import { toJobId } from '@llm-gateway/shared/contracts/ids';
import { ledgerStatuses } from '@llm-gateway/shared/contracts/ledger-row';
import { ledgerText } from '@llm-gateway/shared/ledger/ledger-entry';
import type { LedgerTable } from '@llm-gateway/shared/ledger/ledger-tables';
import { resolveModel } from '@llm-gateway/shared/pricing/resolve-model';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Caller } from '../../auth/caller.ts';
import { tenantAsked, tenantQuery } from '../../auth/reach-tenant.ts';
import type { ApiDeps } from '../../deps.ts';
import { formatQuery, jsonOrCsv, sendCsv, wantsCsv } from '../../http/csv.ts';
import { invalidField } from '../../http/invalid-field.ts';
import { problem } from '../../http/problem-schema.ts';
import { findPlace, type LedgerFilter, type LedgerPlace, pageLedger } from '../../usage/ledger-page.ts';
import type { LedgerReader } from '../../usage/ledger-reader.ts';
import { ledgerRowColumns, ledgerRowView, parseLedgerRowId, viewLedgerRow } from '../../usage/ledger-row-view.ts';
import { periodOf, periodQuery } from '../../usage/period.ts';

const name = z.string().max(512).transform(ledgerText).optional();

const query = z.object({
  ...periodQuery,
  ...tenantQuery,
  user_id: name,
  key_id: name,
  model: name,
  status: z.enum(ledgerStatuses).optional(),
  generation: name.describe('Id of a job, in any of its forms, or that of a row without one'),
  limit: z.coerce.number().int().min(1).max(100).default(20).describe('As CSV: all rows, whatever it says'),
  after: z.string().optional().describe('Id of the last row of the page before'),
  format: formatQuery,
});

const ledgerPage = z
  .object({
    object: z.literal('list'),
    data: z.array(ledgerRowView),
    first_id: z.string().nullable(),
    last_id: z.string().nullable(),
    has_more: z.boolean(),
    stale: z.boolean().describe('Whether the newest rows may be missing'),
  })
  .meta({ id: 'LedgerPage' });

// Of a long answer, so much is read at once, by a statement of its own: no connection is held for a slow reader.
const chunk = 1000;

export const ledgerRoute: FastifyPluginAsyncZod<Pick<ApiDeps, 'ledger'>> = async (app, { ledger }) => {
  const schema = {
    tags: ['Admin'],
    summary: 'Rows of the ledger',
    description: 'One row per provider call, and per request that was answered without one; the newest first.',
    querystring: query,
    response: { 200: jsonOrCsv(ledgerPage, 'A page of rows; as CSV all of them'), '4xx': problem, '5xx': problem },
  };
  app.get('/v1/admin/ledger', { schema }, async (request, reply) => {
    const { limit, after, format } = request.query;
    const filter = filterAsked(request.caller, request.query);
    const isCsv = wantsCsv(request, format);
    const { found, isStale } = await ledger.readCurrent(async (database) => {
      const place =
        after === undefined ? undefined : await placeOf(after, (id) => findPlace(database, id, filter.tenantId));
      return pageLedger(database, filter, isCsv ? chunk : limit + 1, place);
    });
    if (isCsv) return sendCsv(reply, 'ledger.csv', ledgerRowColumns, everyRow(ledger, filter, found));
    const data = found.slice(0, limit).map(viewLedgerRow);
    return {
      object: 'list' as const,
      data,
      first_id: data[0]?.id ?? null,
      last_id: data.at(-1)?.id ?? null,
      has_more: found.length > limit,
      stale: isStale,
    };
  });
};

function filterAsked(caller: Caller, asked: z.output<typeof query>): LedgerFilter {
  const { from, to, tenant_id, user_id, key_id, model, status, generation } = asked;
  return {
    tenantId: tenantAsked(caller, tenant_id),
    userId: user_id,
    keyId: key_id,
    model: model && (resolveModel(model)?.id ?? model),
    status,
    generation: generation && (toJobId(generation) ?? generation),
    period: periodOf({ from, to }),
  };
}

type FindPlace = (id: Pick<LedgerPlace, 'generation' | 'call'>) => Promise<LedgerPlace | undefined>;

/** Where to go on. Throws `invalid_request` for what is no row. */
async function placeOf(after: string, find: FindPlace): Promise<LedgerPlace> {
  const id = parseLedgerRowId(ledgerText(after));
  const place = id && (await find(id));
  if (!place) throw invalidField('after', `"${after.slice(0, 100)}" is not the id of a row`);
  return place;
}

/** The rows of the first chunk, and then all that follow. */
async function* everyRow(ledger: LedgerReader, filter: LedgerFilter, first: readonly LedgerTable[]) {
  let rows = first;
  for (;;) {
    yield* rows.map(viewLedgerRow);
    const last = rows.at(-1);
    if (!last || rows.length < chunk) return;
    rows = await ledger.read((database) => pageLedger(database, filter, chunk, last));
  }
}
