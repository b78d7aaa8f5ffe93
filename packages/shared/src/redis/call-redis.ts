import { GatewayError } from '../contracts/failure.ts';

// Reply codes by which a living Redis says that it cannot serve now. Codes are part of the protocol, texts are not.
const unavailable =
  /^(OOM|MISCONF|READONLY|LOADING|CLUSTERDOWN|NOREPLICAS|MASTERDOWN|TRYAGAIN|BUSY|EXECABORT|NOAUTH|WRONGPASS)\b/;

// What JavaScript itself throws is a mistake of ours wherever it happens, and no outage.
const mistakes = [TypeError, RangeError, ReferenceError, SyntaxError, URIError];

const isReply = (error: unknown): error is Error => error instanceof Error && error.name === 'ReplyError';

/**
 * Runs a Redis operation and turns an unreachable or refusing Redis into `dependency_down`. Errors that Redis
 * replies because a command is wrong are our bugs: they pass unchanged.
 */
export async function callRedis<T>(operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    if (error instanceof GatewayError) throw error;
    if (isReply(error) && !unavailable.test(error.message)) throw error;
    if (mistakes.some((kind) => error instanceof kind)) throw error;
    throw new GatewayError(
      { code: 'dependency_down', detail: 'The job store is not available.', retryAfterMs: 1000 },
      error,
    );
  }
}
