import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import type { ApiKey } from './api-key.ts';

export type Grant = Pick<ApiKey, 'scopes' | 'models' | 'expiresMs'>;

/**
 * Refuses to let the holder of one key make, change or renew another that can do what its own cannot: who holds a key
 * for administration alone would else give itself one to generate with. Throws `forbidden` with the field.
 */
export function checkGrant(own: Grant, wanted: Grant): void {
  checkScopes(own, wanted);
  if (own.models !== undefined) {
    const further = wanted.models?.find((model) => own.models?.includes(model) === false);
    if (wanted.models === undefined || further !== undefined) {
      throw wider('/models', `Your own key is confined to ${own.models.join(', ')}.`);
    }
  }
  if (own.expiresMs !== undefined && !(wanted.expiresMs !== undefined && wanted.expiresMs <= own.expiresMs)) {
    throw wider('/expires_at', `Your own key expires at ${new Date(own.expiresMs).toISOString()}.`);
  }
}

/** The part of it that also holds for ending a key. */
export function checkScopes(own: Pick<Grant, 'scopes'>, wanted: Pick<Grant, 'scopes'>): void {
  const further = wanted.scopes.find((scope) => !own.scopes.includes(scope));
  if (further !== undefined) throw wider('/scopes', `Your own key does not have the scope "${further}".`);
}

const wider = (field: string, detail: string) => new GatewayError({ code: 'forbidden', field, detail });
