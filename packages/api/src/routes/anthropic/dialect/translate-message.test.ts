import type { PricedAnswer } from '@llm-gateway/shared/contracts/answer';
import type { Delta } from '@llm-gateway/shared/contracts/content';
import { partsOfDeltas } from '@llm-gateway/shared/contracts/deltas';
import type { JobEvent, LogEntry } from '@llm-gateway/shared/contracts/event';
import type { Failure } from '@llm-gateway/shared/contracts/failure';
import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Frame } from '../../../delivery/event-frames.ts';
import { readEvents, readMessageStream } from '../../../test/read-message-stream.ts';
import type { Json, Typed } from './frame.ts';
import { toMessage } from './to-message.ts';
import { translateMessage } from './translate-message.ts';

const jobId = 'job_01JD0000000000000000000000';
const messageId = 'msg_01JD0000000000000000000000';

const answerOf = (changes: Partial<PricedAnswer>): PricedAnswer => ({
  text: '',
  finishReason: { unified: 'stop', raw: 'stop' },
  usage: { promptTokens: 11, completionTokens: 7, totalTokens: 18 },
  usageSource: 'provider',
  providerModel: 'gpt-4o-2024-11-20',
  providerRequestId: null,
  costNanoUsd: '1',
  priceVersion: 'test',
  ...changes,
});

interface Ended {
  answer?: PricedAnswer;
  failure?: Failure;
  asked?: Json;
}

const recordOf = ({ answer, failure, asked = {} }: Ended, sequence = 0) =>
  ({
    state: failure ? 'failed' : 'completed',
    request: 'req_1',
    target: 'openai/gpt-4o',
    generation: { messages: [{ role: 'user', text: 'Hello' }], native: { api: 'messages', body: asked } },
    sequence,
    createdMs: 0,
    ...(answer ? { answer } : {}),
    ...(failure ? { failure } : {}),
  }) as unknown as JobRecord;

const started = (attempt = 1): JobEvent => ({ type: 'started', attempt, provider: 'openai', model: 'openai/gpt-4o' });
const text = (said: string): JobEvent => ({ type: 'text-delta', text: said });
const delta = (said: Delta): JobEvent => ({ type: 'delta', delta: said });
const frames = (events: readonly Typed[], said?: Delta): JobEvent => ({
  type: 'delta',
  ...(said ? { delta: said } : {}),
  frames: events.map((event) => JSON.stringify(event)),
});

/** All frames of a job's log; entries of one write, a list here, have one time. */
function translate(writes: readonly (JobEvent | readonly JobEvent[])[], ended: Ended): Frame[] {
  const entries: LogEntry[] = writes
    .flatMap((write, index) => [write].flat().map((event) => ({ atMs: index, event })))
    .map((entry, index) => ({ ...entry, sequence: index + 1 }));
  const record = recordOf(ended, entries.length);
  const translator = translateMessage(jobId, record);
  const told = [translator.begin(record)];
  for (const entry of entries) {
    const frame = translator.entry(entry);
    told.push(frame);
    if (frame.isLast) return told;
  }
  return [...told, ...translator.end(record, entries.length)];
}

const streamText = (...given: Parameters<typeof translate>) =>
  translate(...given)
    .map((frame) => frame.text)
    .join('');

const namesOf = (stream: string) => [...stream.matchAll(/^event: (.*)$/gm)].map(([, name]) => name);

/** Deltas of a neutral answer, as a provider may send them. */
const callArguments = fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 3 }).map((input) => JSON.stringify(input));
const piece: fc.Arbitrary<{ say: Delta } | { call: string }> = fc.oneof(
  fc.record({ type: fc.constantFrom('text' as const, 'refusal' as const), text: fc.string() }).map((say) => ({ say })),
  fc
    .record(
      { type: fc.constant('reasoning' as const), text: fc.string(), signature: fc.string({ minLength: 1 }) },
      { requiredKeys: ['type', 'text'] },
    )
    .map((say) => ({ say: say as Delta })),
  callArguments.map((call) => ({ call })),
);

