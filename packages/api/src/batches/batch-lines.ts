import { sql } from 'kysely';
import type { Storage, StorageDatabase } from '../storage/storage.ts';
import type { BatchLineTable, LineState } from '../storage/storage-tables.ts';
import type { TokenUsage } from './token-usage.ts';

export interface NewLine {
  number: number;
  customId: string;
  /** The body as JSON. */
  request: string;
}

export interface LineEnd {
  number: number;
  state: Exclude<LineState, 'pending' | 'submitted'>;
  statusCode: number | null;
  requestId: string | null;
  /** The answer as JSON. */
  body: string | null;
  usage: TokenUsage;
}

export type EndedLine = Pick<BatchLineTable, 'number' | 'custom_id' | 'state' | 'status_code' | 'request_id' | 'body'>;

const sliceLines = 500;
const sliceChars = 4_000_000;
const pageLines = 50;
const clearedAtOnce = 2000;

/** Adds lines; one that is there already stays as it is. */
export async function insertLines(database: StorageDatabase, batch: string, lines: readonly NewLine[]): Promise<void> {
  for (const slice of slicesOf(lines)) {
    const numbers = slice.map(({ number }) => number);
    const ids = slice.map(({ customId }) => customId);
    const requests = slice.map(({ request }) => request);
    await sql`
      insert into batch_line (batch, number, custom_id, state, request)
      select ${batch}, number, custom_id, 'pending', request
      from unnest(${numbers}::int[], ${ids}::text[], ${requests}::text[]) as given (number, custom_id, request)
      on conflict do nothing`.execute(database);
  }
}

function* slicesOf(lines: readonly NewLine[]): Generator<NewLine[]> {
  let slice: NewLine[] = [];
  let chars = 0;
  for (const line of lines) {
    slice.push(line);
    chars += line.request.length;
    if (slice.length < sliceLines && chars < sliceChars) continue;
    yield slice;
    slice = [];
    chars = 0;
  }
  if (slice.length > 0) yield slice;
}

/** The lines of batches. All throw `dependency_down` where Postgres is out of reach. */
export function createBatchLines(storage: Storage) {
  return {
    insert: (batch: string, lines: readonly NewLine[]) => storage((database) => insertLines(database, batch, lines)),

    /** The first lines that have yet to be submitted. */
    pending: (batch: string, limit: number) =>
      storage(async (database) => {
        const rows = await database
          .selectFrom('batch_line')
          .select(['number', 'custom_id', 'request'])
          .where('batch', '=', batch)
          .where('state', '=', 'pending')
          .orderBy('number')
          .limit(limit)
          .execute();
        return rows.map(({ number, custom_id, request }) => ({ number, customId: custom_id, request: request ?? '' }));
      }),

    /** The job of every line that has one and has not ended. */
    submitted: (batch: string) =>
      storage(async (database) => {
        const rows = await database
          .selectFrom('batch_line')
          .select(['number', 'job'])
          .where('batch', '=', batch)
          .where('state', '=', 'submitted')
          .execute();
        return new Map(rows.map(({ number, job }) => [number, job ?? '']));
      }),

    noteSubmitted: (batch: string, jobs: ReadonlyMap<number, string>) =>
      storage(async (database) => {
        await sql`
          update batch_line line set state = 'submitted', job = given.job
          from unnest(${[...jobs.keys()]}::int[], ${[...jobs.values()]}::text[]) as given (number, job)
          where line.batch = ${batch} and line.number = given.number and line.state = 'pending'`.execute(database);
      }),

    /** Keeps what became of lines, and counts it: each line once, whoever says it again. */
    record: (batch: string, ends: readonly LineEnd[]) => storage((database) => recordEnds(database, batch, ends)),

    /** Ends all lines in a state, without an answer. */
    endAll: (batch: string, from: 'pending' | 'submitted', state: 'cancelled' | 'expired') =>
      storage(async (database) => {
        await sql`
          with ended as (
            update batch_line set state = ${state}, request = null
            where batch = ${batch} and state = ${from} returning number
          )
          update batch set ${sql.ref(state)} = ${sql.ref(state)} + (select count(*) from ended)
          where id = ${batch}`.execute(database);
      }),

    /** Lines that have ended, in the order of the input, a page in memory at a time. */
    async *ended(batch: string): AsyncGenerator<EndedLine, void> {
      for (let after = 0; ; ) {
        const page = await storage((database) =>
          database
            .selectFrom('batch_line')
            .select(['number', 'custom_id', 'state', 'status_code', 'request_id', 'body'])
            .where('batch', '=', batch)
            .where('number', '>', after)
            .where('state', 'not in', ['pending', 'submitted'])
            .orderBy('number')
            .limit(pageLines)
            .execute(),
        );
        yield* page;
        const last = page.at(-1);
        if (page.length < pageLines || !last) return;
        after = last.number;
      }
    },

    /** Removes all lines of a batch, some at a time. */
    async clear(batch: string): Promise<void> {
      const clearSome = (database: StorageDatabase) =>
        sql`
          delete from batch_line where batch = ${batch} and number in (
            select number from batch_line where batch = ${batch} limit ${clearedAtOnce}
          )`.execute(database);
      for (let cleared = clearedAtOnce; cleared >= clearedAtOnce; ) {
        const { numAffectedRows = 0n } = await storage(clearSome);
        cleared = Number(numAffectedRows);
      }
    },
  };
}

export type BatchLines = ReturnType<typeof createBatchLines>;

async function recordEnds(database: StorageDatabase, batch: string, ends: readonly LineEnd[]): Promise<void> {
  const columns = [
    sql`${ends.map(({ number }) => number)}::int[]`,
    sql`${ends.map(({ state }) => state)}::text[]`,
    sql`${ends.map(({ statusCode }) => statusCode)}::int[]`,
    sql`${ends.map(({ requestId }) => requestId)}::text[]`,
    sql`${ends.map(({ body }) => body)}::text[]`,
    sql`${ends.map(({ usage }) => usage.input)}::bigint[]`,
    sql`${ends.map(({ usage }) => usage.cached)}::bigint[]`,
    sql`${ends.map(({ usage }) => usage.output)}::bigint[]`,
    sql`${ends.map(({ usage }) => usage.reasoning)}::bigint[]`,
  ];
  const counted = (state: LineEnd['state']) =>
    sql`${sql.ref(state)} = ${sql.ref(state)} + (select count(*) from ended where state = ${state})`;
  const summed = (tokens: keyof TokenUsage) => {
    const column = sql.ref(`${tokens}_tokens`);
    return sql`${column} = ${column} + (select coalesce(sum(${sql.ref(tokens)}), 0) from ended)`;
  };
  await sql`
    with given (number, state, status_code, request_id, body, input, cached, output, reasoning) as (
      select * from unnest(${sql.join(columns)})
    ), ended as (
      update batch_line line set state = given.state, status_code = given.status_code,
        request_id = given.request_id, body = given.body, request = null
      from given
      where line.batch = ${batch} and line.number = given.number and line.state in ('pending', 'submitted')
      returning given.state, input, cached, output, reasoning
    )
    update batch set ${sql.join([
      ...(['completed', 'failed', 'cancelled', 'expired'] as const).map(counted),
      ...(['input', 'cached', 'output', 'reasoning'] as const).map(summed),
    ])} where id = ${batch}`.execute(database);
}
