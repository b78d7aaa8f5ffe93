import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { describe, expect, test } from 'vitest';
import { createAuthenticator, credentialOf } from './authenticate.ts';

const adminKey = 'an-admin-key-of-tests';
const withKey = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });

describe('the credential of a request', () => {
  test.for([
    [{}, undefined],
    [{ authorization: 'Bearer k1' }, 'k1'],
    [{ authorization: 'bearer   k1' }, 'k1'],
    [{ 'x-api-key': 'k2' }, 'k2'],
    [{ 'api-key': 'k3' }, 'k3'],
    [{ authorization: 'Bearer k1', 'x-api-key': 'k2', 'api-key': 'k3' }, 'k1'],
    [{ 'x-api-key': 'k2', 'api-key': 'k3' }, 'k2'],
    [{ authorization: 'Basic azE=', 'x-api-key': 'k2' }, 'k2'],
    [{ authorization: 'Basic azE=' }, undefined],
    [{ authorization: 'Bearer ' }, undefined],
    [{ authorization: 'Bearer two words' }, undefined],
    [{ authorization: 'k1' }, undefined],
  ] as [Record<string, string>, string | undefined][])('%o → %s', ([headers, credential]) => {
    expect(credentialOf({ headers })).toBe(credential);
  });
});

describe('while the gateway is open', () => {
  const { caller } = createAuthenticator({ mode: 'open', adminKey });

  test.for([[{ headers: {} }], [withKey('anything')]] as const)('%o is somebody, and must name a user', ([request]) => {
    expect(caller(request)).toEqual({ tenantId: 'default', role: 'open' });
  });

  test('the admin key is the operator', () => {
    expect(caller(withKey(adminKey))).toEqual({ tenantId: 'default', role: 'admin', userId: 'admin' });
  });
});

describe('where requests need a key', () => {
  const { caller } = createAuthenticator({ mode: 'keys', adminKey });

  test.for([
    [{ headers: {} }],
    [withKey('anything')],
    [withKey(`${adminKey}x`)],
    [withKey(adminKey.toUpperCase())],
  ] as const)('%o is refused, and told nothing of the key', ([request]) => {
    const refuse = () => caller(request);
    expect(refuse).toThrow(GatewayError);
    expect(refuse).toThrow(/^unauthenticated: /);
    expect(refuse).not.toThrow(adminKey);
  });

  test('the admin key is the operator', () => {
    expect(caller(withKey(adminKey))).toMatchObject({ role: 'admin' });
  });
});

test.for([undefined, '', 'undefined'])('without an admin key nothing is one: %o', (credential) => {
  expect(createAuthenticator({ mode: 'open', adminKey: undefined }).isAdminKey(credential)).toBe(false);
});
