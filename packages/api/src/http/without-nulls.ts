/** A body whose null members are as good as absent, which is what clients with optional fields mean by them. */
export function withoutNulls(body: unknown): unknown {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body;
  return Object.fromEntries(Object.entries(body).filter(([, member]) => member !== null));
}
