import { expect } from 'vitest';
import { countTokens } from '../answer/tokens.ts';
import { collect, test } from '../test-with-sandbox.ts';

const model = 'gpt-3.5-turbo-instruct';
const hello = { model, prompt: 'Once upon a time', max_tokens: 100 };

test('text, usage and bill agree; without a limit it is 16 tokens', async ({ openai, sandbox }) => {
  const { choices, usage, object } = await openai.completions.create(hello);
  expect(object).toBe('text_completion');
  expect(choices).toMatchObject([{ index: 0, finish_reason: 'stop', logprobs: null }]);
  expect(usage!.prompt_tokens).toBe(countTokens(hello.prompt));
  expect(usage!.completion_tokens).toBe(countTokens(choices[0]!.text));
  const { prompt_tokens, completion_tokens } = usage!;
  expect(await sandbox.bill()).toMatchObject({ prompt_tokens, completion_tokens });
  const short = await openai.completions.create({ model, prompt: hello.prompt });
  expect(short).toMatchObject({ choices: [{ finish_reason: 'length' }], usage: { completion_tokens: 16 } });
});

test.for([
  ['texts', ['one', 'two']],
  ['tokens', [[1, 2], [3]]],
] as const)('%s: n choices for each prompt, streamed as whole', async ([, prompt], { openai, sandbox }) => {
  const body = { ...hello, prompt: structuredClone<unknown>(prompt) as string[], n: 2, echo: true, logprobs: 2 };
  const whole = await openai.completions.create(body);
  expect(whole.choices.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
  await sandbox.reset();
  const chunks = await collect(
    await openai.completions.create({ ...body, stream: true, stream_options: { include_usage: true } }),
  );
  for (const { index, text, logprobs } of whole.choices) {
    const own = chunks.flatMap(({ choices }) => choices.filter((choice) => choice.index === index));
    expect(own.map((choice) => choice.text).join('')).toBe(text);
    expect(own.flatMap((choice) => choice.logprobs?.token_logprobs ?? [])).toEqual(logprobs!.token_logprobs);
    expect(own.flatMap((choice) => choice.logprobs?.text_offset ?? [])).toEqual(logprobs!.text_offset);
  }
  expect(chunks.at(-1)!.usage).toEqual(whole.usage);
  const { prompt_tokens, completion_tokens } = whole.usage!;
  expect(await sandbox.bill()).toMatchObject({ calls: 1, prompt_tokens, completion_tokens });
});

test('echo says the prompt again', async ({ openai }) => {
  const { choices } = await openai.completions.create({ ...hello, echo: true });
  expect(choices[0]!.text).toMatch(/^Once upon a time\[sandbox\]/);
});

test('faults work here too', async ({ openai }) => {
  await expect(openai.completions.create({ ...hello, model: 'sandbox/rate-limited' })).rejects.toMatchObject({
    status: 429,
  });
  const stream = await openai.completions.create({ ...hello, model: 'sandbox/error-event', stream: true });
  await expect(collect(stream)).rejects.toMatchObject({ code: 'server_error' });
});
