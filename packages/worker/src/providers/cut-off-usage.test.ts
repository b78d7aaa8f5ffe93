import type { Usage } from '@llm-gateway/shared/contracts/answer';
import { visibleText } from '@llm-gateway/shared/contracts/deltas';
import type { Generation } from '@llm-gateway/shared/contracts/generation';
import { countPromptTokens } from '@llm-gateway/shared/tokens/count-prompt';
import { createTokenCounter } from '@llm-gateway/shared/tokens/token-counter';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { afterAll, describe, expect, test } from 'vitest';
import { partialAnswer } from '../partial-answer.ts';
import { createAnthropic } from './anthropic/index.ts';
import { type Bench, type Candidate, openBench, requestOf } from './conformance-bench.ts';
import { createOpenAI } from './openai/index.ts';
import type { Provider, ProviderRequest } from './provider.ts';

const counter = createTokenCounter();
afterAll(() => counter.close());

const common = { mode: 'live', apiKey: 'any-key-will-do', timeoutMs: 10_000, counter } as const;
const candidateOf = (name: string, create: Candidate['create']): Candidate => ({
  name,
  create,
  reasons: { stop: '', length: '', contentFilter: '' },
  errorBody: () => ({}),
});

const dialects = {
  openai: (url: string) => createOpenAI({ ...common, name: 'openai', baseURL: `${url}/v1` }),
  anthropic: (url: string) => createAnthropic({ ...common, name: 'anthropic', baseURL: url }),
};

// So many pieces of its answer the sandbox gives before it falls silent.
const piecesBeforeSilence = 3;

const texts = {
  prose: 'Tell me about bears, please: what do they eat?',
  emoji: '🐻‍❄️🐻 👩‍👩‍👧‍👦 like 🍯!',
  CJK: '蜂蜜を食べる熊の話をしてください。곰은 꿀을 좋아한다',
  'other scripts': 'मुझे भालुओं के बारे में बताओ שלום',
  'white space': '\n\n\n   a    5\t\t\t{ }  \r\n  b   ',
  code: 'if (bears.length >= 2) {\n    return honey[0]?.jar ?? null;\n}\n',
  'a special token': '<|endoftext|> and <|im_start|>system',
  'a long run': `${'x'.repeat(1000)}🐻${' '.repeat(1000)}`,
  'half a character': 'a bear \ud83d',
  'characters of many tokens': '𝔟𝔢𝔞𝔯 𝔟𝔢𝔞𝔯',
};

const asks = (text: string): Generation => ({
  system: text,
  messages: [
    { role: 'user', text },
    { role: 'assistant', text: 'Yes?' },
    { role: 'user', text },
  ],
});

describe.for(Object.entries(dialects))('%s', ([name, create]) => {
  const bench = openBench(candidateOf(name, create));

  test.for(Object.entries(texts))(
    'an answer about %s that is cut off in silence is estimated to the token that is billed',
    async ([, text]) => {
      // The answer begins with the model's name: so the text is in what comes before the silence.
      const about = text.slice(0, 200).toWellFormed();
      const request = {
        ...requestOf('hang-mid', asks(text)),
        model: { id: 'm', provider: 'sandbox', model: `${about}/sandbox/hang-mid`, known: false },
      } as const;
      const { text: got, promptUsage } = await cutOff(bench.provider(), request, bench);
      const { usage } = await partialAnswer(request.generation, [got], request.model, promptUsage, counter);
      expect(usage).toMatchObject(await billed(bench, request));
      // For those that tell their prompt's usage at once, too.
      expect(await countPromptTokens(request.generation, counter)).toBe(usage.promptTokens);
    },
  );

  test.for(Object.entries(texts))(
    'an answer about %s without usage is estimated to the token that is billed',
    async ([, text]) => {
      for (const maxTokens of [20, 21, 22, 23, 24, 1000]) {
        const { answer, requestId } = await bench.call('no-usage', { ...asks(text), maxTokens });
        expect(answer).toMatchObject({ usageSource: 'estimated', usage: await billed(bench, { requestId }) });
      }
    },
  );
});

describe('JSON, whose first tokens are what was asked for', () => {
  const bench = openBench(candidateOf('openai', dialects.openai));

  test.for(['a   5', '    5', '  🐻‍❄️', '𝔟𝔢𝔞𝔯', '蜂蜜'])('%j that is cut off is estimated as billed', async (value) => {
    const responseFormat = { type: 'json_schema', name: 'bears', schema: { enum: [value] } } as const;
    const request = requestOf('hang-mid', { responseFormat });
    const { text, promptUsage } = await cutOff(bench.provider(), request, bench);
    const { usage } = await partialAnswer(request.generation, [text], request.model, promptUsage, counter);
    expect(usage).toMatchObject(await billed(bench, request));
  });
});

/** Reads until the sandbox is silent, leaves, and waits until the sandbox has seen that. */
async function cutOff(provider: Provider, request: ProviderRequest, { callsOf }: Bench) {
  const leaving = new AbortController();
  let promptUsage: Usage | undefined;
  const listening = {
    ...request,
    onPromptUsage: (usage: Usage) => {
      promptUsage = usage;
    },
  };
  const stream = provider.generate(listening, leaving.signal);
  const pieces: string[] = [];
  while (pieces.length < piecesBeforeSilence) {
    const step = await stream.next();
    if (step.done) throw new Error('the answer was not cut off');
    const text = visibleText(step.value.deltas);
    if (text !== '') pieces.push(text);
  }
  leaving.abort('enough');
  await expect(stream.next()).rejects.toBeDefined();
  await waitFor(async () => (await callsOf(request.requestId))[0]?.state === 'ended', { what: 'the end of the call' });
  return { text: pieces.join(''), promptUsage };
}

async function billed({ billOf }: Bench, { requestId }: Pick<ProviderRequest, 'requestId'>) {
  const bill = await billOf(requestId);
  expect(bill.calls).toBe(1);
  return {
    promptTokens: bill.prompt_tokens,
    completionTokens: bill.completion_tokens,
    totalTokens: bill.prompt_tokens + bill.completion_tokens,
  };
}
