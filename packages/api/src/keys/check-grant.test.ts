import type { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { describe, expect, test } from 'vitest';
import { checkGrant, type Grant } from './check-grant.ts';

const fieldOf = (own: Grant, wanted: Grant): string | undefined => {
  try {
    checkGrant(own, wanted);
    return undefined;
  } catch (error) {
    expect((error as GatewayError).failure.code).toBe('forbidden');
    return (error as GatewayError).failure.field;
  }
};

const all: Grant = { scopes: ['generate', 'read', 'admin'] };

describe('who hands out a key gives no more than it has', () => {
  test.for<[string, Grant, Grant, string | undefined]>([
    ['all of it', all, all, undefined],
    ['less', all, { scopes: ['read'], models: ['openai/gpt-4o'], expiresMs: 5 }, undefined],
    ['a scope more', { scopes: ['admin'] }, { scopes: ['admin', 'generate'] }, '/scopes'],
    ['another scope', { scopes: ['admin', 'read'] }, { scopes: ['generate'] }, '/scopes'],
    ['the same models', { ...all, models: ['a', 'b'] }, { ...all, models: ['b', 'a'] }, undefined],
    ['a model less', { ...all, models: ['a', 'b'] }, { ...all, models: ['b'] }, undefined],
    ['a model more', { ...all, models: ['a'] }, { ...all, models: ['a', 'b'] }, '/models'],
    ['all models', { ...all, models: ['a'] }, all, '/models'],
    ['the same end', { ...all, expiresMs: 10 }, { ...all, expiresMs: 10 }, undefined],
    ['a later end', { ...all, expiresMs: 10 }, { ...all, expiresMs: 11 }, '/expires_at'],
    ['no end', { ...all, expiresMs: 10 }, all, '/expires_at'],
  ])('%s', ([, own, wanted, field]) => {
    expect(fieldOf(own, wanted)).toBe(field);
  });
});
