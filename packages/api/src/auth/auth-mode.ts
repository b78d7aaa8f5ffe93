import { defaultAuthMode } from '@llm-gateway/shared/config/auth';
import { ConfigError } from '@llm-gateway/shared/config/load-config';
import type { ApiConfig } from '../config.ts';
import type { AuthMode } from './authenticate.ts';

export type AuthConfig = Pick<ApiConfig, 'HOST' | 'AUTH_MODE' | 'ADMIN_API_KEY' | 'NODE_ENV'>;

/**
 * Open to everybody on loopback, closed elsewhere and in production, unless the operator says otherwise in so many
 * words. Throws a ConfigError rather than start a gateway that nobody or everybody could use by accident.
 */
export function decideAuthMode({ HOST, AUTH_MODE, ADMIN_API_KEY, NODE_ENV }: AuthConfig): AuthMode {
  const mode = AUTH_MODE ?? defaultAuthMode(HOST, NODE_ENV);
  if (mode === 'keys' && ADMIN_API_KEY === undefined) {
    const where = NODE_ENV === 'production' ? `${HOST} with NODE_ENV=production` : HOST;
    throw new ConfigError(
      `Bad configuration:\n  ADMIN_API_KEY: is required to listen on ${where}. ` +
        'Set it, or set AUTH_MODE=open to let everybody who can reach this address use the gateway.',
    );
  }
  return mode;
}
