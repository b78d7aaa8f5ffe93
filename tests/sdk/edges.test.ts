import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { anthropic, claude, gpt, openAI } from './clients.ts';
import { useGateway } from './use-gateway.ts';

const world = useGateway();

const user = (content: string) => ({ role: 'user' as const, content });
const client = () => openAI('openai 7', world.url);
const claudes = () => anthropic('anthropic 1', world.url);
const chat = (model: string, content: string) => ({ model, messages: [user(content)] });
const message = (model: string, content: string) => ({ model, max_tokens: 500, messages: [user(content)] });

/** Every way to ask for a text: what is said, and how it ended, whole and streamed. */
const ways = {
  chat: {
    whole: async (model: string, prompt: string) => {
      const [choice] = (await client().chat.completions.create(chat(model, prompt))).choices;
      return { text: choice?.message.content ?? '', end: choice?.finish_reason };
    },
    streamed: async (model: string, prompt: string) => {
      const [choice] = (await client().chat.completions.stream(chat(model, prompt)).finalChatCompletion()).choices;
      return { text: choice?.message.content ?? '', end: choice?.finish_reason };
    },
  },
  responses: {
    whole: async (model: string, input: string) => {
      const { output_text, status, incomplete_details } = await client().responses.create({ model, input });
      return { text: output_text, end: incomplete_details?.reason ?? status };
    },
    streamed: async (model: string, input: string) => {
      const built = await client().responses.stream({ model, input }).finalResponse();
      return { text: built.output_text, end: built.incomplete_details?.reason ?? built.status };
    },
  },
  messages: {
    whole: async (model: string, prompt: string) => textOf(await claudes().messages.create(message(model, prompt))),
    streamed: async (model: string, prompt: string) =>
      textOf(await claudes().messages.stream(message(model, prompt)).finalMessage()),
  },
};

const textOf = ({
  content,
  stop_reason,
}: {
  content: { type: string; text?: string }[];
  stop_reason: string | null;
}) => ({
  text: content.map(({ text }) => text ?? '').join(''),
  end: stop_reason,
});

const endings = {
  chat: { usual: 'stop', filtered: 'content_filter' },
  responses: { usual: 'completed', filtered: 'content_filter' },
  messages: { usual: 'end_turn', filtered: 'refusal' },
};
const cases = (Object.keys(ways) as (keyof typeof ways)[]).flatMap((way) =>
  (['openai', 'anthropic'] as const).map((provider) => ({ way, provider })),
);

describe.concurrent.for(cases)('$way, of $provider', ({ way, provider }) => {
  const { whole, streamed } = ways[way];
  const { usual, filtered } = endings[way];

  test('says what is not of the Latin alphabet, wherever its pieces were cut', async () => {
    const prompt = '👩‍👩‍👧‍👦 naïve – 漢字 ߷ \u{1F9D1}\u{1F3FD}‍🚀 “quoted” \\ " \u2028 \t end';
    const model = `${provider}/sandbox/drip-5`;
    const said = await whole(model, prompt);
    expect(said.text).toContain('👩‍👩‍👧‍👦 naïve – 漢字');
    expect(await streamed(model, prompt)).toEqual(said);
  });

  test('says nothing where there is nothing to say', async () => {
    const model = `${provider}/sandbox/empty`;
    expect(await whole(model, 'Hush')).toEqual({ text: '', end: usual });
    expect(await streamed(model, 'Hush')).toEqual({ text: '', end: usual });
  });

  test('tells that a filter stepped in, after what had been said', async () => {
    const model = `${provider}/sandbox/content-filter`;
    const said = await whole(model, 'Bad words');
    expect(said).toEqual({ text: expect.stringContaining('[sandbox]'), end: filtered });
    expect(await streamed(model, 'Bad words')).toEqual(said);
  });

  test('comes to an end although its provider leaves out the usage', async () => {
    const model = `${provider}/sandbox/no-usage`;
    const said = await whole(model, 'How much?');
    expect(said).toEqual({ text: expect.stringContaining('[sandbox]'), end: usual });
    // What Claude streams is passed on as it is, and Anthropic's SDK cannot do without.
    if (way !== 'messages' || provider !== 'anthropic') expect(await streamed(model, 'How much?')).toEqual(said);
  });
});

