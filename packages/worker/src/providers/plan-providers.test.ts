import { loadConfig } from '@llm-gateway/shared/config/load-config';
import { providerEnv } from '@llm-gateway/shared/config/providers';
import { parseRouting } from '@llm-gateway/shared/routing/parse-routing';
import { noRouting } from '@llm-gateway/shared/routing/routing';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { planProviders } from './plan-providers.ts';

const routingOf = (providers: object) => {
  const parsed = parseRouting(JSON.stringify({ providers }));
  if ('faults' in parsed) throw new Error(parsed.faults.join('\n'));
  return parsed.routing;
};

const plan = (environment: Record<string, string>, providers?: object) =>
  planProviders(
    loadConfig(z.object(providerEnv), environment),
    providers ? routingOf(providers) : noRouting,
    environment,
  );

const one = (baseURL: string, apiKey: string) => [{ name: 'default', baseURL, apiKey, weight: 1 }];

describe('without a file', () => {
  test('a provider is real with a key, the sandbox without one, and not there without either', () => {
    expect(plan({}).plans.size).toBe(0);
    expect(Object.fromEntries(plan({ ANTHROPIC_API_KEY: 'k' }).plans)).toEqual({
      anthropic: { dialect: 'anthropic', mode: 'live', deployments: one('https://api.anthropic.com', 'k') },
    });
    const { plans } = plan({ OPENAI_API_KEY: 'k', SANDBOX_URL: 'http://sandbox:9/' });
    expect(Object.fromEntries(plans)).toEqual({
      openai: { dialect: 'openai', mode: 'live', deployments: one('https://api.openai.com/v1', 'k') },
      anthropic: { dialect: 'anthropic', mode: 'sandbox', deployments: one('http://sandbox:9', 'no-key-needed') },
      sandbox: { dialect: 'openai', mode: 'sandbox', deployments: one('http://sandbox:9/v1', 'no-key-needed') },
    });
  });
});

describe('with a file', () => {
  test('its providers take the place of the configured ones, with what the environment has for them', () => {
    const { plans, faults } = plan(
      { OPENAI_API_KEY: 'old', KEY_A: ' a ', HOST_OF_GROQ: 'groq.example', OPENAI_BASE_URL: 'http://proxy/v1' },
      {
        openai: {
          deployments: [
            { name: 'a', api_key: `\${KEY_A}`, weight: 2 },
            { name: 'b', api_key: 'plain', base_url: 'http://b/v1' },
          ],
        },
        groq: { base_url: `https://\${HOST_OF_GROQ}/v1` },
      },
    );
    expect(faults).toEqual([]);
    expect(plans.get('openai')).toEqual({
      dialect: 'openai',
      mode: 'live',
      deployments: [
        { name: 'a', baseURL: 'http://proxy/v1', apiKey: 'a', weight: 2 },
        { name: 'b', baseURL: 'http://b/v1', apiKey: 'plain', weight: 1 },
      ],
    });
    expect(plans.get('groq')).toEqual({
      dialect: 'openai',
      mode: 'live',
      apis: ['chat', 'embeddings'],
      deployments: one('https://groq.example/v1', 'no-key-needed'),
    });
    expect(plans.has('anthropic')).toBe(false);
  });

  test('a provider of Anthropic’s is called as one', () => {
    const { plans } = plan({ K: 'k' }, { anthropic: { api_key: `\${K}` } });
    expect(plans.get('anthropic')).toMatchObject({
      dialect: 'anthropic',
      deployments: one('https://api.anthropic.com', 'k'),
    });
  });

  test.for([
    [{ groq: { base_url: 'http://x/v1', api_key: `\${NOBODY}` } }, 'providers.groq: api_key of default needs NOBODY'],
    [{ groq: { base_url: 'http://x/v1', api_key: `\${EMPTY}` } }, 'providers.groq: api_key of default needs EMPTY'],
    [{ groq: { base_url: `\${NOBODY}` } }, 'providers.groq: base_url of default needs NOBODY'],
    [{ groq: { base_url: `\${SECRET}` } }, 'providers.groq: base_url of default must be an http or https URL'],
  ] as const)('%j is a fault: %s', ([providers, fault]) => {
    const { faults } = plan({ EMPTY: ' ', SECRET: 'sk-secret' }, providers);
    expect(faults).toEqual([expect.stringContaining(fault)]);
    expect(faults.join()).not.toContain('sk-secret');
  });
});