/** Calls are cut into as many deltas as there are cuts, and what follows a call may come before its last ones. */
const deltas: fc.Arbitrary<Delta[]> = fc
  .tuple(fc.array(piece, { maxLength: 8 }), fc.nat({ max: 5 }), fc.boolean())
  .map(([pieces, cut, isInterleaved]) => {
    const late: Delta[] = [];
    let index = -1;
    const told = pieces.flatMap((each): Delta[] => {
      if ('say' in each) return [each.say];
      index += 1;
      const first = {
        type: 'tool-call' as const,
        index,
        id: `call_${index}`,
        name: 'look',
        arguments: each.call.slice(0, cut),
      };
      const rest = { type: 'tool-call' as const, index, arguments: each.call.slice(cut) };
      if (!isInterleaved) return [first, rest];
      late.push(rest);
      return [first];
    });
    return [...told, ...late];
  });

const neutralAnswer = (said: readonly Delta[]) =>
  answerOf({
    parts: partsOfDeltas(said),
    usage: { promptTokens: 20, completionTokens: 9, totalTokens: 29, cachedPromptTokens: 5, reasoningTokens: 3 },
  });

describe('an answer of another provider', () => {
  test.for([[{}], [{ thinking: { type: 'adaptive' } }]])(
    'streamed in whatever pieces, asked as %j, the SDK makes the whole message of it',
    async ([asked]) => {
      await fc.assert(
        fc.asyncProperty(deltas, fc.boolean(), async (said, inOneWrite) => {
          const ended = { answer: neutralAnswer(said), asked: asked ?? {} };
          const events = said.map(delta);
          const stream = streamText([started(), ...(inOneWrite ? [events] : events)], ended);
          expect(await readMessageStream(stream)).toEqual(toMessage(jobId, recordOf(ended)));
        }),
      );
    },
  );

  test('a snapshot anywhere, for a reader of what was before it or not, tells nothing twice', async () => {
    await fc.assert(
      fc.asyncProperty(deltas, fc.nat({ max: 12 }), fc.boolean(), async (said, at, hasRead) => {
        const ended = { answer: neutralAnswer(said), asked: { thinking: { type: 'adaptive' } } };
        const before = said.slice(0, at);
        const snapshot: JobEvent = { type: 'snapshot', text: '', deltas: before };
        const writes = [...(hasRead ? before.slice(0, -1).map(delta) : []), snapshot, ...said.slice(at).map(delta)];
        expect(await readMessageStream(streamText(writes, ended))).toEqual(toMessage(jobId, recordOf(ended)));
      }),
    );
  });

  test('its events come in the order that validators want, each with its name', async () => {
    const call: Delta = { type: 'tool-call', index: 0, id: 'call_1', name: 'look', arguments: '{"at":' };
    const more: Delta = { type: 'tool-call', index: 0, arguments: '"bears"}' };
    const answer = answerOf({
      parts: [
        { type: 'text', text: 'Let me look.' },
        { type: 'tool-call', id: 'call_1', name: 'look', arguments: '{"at":"bears"}' },
      ],
      finishReason: { unified: 'tool_calls', raw: 'tool_calls' },
    });
    const stream = streamText([started(), text('Let me '), text('look.'), delta(call), delta(more)], { answer });
    expect(namesOf(stream)).toEqual([
      'message_start',
      'ping',
      'content_block_start',
      'content_block_delta',
      'content_block_delta',
      'content_block_stop',
      'content_block_start',
      'content_block_delta',
      'content_block_delta',
      'content_block_stop',
      'message_delta',
      'message_stop',
    ]);
    const events = await readEvents(stream);
    expect(events[0]).toMatchObject({
      message: { id: messageId, type: 'message', role: 'assistant', model: 'gpt-4o', content: [], stop_reason: null },
    });
    expect(events).toContainEqual({
      type: 'content_block_start',
      index: 1,
      content_block: { type: 'tool_use', id: 'call_1', name: 'look', input: {} },
    });
    expect(events.at(-2)).toMatchObject({
      delta: { stop_reason: 'tool_use', stop_sequence: null },
      usage: { input_tokens: 11, output_tokens: 7 },
    });
  });

  test('without a word is a message without content', async () => {
    const answer = answerOf({});
    const stream = streamText([started()], { answer });
    expect(namesOf(stream)).toEqual(['message_start', 'ping', 'message_delta', 'message_stop']);
    expect(await readMessageStream(stream)).toMatchObject({ content: [], stop_reason: 'end_turn' });
  });
});

