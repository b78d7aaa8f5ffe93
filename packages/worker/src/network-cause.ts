/**
 * Which address could not be reached and why, from the system error at the end of an error's causes: what an operator
 * needs to know of an unreachable provider, and nothing of the request.
 */
export function networkCause(error: unknown): { cause_code?: string; cause_host?: string } {
  let found: { cause_code?: string; cause_host?: string } = {};
  for (let at = error; at instanceof Error; at = at.cause) {
    const { code, hostname, address } = at as NodeJS.ErrnoException & { hostname?: unknown; address?: unknown };
    const host = typeof hostname === 'string' ? hostname : address;
    if (typeof code === 'string') {
      found = { cause_code: code, ...(typeof host === 'string' ? { cause_host: host } : {}) };
    }
  }
  return found;
}
