import { createHash } from 'node:crypto';

/** A strong ETag of what is sent: it changes whenever the body does. */
export const etagOf = (body: object): string =>
  `"${createHash('sha256').update(JSON.stringify(body)).digest('base64url').slice(0, 20)}"`;