/** A message of Claude's, and its events, cut into pieces. */
const unknownMembers = fc.constantFrom({}, { x_block: { of: 'tomorrow', list: [1, null] } });
const block: fc.Arbitrary<Typed> = fc
  .tuple(
    fc.oneof(
      fc.record({
        type: fc.constant('text'),
        text: fc.string(),
        citations: fc.constantFrom(null, [], [{ type: 'char_location', cited_text: 'Bears.' }]),
      }),
      fc.record({ type: fc.constant('thinking'), thinking: fc.string(), signature: fc.string() }),
      fc.record({
        type: fc.constantFrom('tool_use', 'server_tool_use'),
        id: fc.constant('toolu_1'),
        name: fc.constant('look'),
        input: fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), fc.jsonValue(), { maxKeys: 3 }),
      }),
      fc.constant({ type: 'redacted_thinking', data: 'abc' }),
      fc.constant({
        type: 'web_search_tool_result',
        tool_use_id: 'toolu_1',
        content: [{ type: 'web_search_result', url: 'https://x' }],
      }),
    ),
    unknownMembers,
  )
  .map(([known, unknown]) => ({ ...known, ...unknown }) as Typed);

const nativeMessage: fc.Arbitrary<Json> = fc.array(block, { maxLength: 5 }).map((content) => ({
  id: 'msg_of_the_provider',
  type: 'message',
  role: 'assistant',
  model: 'claude-sonnet-4-5-20250929',
  content,
  stop_reason: 'stop_sequence',
  stop_sequence: 'END',
  stop_details: null,
  container: null,
  x_sandbox: { of: 'tomorrow' },
  usage: { input_tokens: 10, output_tokens: 5, cache_read_input_tokens: 3, service_tier: 'standard' },
}));

/** As a provider would stream it, two characters at a time; a JSON number that JSON cannot say twice alike is none here. */
function eventsOf(message: Json): Typed[] {
  const content = message.content as Typed[];
  const pieces = (whole: string) => whole.match(/.{1,2}/gsu) ?? [];
  const deltasOf = (each: Typed): Typed[] => {
    if (each.type === 'thinking') {
      return [
        ...pieces(String(each.thinking)).map((thinking) => ({ type: 'thinking_delta', thinking })),
        { type: 'signature_delta', signature: each.signature },
      ];
    }
    if (each.type === 'text') {
      const citations = (each.citations ?? []) as Json[];
      return [
        ...citations.map((citation) => ({ type: 'citations_delta', citation })),
        ...pieces(String(each.text)).map((said) => ({ type: 'text_delta', text: said })),
      ];
    }
    return 'input' in each
      ? pieces(JSON.stringify(each.input)).map((partial_json) => ({ type: 'input_json_delta', partial_json }))
      : [];
  };
  const emptied = (each: Typed): Typed => ({
    ...each,
    ...('text' in each ? { text: '', citations: each.citations && [] } : {}),
    ...('thinking' in each ? { thinking: '', signature: '' } : {}),
    ...('input' in each ? { input: {} } : {}),
  });
  const { stop_reason, stop_sequence, usage } = message;
  return [
    { type: 'message_start', message: { ...message, content: [], stop_reason: null, stop_sequence: null } },
    { type: 'ping' },
    ...content.flatMap((each, index) => [
      { type: 'content_block_start', index, content_block: emptied(each) },
      ...deltasOf(each).map((added) => ({ type: 'content_block_delta', index, delta: added })),
      { type: 'content_block_stop', index },
    ]),
    { type: 'message_delta', delta: { stop_reason, stop_sequence, stop_details: null }, usage },
    { type: 'message_stop' },
  ];
}

