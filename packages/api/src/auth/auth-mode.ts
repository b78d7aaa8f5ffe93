import { isLoopback } from '@llm-gateway/shared/config/is-loopback';
import { ConfigError } from '@llm-gateway/shared/config/load-config';
import type { AuthMode } from './authenticate.ts';

/**
 * Open to everybody on loopback, closed elsewhere, unless the operator says otherwise in so many words. Throws a
 * ConfigError rather than start a gateway that nobody or everybody could use by accident.
 */
export function decideAuthMode(host: string, wanted: AuthMode | undefined, adminKey: string | undefined): AuthMode {
  const mode = wanted ?? (isLoopback(host) ? 'open' : 'keys');
  if (mode === 'keys' && adminKey === undefined) {
    throw new ConfigError(
      `Bad configuration:\n  ADMIN_API_KEY: is required to listen on ${host}. ` +
        'Set it, or set AUTH_MODE=open to let everybody who can reach this address use the gateway.',
    );
  }
  return mode;
}
