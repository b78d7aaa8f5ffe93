import type { Budget } from '@llm-gateway/shared/contracts/policy';
import { describe, expect, test } from 'vitest';
import { type PolicySources, type PolicySubject, policyOf } from './policies.ts';

const defaults = { requestsPerMinute: 10, requestsPerHour: 100 };
const asked: PolicySubject = { tenantId: 'acme', keyId: 'key_1', userId: 'ann', modelId: 'openai/gpt-4o' };
const budget = (limit_usd: string): Budget => ({ period: 'month', limit_usd, alert_percents: [] });
const nothing = { limits: {}, modelLimits: {}, budgets: [] };
const noTenant = { ...nothing, userLimits: {}, userBudgets: [] };

const policy = (sources: Partial<PolicySources>, subject: Partial<PolicySubject> = {}) =>
  policyOf({ ...asked, ...subject }, { user: { limits: {} }, defaults, ...sources });

const limitsIn = (sources: Partial<PolicySources>, subject: Partial<PolicySubject> = {}) =>
  policy(sources, subject).rules.map(({ name, subject: whose, limit }) => [name, whose, limit]);

const budgetsIn = (sources: Partial<PolicySources>) =>
  policy(sources).budgets.map(({ scope, subject, budget: { limit_usd } }) => [scope, subject, limit_usd]);

describe('the limits of a user', () => {
  test('are the configured ones where nothing is set', () => {
    expect(limitsIn({})).toEqual([
      ['minute', 'user:acme:ann', 10],
      ['hour', 'user:acme:ann', 100],
    ]);
  });

  test('tokens and concurrency are limited where that is configured', () => {
    expect(limitsIn({ defaults: { ...defaults, tokensPerMinute: 5000, concurrency: 3 } })).toContainEqual([
      'tokens',
      'user:acme:ann',
      5000,
    ]);
  });

  test("are overridden one by one by the tenant's, and these by the user's own", () => {
    const tenant = { ...noTenant, userLimits: { requests_per_minute: 20, tokens_per_minute: 7000 } };
    const user = { limits: { requests_per_minute: 0, concurrency: 2 } };
    expect(limitsIn({ tenant, user })).toEqual([
      ['minute', 'user:acme:ann', 0],
      ['hour', 'user:acme:ann', 100],
      ['tokens', 'user:acme:ann', 7000],
      ['concurrency', 'user:acme:ann', 2],
    ]);
  });

  test("no user's name can spell another subject", () => {
    const [first] = policy({}, { userId: 'a:model:b/ü' }).rules;
    expect(first?.subject).toBe('user:acme:a%3Amodel%3Ab%2F%C3%BC');
  });
});

describe('the limits of keys and tenants', () => {
  const limits = { requests_per_minute: 5 };
  const modelLimits = { 'openai/gpt-4o': { tokens_per_minute: 9 }, 'openai/gpt-4o-mini': { tokens_per_minute: 8 } };
  const sources = { key: { ...nothing, limits, modelLimits }, tenant: { ...noTenant, limits, modelLimits } };

  test('hold beside those of the user, and of models only for the one that is asked for', () => {
    expect(limitsIn(sources).slice(2)).toEqual([
      ['key-minute', 'key:key_1', 5],
      ['key-tokens-model', 'key:key_1:model:openai%2Fgpt-4o', 9],
      ['tenant-minute', 'tenant:acme', 5],
      ['tenant-tokens-model', 'tenant:acme:model:openai%2Fgpt-4o', 9],
    ]);
  });

  test('of models are left out where none is asked for', () => {
    expect(limitsIn(sources, { modelId: undefined }).map(([name]) => name)).toEqual([
      'minute',
      'hour',
      'key-minute',
      'tenant-minute',
    ]);
  });

  test('of the tenant hold for requests without a key too', () => {
    expect(limitsIn({ tenant: sources.tenant }, { keyId: undefined }).slice(2)).toHaveLength(2);
  });

  test("a model whose name is a member of every object has no limits of anybody's", () => {
    expect(limitsIn(sources, { modelId: 'constructor' })).toHaveLength(4);
  });
});

describe('budgets', () => {
  test('of user, key and tenant all hold', () => {
    const key = { ...nothing, budgets: [budget('2')] };
    const tenant = { ...noTenant, budgets: [budget('3')] };
    expect(budgetsIn({ user: { limits: {}, budgets: [budget('1')] }, key, tenant })).toEqual([
      ['user', 'user:acme:ann', '1'],
      ['key', 'key:key_1', '2'],
      ['tenant', 'tenant:acme', '3'],
    ]);
  });

  test("a user without its own has those of the tenant's users, counted for itself", () => {
    const tenant = { ...noTenant, userBudgets: [budget('4')] };
    expect(budgetsIn({ tenant })).toEqual([['user', 'user:acme:ann', '4']]);
    expect(budgetsIn({ tenant, user: { limits: {}, budgets: [] } })).toEqual([]);
  });
});