/** The message so far, as a worker gathers it of its provider's events. */
function gather(events: readonly Typed[]): Json {
  let message: Json = {};
  const blocks: (Typed & { json?: string })[] = [];
  for (const event of events) {
    if (event.type === 'message_start') message = { ...(event.message as Json) };
    if (event.type === 'content_block_start') blocks.push({ ...(event.content_block as Typed) });
    if (event.type === 'message_delta') message = { ...message, ...(event.delta as Json) };
    if (event.type !== 'content_block_delta') continue;
    const each = blocks[Number(event.index)] as Typed & { json?: string };
    const { type, citation, partial_json, ...texts } = event.delta as Typed;
    if (type === 'citations_delta') each.citations = [...((each.citations ?? []) as Json[]), citation];
    if (type === 'input_json_delta') each.json = `${each.json ?? ''}${partial_json}`;
    for (const [name, said] of Object.entries(texts)) each[name] = `${each[name]}${said}`;
  }
  return {
    ...message,
    content: blocks.map(({ json, ...each }) => (json === undefined ? each : { ...each, input: inputOf(json) })),
  };
}

function inputOf(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return { INVALID_JSON: json };
  }
}

const nativeAnswer = (body: Json) => answerOf({ native: { api: 'messages', body } });
const own = (body: Json): Json => JSON.parse(JSON.stringify({ ...body, id: messageId })) as Json;

describe("an answer in Claude's own terms", () => {
  test('goes on as it came but for the id, and the end comes with the end of the job', async () => {
    await fc.assert(
      fc.asyncProperty(nativeMessage, fc.integer({ min: 1, max: 4 }), async (body, size) => {
        const events = eventsOf(body);
        const writes = Array.from({ length: Math.ceil(events.length / size) }, (_, index) =>
          frames(events.slice(index * size, (index + 1) * size)),
        );
        const stream = streamText([started(), ...writes], { answer: nativeAnswer(body) });
        const [start, ...others] = events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
        expect(stream).toBe([start?.replace('msg_of_the_provider', messageId), ...others].join(''));
      }),
    );
  });

  test.for([
    ['kept in the cache', (body: Json): JobEvent[] => [{ type: 'delta', native: { api: 'messages', body } }]],
    ['that left no trace in the log', (): JobEvent[] => []],
  ] as const)('%s, is streamed as the whole that it is', async ([, logged]) => {
    await fc.assert(
      fc.asyncProperty(nativeMessage, async (body) => {
        const stream = streamText(logged(body), { answer: nativeAnswer(body) });
        expect(await readMessageStream(stream)).toEqual(own(body));
        expect(toMessage(jobId, recordOf({ answer: nativeAnswer(body) }))).toEqual({ ...body, id: messageId });
      }),
    );
  });

  test('a snapshot anywhere, for a reader of what was before it or not, tells nothing twice', async () => {
    await fc.assert(
      fc.asyncProperty(nativeMessage, fc.nat({ max: 40 }), fc.nat({ max: 40 }), async (body, at, behind) => {
        const events = eventsOf(body);
        const read = events.slice(0, Math.max(0, at - behind)).map((event) => frames([event]));
        const native = { api: 'messages' as const, body: gather(events.slice(0, at)) };
        const snapshot: JobEvent = { type: 'snapshot', text: '', native };
        const rest = events.slice(at).map((event) => frames([event]));
        const writes = at === 0 ? rest : [...read, snapshot, ...rest];
        expect(await readMessageStream(streamText(writes, { answer: nativeAnswer(body) }))).toEqual(own(body));
      }),
    );
  });

  test('its deltas go unheard where its own events come with the last of them', async () => {
    const body = { ...fc.sample(nativeMessage, 1)[0], content: [{ type: 'text', text: 'Hi.', citations: null }] };
    const before: JobEvent = { type: 'delta', delta: { type: 'reasoning', text: 'Hm.' }, frames: [] };
    const write = [before, frames(eventsOf(body), { type: 'text', text: 'Hi.' })];
    const stream = streamText([started(), write], { answer: nativeAnswer(body) });
    expect(await readMessageStream(stream)).toEqual(own(body));
    const cached: JobEvent[] = [
      before,
      { type: 'delta', delta: { type: 'text', text: 'Hi.' }, native: { api: 'messages', body } },
    ];
    expect(await readMessageStream(streamText([cached], { answer: nativeAnswer(body) }))).toEqual(own(body));
  });

  test('nothing is told before it says something, so that a failure can still be an HTTP error', () => {
    const body = { ...fc.sample(nativeMessage, 1)[0], content: [{ type: 'text', text: 'Hi.', citations: null }] };
    const [start, ping, open, first] = eventsOf(body) as [Typed, Typed, Typed, Typed];
    const told = translate([started(), frames([start, ping]), frames([open]), frames([first])], {
      answer: nativeAnswer(body),
    });
    expect(told.slice(1, 4).map(({ kind, text: said }) => [kind, said])).toEqual([
      ['life', ''],
      ['life', ''],
      ['life', ''],
    ]);
    expect(told[4]?.kind).toBe('text');
    expect(namesOf(told[4]?.text ?? '')).toEqual([
      'message_start',
      'ping',
      'content_block_start',
      'content_block_delta',
    ]);
  });
});

