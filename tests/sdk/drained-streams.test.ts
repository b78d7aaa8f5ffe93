import { expect, test } from 'vitest';
import { anthropic, anthropicMajors, openAI, openAIMajors } from './clients.ts';
import { useGateway } from './use-gateway.ts';

const world = useGateway({ DRAIN_MS: '300' });

const messages = [{ role: 'user' as const, content: 'Go on and on' }];
const model = 'openai/sandbox/drip-100+tokens-600';

/** What a client is told when the stream ends that it reads; `onFirst` is called with its first event. */
async function endOf(reading: PromiseLike<AsyncIterable<unknown>>, onFirst: () => void): Promise<unknown> {
  try {
    for await (const _event of await reading) onFirst();
    return 'nothing: the stream ended as if all were well';
  } catch (error) {
    return error;
  }
}

test('a process that stops leaves no reader in the belief that it has heard everything', async () => {
  const openAIStreams = openAIMajors.flatMap((major) => [
    () => openAI(major, world.url).chat.completions.create({ model, messages, stream: true }),
    () => openAI(major, world.url).responses.create({ model, input: 'Go on and on', stream: true }),
  ]);
  const anthropicStreams = anthropicMajors.map(
    (major) => () => anthropic(major, world.url).messages.create({ model, messages, max_tokens: 600, stream: true }),
  );
  const streams: (() => PromiseLike<AsyncIterable<unknown>>)[] = [...openAIStreams, ...anthropicStreams];
  const begun: Promise<void>[] = [];
  const ends = streams.map((open) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    begun.push(promise);
    return endOf(open(), resolve);
  });
  await Promise.all(begun);
  const [api] = world.gateway().apis;
  await api?.stop('SIGTERM');
  for (const error of await Promise.all(ends)) {
    expect(error).toBeInstanceOf(Error);
    expect(String((error as Error).message)).toContain('shutting down');
  }
});
