import { GatewayError } from '@llm-gateway/shared/contracts/failure';

// What JavaScript itself throws is a mistake of ours wherever it happens, and no outage.
const mistakes = [TypeError, RangeError, ReferenceError, SyntaxError];
// SQLSTATE classes of statements that are wrong whoever answers them: bad values, syntax, unknown names.
const wrongStatements = new Set(['22', '42']);
const cancelled = '57014';

const ledgerAway =
  'The database of the ledger is not available. Generations go on, and what they cost is written later.';

/** Runs a query and turns a Postgres that is away, or that takes too long, into `dependency_down`. */
export async function callDatabase<T>(operation: () => Promise<T>, away = ledgerAway): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    const { code } = error as { code?: unknown };
    const state = typeof code === 'string' && code.length === 5 ? code : '';
    if (error instanceof GatewayError || wrongStatements.has(state.slice(0, 2))) throw error;
    if (mistakes.some((kind) => error instanceof kind)) throw error;
    const detail =
      state === cancelled && away === ledgerAway ? 'The ledger took too long to answer: ask for a shorter time.' : away;
    throw new GatewayError({ code: 'dependency_down', detail, retryAfterMs: 1000 }, error);
  }
}
