/** Whose spending is counted, as a part of Redis keys. User ids are free text, so they are encoded. */
export const spendSubject = {
  tenant: (tenantId: string): string => `tenant:${tenantId}`,
  key: (keyId: string): string => `key:${keyId}`,
  user: (tenantId: string, userId: string): string => `user:${tenantId}:${encodeURIComponent(userId)}`,
};

/** Who is meant by a subject. */
export function readSpendSubject(subject: string): { scope: 'tenant' | 'key' | 'user'; id: string } {
  const [scope = '', first = '', user] = subject.split(':');
  if (scope === 'user' && user !== undefined) return { scope, id: decodeURIComponent(user) };
  if (scope === 'tenant' || scope === 'key') return { scope, id: first };
  throw new Error(`no subject of spending: ${subject}`);
}
