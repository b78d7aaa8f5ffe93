import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import type { Caller } from './caller.ts';

/** Refuses a key that is not for administrators what is known of another user than its own. Throws `forbidden`. */
export function requireVisibleUser({ role, scopes, userId, boundUserId }: Caller, wanted: string): void {
  if (role !== 'key' || scopes.includes('admin') || wanted === (boundUserId ?? userId)) return;
  throw new GatewayError({
    code: 'forbidden',
    field: 'user_id',
    detail: 'The usage of other users needs an API key with the scope "admin".',
  });
}
