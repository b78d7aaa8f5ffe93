import type { PostgresPool, PostgresPoolClient, PostgresQueryResult } from 'kysely';
import type { Pool } from 'pg';

/**
 * A pool whose queries end in time even when the server says nothing any more. The connection is thrown away then:
 * what came late would keep its next user waiting.
 */
export function boundedPool(pool: Pool, answerTimeoutMs: number): PostgresPool {
  return {
    options: pool.options,
    end: () => pool.end(),
    async connect() {
      const client: PostgresPoolClient = await pool.connect();
      let isLost = false;
      async function query<Row>(text: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<Row>> {
        const late = Promise.withResolvers<never>();
        const timer = setTimeout(() => {
          isLost = true;
          late.reject(new Error(`Postgres did not answer within ${answerTimeoutMs} ms`));
        }, answerTimeoutMs);
        return Promise.race([client.query<Row>(text, parameters), late.promise]).finally(() => clearTimeout(timer));
      }
      return {
        // Without cursors, which nobody here uses.
        query: query as PostgresPoolClient['query'],
        release: (isDiscarded) => client.release(isDiscarded || isLost),
      };
    },
  };
}
