import { createHmac, timingSafeEqual } from 'node:crypto';

/** Cookie of a browser that has shown the admin key. */
export const sessionCookie = 'gateway_admin';
export const sessionMs = 12 * 3600 * 1000;

const sign = (adminKey: string, expiresMs: string) =>
  createHmac('sha256', adminKey).update(`admin-session:${expiresMs}`).digest('base64url');

/** `<expiry>.<signature>`: nothing to store, worthless after its time and after a change of the admin key. */
export function makeSession(adminKey: string, nowMs: number): string {
  const expiresMs = String(nowMs + sessionMs);
  return `${expiresMs}.${sign(adminKey, expiresMs)}`;
}

export function isSession(adminKey: string, token: string | undefined, nowMs: number): boolean {
  const [expiresMs = '', signature = ''] = token?.split('.') ?? [];
  if (!/^\d{1,16}$/.test(expiresMs) || Number(expiresMs) <= nowMs) return false;
  const expected = Buffer.from(sign(adminKey, expiresMs));
  const given = Buffer.from(signature);
  return given.length === expected.length && timingSafeEqual(given, expected);
}