const retrying: JobEvent = { type: 'retrying', attempt: 2, afterMs: 1, reason: 'provider_busy', reset: false };

describe('what goes wrong', () => {
  const failure: Failure = { code: 'provider_busy', detail: 'The provider failed.' };

  test('a failure in the midst is an error event in the terms of the dialect, and the end', async () => {
    const stream = streamText([started(), text('Hi')], { failure });
    expect(namesOf(stream).at(-1)).toBe('error');
    expect(JSON.parse(stream.split('\ndata: ').at(-1) ?? '')).toEqual({
      type: 'error',
      error: { type: 'api_error', message: 'The provider failed.' },
      request_id: 'req_1',
    });
    await expect(readMessageStream(stream)).rejects.toThrow('The provider failed.');
  });

  test.for([
    ['another attempt', [retrying, started(2)]],
    ['another run', [started(2)]],
    ['a snapshot of something else', [{ type: 'snapshot', text: 'Bye' }]],
    ['a snapshot of less', [{ type: 'snapshot', text: '' }]],
  ] as [string, JobEvent[]][])('%s after a word was told ends the stream', async ([, events]) => {
    const told = translate([started(), text('Hi'), ...events], { answer: answerOf({ text: 'Bye' }) });
    expect(told.at(-1)).toMatchObject({ isLast: true, text: expect.stringContaining('event: error') });
    await expect(readMessageStream(told.map((frame) => frame.text).join(''))).rejects.toThrow('broke off');
  });

  test('another attempt before a word is not told of, whatever the first one sent', async () => {
    const body = { ...fc.sample(nativeMessage, 1)[0], content: [{ type: 'text', text: 'Hi.', citations: null }] };
    const events = eventsOf(body);
    const writes = [started(), frames(events.slice(0, 3)), retrying, started(2), frames(events)];
    expect(await readMessageStream(streamText(writes, { answer: nativeAnswer(body) }))).toEqual(own(body));
  });

  test('another model before a word is the one that the message is of', async () => {
    const elsewhere: JobEvent = { type: 'started', attempt: 1, provider: 'groq', model: 'groq/llama' };
    const answer = answerOf({ text: 'Hi', target: 'groq/llama' });
    const read = await readMessageStream(streamText([started(), elsewhere, text('Hi')], { answer }));
    expect(read).toMatchObject({ model: 'llama' });
    expect(toMessage(jobId, recordOf({ answer }, 2))).toMatchObject({ model: 'llama' });
  });

  test('an answer that is not what was told is an error, and no end', () => {
    const stream = streamText([started(), text('Hi')], { answer: answerOf({ text: 'Bye' }) });
    expect(namesOf(stream).at(-1)).toBe('error');
    expect(namesOf(stream)).not.toContain('message_stop');
  });

  test("a provider's own error event is not told beside ours", () => {
    const error: Typed = { type: 'error', error: { type: 'overloaded_error', message: 'secret' } };
    const stream = streamText([started(), frames([error])], { failure });
    expect(stream).not.toContain('secret');
    expect(namesOf(stream)).toEqual(['error']);
  });
});

test('who has heard the end is not told again', () => {
  const record = recordOf({ answer: answerOf({ text: 'Hi' }) }, 3);
  expect(translateMessage(jobId, record).end(record, 5)).toEqual([]);
  expect(translateMessage(jobId, record).end(record, 4)).toHaveLength(1);
});
