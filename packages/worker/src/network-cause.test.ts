import { expect, test } from 'vitest';
import { networkCause } from './network-cause.ts';

const refused = Object.assign(new Error('connect'), { code: 'ECONNREFUSED', address: '127.0.0.1', port: 1 });
const unknownHost = Object.assign(new Error('lookup'), { code: 'ENOTFOUND', hostname: 'api.example.com' });

test.for([
  ['a system error', refused, { cause_code: 'ECONNREFUSED', cause_host: '127.0.0.1' }],
  [
    'one deep within',
    new Error('a', { cause: new TypeError('b', { cause: unknownHost }) }),
    { cause_code: 'ENOTFOUND', cause_host: 'api.example.com' },
  ],
  ['an error without a code', new Error('odd'), {}],
  ['no error at all', 'odd', {}],
] as const)('%s', ([, error, told]) => {
  expect(networkCause(error)).toEqual(told);
});
