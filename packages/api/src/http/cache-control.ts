import { invalidHeader } from './invalid-field.ts';

/** What a client may say about the cache; absent members leave it to the server. */
export interface CacheOptions {
  mode?: 'on' | 'off' | undefined;
  ttlS?: number | undefined;
  namespace?: string | undefined;
  /** Answer only from the cache. */
  onlyIfCached?: boolean | undefined;
  noCache?: boolean | undefined;
  noStore?: boolean | undefined;
  /** Oldest stored answer to accept. */
  maxAgeS?: number | undefined;
  /** Shortest remaining life of a stored answer to accept. */
  minFreshS?: number | undefined;
}

function wholeSeconds(name: string, text: string | undefined): number {
  if (text === undefined || !/^\d{1,9}$/.test(text)) throw invalidHeader(name, 'must be a whole number of seconds');
  return Number(text);
}

/** Reads `Cache-Control` (RFC 9111, 5.2.1) and the headers for what it cannot say. Unknown directives are ignored. */
export function parseCacheHeaders(get: (name: string) => string | undefined): CacheOptions {
  const options: CacheOptions = {};
  for (const directive of (get('cache-control') ?? '').toLowerCase().split(',')) {
    const [name = '', value] = directive.split('=').map((part) => part.trim().replaceAll('"', ''));
    if (name === 'no-cache') options.noCache = true;
    if (name === 'no-store') options.noStore = true;
    if (name === 'only-if-cached') options.onlyIfCached = true;
    if (name === 'max-age') options.maxAgeS = wholeSeconds('Cache-Control: max-age', value);
    if (name === 'min-fresh') options.minFreshS = wholeSeconds('Cache-Control: min-fresh', value);
  }
  const ttl = get('x-gateway-cache-ttl');
  if (ttl !== undefined) options.ttlS = wholeSeconds('x-gateway-cache-ttl', ttl);
  const namespace = get('x-gateway-cache-namespace');
  if (namespace !== undefined) {
    if (!/^[\x21-\x7e]{1,128}$/.test(namespace))
      throw invalidHeader('x-gateway-cache-namespace', 'must be 1 to 128 visible ASCII characters');
    options.namespace = namespace;
  }
  const mode = get('x-gateway-cache');
  if (mode !== undefined) {
    if (mode !== 'on' && mode !== 'off') throw invalidHeader('x-gateway-cache', 'must be on or off');
    options.mode = mode;
  }
  return options;
}
