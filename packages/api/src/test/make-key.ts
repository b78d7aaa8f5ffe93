import { adminKey, type TestApi } from './start-test-api.ts';

export const asOperator = { authorization: `Bearer ${adminKey}` };

export interface MadeKey {
  id: string;
  secret: string;
  /** Of a request that sends it. */
  headers: { authorization: string };
}

/** An API key that the operator makes. For tests. */
export async function makeKey(api: TestApi, wishes: object = {}): Promise<MadeKey> {
  const response = await api.inject({ method: 'POST', url: '/v1/admin/keys', headers: asOperator, payload: wishes });
  if (response.statusCode !== 201) throw new Error(`no key was made: ${response.body}`);
  const { id, key: secret } = response.json();
  return { id, secret, headers: { authorization: `Bearer ${secret}` } };
}

/** A tenant that the operator makes. For tests. */
export async function makeTenant(api: TestApi, wishes: object): Promise<string> {
  const response = await api.inject({
    method: 'POST',
    url: '/v1/admin/tenants',
    headers: asOperator,
    payload: wishes,
  });
  if (response.statusCode !== 201) throw new Error(`no tenant was made: ${response.body}`);
  return response.json().id;
}
