import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { expect, test } from 'vitest';
import { parseCacheHeaders } from './cache-control.ts';

const parse = (headers: Record<string, string>) => parseCacheHeaders((name) => headers[name]);

test.for([
  [{}, {}],
  [{ 'cache-control': 'no-cache' }, { noCache: true }],
  [{ 'cache-control': 'No-Store, max-age=60' }, { noStore: true, maxAgeS: 60 }],
  [{ 'cache-control': 'only-if-cached, min-fresh="5", stale-if-error=1' }, { onlyIfCached: true, minFreshS: 5 }],
  [
    { 'x-gateway-cache-ttl': '30', 'x-gateway-cache-namespace': 'blue', 'x-gateway-cache': 'off' },
    { ttlS: 30, namespace: 'blue', mode: 'off' },
  ],
] as const)('%o', ([headers, options]) => {
  expect(parse(headers)).toEqual(options);
});

test.for([
  [{ 'cache-control': 'max-age=soon' }, 'Cache-Control: max-age'],
  [{ 'x-gateway-cache-ttl': '-1' }, 'x-gateway-cache-ttl'],
  [{ 'x-gateway-cache': 'maybe' }, 'x-gateway-cache'],
  [{ 'x-gateway-cache-namespace': 'a b' }, 'x-gateway-cache-namespace'],
] as const)('%o is refused by name', ([headers, field]) => {
  expect(() => parse(headers)).toThrow(GatewayError);
  expect(() => parse(headers)).toThrow(field);
});
