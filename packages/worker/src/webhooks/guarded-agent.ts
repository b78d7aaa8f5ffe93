import { type LookupAddress, lookup as lookupAll } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { isAllowedAddress } from '@llm-gateway/shared/webhooks/webhook-url';
import { Agent } from 'undici';

/** Gives all addresses of a host name, as `dns.lookup` with `all` does. */
export type Resolve = (
  hostname: string,
  done: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

// A receiver may ask for ten minutes by default, and with a host name for each job that would be as many open connections.
const keepAliveMaxTimeout = 2000;

const resolveBySystem: Resolve = (hostname, done) => lookupAll(hostname, { all: true }, done);

/** A host name leads to an address inside, be it by mistake or by malice. */
export class PrivateAddressError extends Error {
  override readonly name = 'PrivateAddressError';
}

/**
 * Where webhooks are sent from. A host name is resolved once per connection, and the connection is made to the very
 * addresses that were looked at: a name that resolves to something else the next moment gains nothing. An address that
 * is written in the URL is not looked up at all; `webhookUrlFault` judges it.
 */
export function createGuardedAgent(isInsecureAllowed: boolean, resolve: Resolve = resolveBySystem): Agent {
  const lookup: LookupFunction = (hostname, { all, family }, done) =>
    resolve(hostname, (error, addresses) => {
      if (error) return done(error, []);
      if (!addresses.every(({ address }) => isAllowedAddress(address, isInsecureAllowed))) {
        return done(new PrivateAddressError('the host leads to an address that is not public'), []);
      }
      if (all) return done(null, addresses);
      const fitting = addresses.find((one) => !family || one.family === family) ?? addresses[0];
      return done(null, fitting?.address ?? '', fitting?.family);
    });
  return new Agent({ connect: { lookup }, allowH2: false, pipelining: 1, keepAliveMaxTimeout });
}
