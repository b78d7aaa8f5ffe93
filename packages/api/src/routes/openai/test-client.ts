import OpenAI from 'openai';
import type { TestApi } from '../../test/start-test-api.ts';

/** The official client, whose requests go to the app without a port and are not tried again. */
export const createTestClient = ({ inject }: Pick<TestApi, 'inject'>) =>
  new OpenAI({
    apiKey: 'anything',
    baseURL: 'http://gateway.test/v1',
    maxRetries: 0,
    fetch: async (url, init) => {
      const { pathname, search } = new URL(String(url));
      const response = await inject({
        method: (init?.method ?? 'GET') as 'GET',
        url: pathname + search,
        headers: Object.fromEntries(new Headers(init?.headers as ConstructorParameters<typeof Headers>[0])),
        ...(init?.body ? { payload: String(init.body) } : {}),
      });
      const headers = Object.entries(response.headers).map(([name, value]): [string, string] => [name, String(value)]);
      return new Response(response.body, { status: response.statusCode, headers });
    },
  });
