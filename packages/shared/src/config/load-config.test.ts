import { expect, test } from 'vitest';
import { z } from 'zod';
import { httpEnv } from './http.ts';
import { ConfigError, loadConfig } from './load-config.ts';
import { logEnv } from './log.ts';
import { redisEnv } from './redis.ts';

const schema = z.object({ ...httpEnv, ...logEnv, ...redisEnv });

test('defaults hold where nothing is set, and an empty variable is not set', () => {
  expect(loadConfig(schema, { PORT: '', OTHER: 'x' })).toMatchObject({
    PORT: 8000,
    LOG_LEVEL: 'info',
    KEY_PREFIX: 'gw',
  });
});

test.for(['INFO', 'info', 'Info', ' info '])('LOG_LEVEL may be written %s', (LOG_LEVEL) => {
  expect(loadConfig(schema, { LOG_LEVEL }).LOG_LEVEL).toBe('info');
});

test('a configuration cannot be changed', () => {
  expect(Object.isFrozen(loadConfig(schema, {}))).toBe(true);
});

test('every bad variable is named with its rule, and no value is repeated', () => {
  const load = () =>
    loadConfig(schema, {
      PORT: 'http',
      SYNC_WAIT_MS: '300000',
      LOG_LEVEL: 'loud',
      KEY_PREFIX: 'A B',
      REDIS_URL: 'secret@host',
    });
  expect(load).toThrow(ConfigError);
  for (const line of [
    'PORT: must be a number',
    'SYNC_WAIT_MS: must be at most 290000',
    'LOG_LEVEL: must be fatal or error',
    'KEY_PREFIX: must be 1 to 32 of a-z, 0-9 and -',
    'REDIS_URL: ',
  ]) {
    expect(load).toThrow(line);
  }
  expect(load).not.toThrow('secret');
});