const parameters = {
  type: 'object',
  properties: { city: { type: 'string' }, note: { type: 'string', minLength: 300 } },
  required: ['city', 'note'],
};

describe.for(['openai', 'anthropic'])('arguments of tools that %s writes piece by piece', (provider) => {
  const model = `${provider}/sandbox/drip-5`;

  test('are whole in the end, in every dialect', async () => {
    const named = ['weather', 'time'];
    const functions = named.map((name) => ({ type: 'function' as const, function: { name, parameters } }));
    const built = await client()
      .chat.completions.stream({ ...chat(model, 'Both [[tools]]'), tools: functions })
      .finalChatCompletion();
    const calls = built.choices[0]?.message.tool_calls ?? [];
    expect(calls.map((call) => call.type === 'function' && call.function.name)).toEqual(named);
    const expected = { city: 'sandbox city', note: expect.stringMatching(/^.{300}$/) };
    for (const call of calls)
      expect(JSON.parse(call.type === 'function' ? call.function.arguments : '')).toEqual(expected);

    const flat = named.map((name) => ({ type: 'function' as const, name, parameters, strict: false }));
    const response = await client().responses.stream({ model, input: 'Both [[tools]]', tools: flat }).finalResponse();
    const items = response.output.flatMap((item) => (item.type === 'function_call' ? [item] : []));
    expect(items.map(({ name }) => name)).toEqual(named);
    for (const item of items) expect(JSON.parse(item.arguments)).toEqual(expected);

    const tools = named.map((name) => ({ name, input_schema: { ...parameters, type: 'object' as const } }));
    const { content } = await claudes()
      .messages.stream({ ...message(model, 'Both [[tools]]'), tools })
      .finalMessage();
    expect(content).toMatchObject(named.map((name) => ({ type: 'tool_use', name, input: expected })));
  });
});

test.for([
  { way: 'chat', provider: 'openai' },
  { way: 'chat', provider: 'anthropic' },
  { way: 'messages', provider: 'anthropic' },
  { way: 'messages', provider: 'openai' },
] as const)(
  'equal questions at once, of $way to $provider, are bought once and answered each for itself',
  async (row) => {
    const model = `${row.provider}/sandbox/drip-30+tokens-30`;
    const errand = world.errand();
    const { options } = errand;
    const prompt = `At once, by ${row.way}`;
    const cold = { ...chat(model, prompt), temperature: 0 };
    const cool = { ...message(model, prompt), temperature: 0 };
    const asks =
      row.way === 'chat'
        ? [
            async () => {
              const answer = await client().chat.completions.create(cold, options);
              return [answer.id, answer.choices[0]?.message.content];
            },
            async () => {
              const stream = client().chat.completions.stream(cold, options);
              const answer = await stream.finalChatCompletion();
              return [answer.id, answer.choices[0]?.message.content];
            },
          ]
        : [
            async () => {
              const answer = await claudes().messages.create(cool, options);
              return [answer.id, textOf(answer).text];
            },
            async () => {
              const stream = claudes().messages.stream(cool, options);
              const answer = await stream.finalMessage();
              return [answer.id, textOf(answer).text];
            },
          ];
    const answers = await Promise.all([...asks, ...asks].map((ask) => ask()));
    expect(new Set(answers.map(([id]) => id)).size).toBe(4);
    expect(new Set(answers.map(([, text]) => text)).size).toBe(1);
    expect(await world.callsFor(errand)).toHaveLength(1);
  },
);

test.for([gpt, claude])('a picture of megabytes reaches %s from either client', async (model) => {
  const data = randomBytes(2_000_000).toString('base64');
  const url = `data:image/png;base64,${data}`;
  const first = world.errand();
  const parts = [{ type: 'image_url' as const, image_url: { url } }];
  await client().chat.completions.create({ model, messages: [{ role: 'user', content: parts }] }, first.options);
  const second = world.errand();
  const source = { type: 'base64' as const, media_type: 'image/png' as const, data };
  const content = [{ type: 'image' as const, source }];
  await claudes().messages.create({ model, max_tokens: 20, messages: [{ role: 'user', content }] }, second.options);
  for (const errand of [first, second]) {
    const { body } = await world.callFor(errand);
    expect(JSON.stringify(body).includes(data)).toBe(true);
  }
});
