import { createHash } from 'node:crypto';
import type { AskedBody } from '../../../generation/asked-body.ts';

const userIdMax = 128;

/**
 * Whom `metadata.user_id` names. Anthropic takes longer ids than ours can be, and ids are keys, so one that cannot be a
 * key is known by its digest.
 */
export function toUser(userId: string | null | undefined): AskedBody['user'] {
  if (!userId) return undefined;
  const fits = userId.length <= userIdMax && userId.isWellFormed();
  const id = fits ? userId : `sha256:${createHash('sha256').update(userId).digest('hex').slice(0, 32)}`;
  return { id, pointer: '/metadata/user_id' };
}
