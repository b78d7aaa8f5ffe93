import type { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { describe, expect, test } from 'vitest';
import type { ApiKey } from '../keys/api-key.ts';
import { emptyTenant, type Tenant } from '../tenants/tenant.ts';
import { type AuthMode, createAuthenticator, credentialOf } from './authenticate.ts';

const adminKey = 'an-admin-key-of-tests';
const withKey = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });

const key = (changes: Partial<ApiKey> = {}): ApiKey => ({
  id: 'key_1',
  tenant: 'acme',
  name: '',
  hint: 'good',
  scopes: ['read'],
  limits: {},
  modelLimits: {},
  budgets: [],
  metadata: {},
  createdMs: 1,
  digest: 'd',
  ...changes,
});

const secrets: Record<string, ApiKey> = {
  'sk-gw-good': key(),
  'sk-gw-bound': key({ user: 'ann', models: ['openai/gpt-4o'] }),
  'sk-gw-revoked': key({ revokedMs: 1 }),
  'sk-gw-expired': key({ expiresMs: Date.now() - 1 }),
  'sk-gw-later': key({ expiresMs: Date.now() + 60_000 }),
  'sk-gw-disabled': key({ tenant: 'disabled' }),
  'sk-gw-removed': key({ tenant: 'removed' }),
};
const tenants: Record<string, Tenant> = {
  acme: emptyTenant('acme', 1),
  disabled: { ...emptyTenant('disabled', 1), disabled: true },
};

/** Keys and tenants as above; any other credential must not even be looked for. */
const authenticatorIn = (mode: AuthMode, given: string | undefined = adminKey) => {
  const lookedFor: string[] = [];
  const authenticator = createAuthenticator({
    mode,
    adminKey: given,
    apiKeys: {
      async ofSecret(secret) {
        lookedFor.push(secret);
        return secrets[secret];
      },
    },
    tenants: { known: async (id) => tenants[id] },
  });
  return { ...authenticator, lookedFor };
};

const refusalOf = async (caller: Promise<unknown>) =>
  caller.then(
    () => undefined,
    (error: GatewayError) => error.failure,
  );

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
  test.for([[{ headers: {} }], [withKey('anything')], [withKey('sk-proj-of-another-service')]] as const)(
    '%o is somebody, must name a user, and is nobody to look for',
    async ([request]) => {
      const { caller, lookedFor } = authenticatorIn('open');
      expect(await caller(request)).toEqual({ tenantId: 'default', role: 'open', scopes: ['generate', 'read'] });
      expect(lookedFor).toEqual([]);
    },
  );
});

describe('where requests need a key', () => {
  test.for([
    [{ headers: {} }],
    [withKey('anything')],
    [withKey(`${adminKey}x`)],
    [withKey(adminKey.toUpperCase())],
  ] as const)('%o is refused, and told nothing of the key', async ([request]) => {
    const refusal = await refusalOf(authenticatorIn('keys').caller(request));
    expect(refusal?.code).toBe('unauthenticated');
    expect(refusal?.detail).not.toContain(adminKey);
    expect(refusal?.detail).not.toContain('anything');
  });
});

describe.for(['open', 'keys'] as const)('in %s mode', (mode) => {
  test('the admin key is the operator', async () => {
    expect(await authenticatorIn(mode).caller(withKey(adminKey))).toEqual({
      tenantId: 'default',
      role: 'operator',
      scopes: ['generate', 'read', 'admin'],
      userId: 'admin',
    });
  });

  test('a key is its tenant, with its scopes, and counts for itself', async () => {
    for (const secret of ['sk-gw-good', 'sk-gw-later']) {
      expect(await authenticatorIn(mode).caller(withKey(secret))).toEqual({
        tenantId: 'acme',
        role: 'key',
        scopes: ['read'],
        keyId: 'key_1',
        userId: 'key_1',
      });
    }
  });

  test('a key that is bound to a user and to models says so', async () => {
    expect(await authenticatorIn(mode).caller({ headers: { 'x-api-key': 'sk-gw-bound' } })).toMatchObject({
      userId: 'ann',
      boundUserId: 'ann',
      models: ['openai/gpt-4o'],
    });
  });

  test('unknown, revoked, expired: whoever is refused does not learn which', async () => {
    const secretsOfNobody = ['sk-gw-unknown', 'sk-gw-', 'sk-gw-revoked', 'sk-gw-expired', 'sk-gw-removed'];
    const refusals = await Promise.all(
      secretsOfNobody.map((secret) => refusalOf(authenticatorIn(mode).caller(withKey(secret)))),
    );
    for (const refusal of refusals) {
      expect(refusal).toEqual({ code: 'unauthenticated', detail: 'The API key is not known.' });
    }
  });

  test('the keys of a disabled tenant are forbidden', async () => {
    const refusal = await refusalOf(authenticatorIn(mode).caller(withKey('sk-gw-disabled')));
    expect(refusal?.code).toBe('forbidden');
  });
});

test.for([undefined, '', 'undefined'])('without an admin key nothing is one: %o', (credential) => {
  expect(
    createAuthenticator({
      mode: 'open',
      adminKey: undefined,
      apiKeys: { ofSecret: async () => undefined },
      tenants: { known: async () => undefined },
    }).isAdminKey(credential),
  ).toBe(false);
});
