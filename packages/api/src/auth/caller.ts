/** Who sends a request. */
export interface Caller {
  tenantId: string;
  /** `admin` holds the admin key; `open` came without one while the gateway is open. */
  role: 'admin' | 'open';
  /** The user to count for where the request names none; absent means that it must name one. */
  userId?: string;
}

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller;
  }
}
