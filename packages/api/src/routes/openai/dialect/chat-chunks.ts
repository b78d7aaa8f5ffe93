import type { Chunk, ChunkDelta, ChunkToolCall, Whole } from './chunk.ts';

interface Choice {
  index: number;
  message?: Record<string, unknown>;
  logprobs?: unknown;
  finish_reason?: string | null;
  [name: string]: unknown;
}

interface ToolCall {
  function?: { name: string; arguments: string };
  custom?: { name: string; input: string };
  [name: string]: unknown;
}

/**
 * A chat completion as the chunks that it could have come in, without its usage. Members that nobody here knows go with
 * the first chunk of their choice. One that is unfinished has no chunk that ends it.
 */
export function chatChunksOf({ choices, usage: _usage, ...head }: Whole): Chunk[] {
  const chunk = (choice: { index: number; delta: ChunkDelta; [name: string]: unknown }): Chunk => ({
    ...head,
    object: 'chat.completion.chunk',
    choices: [{ logprobs: null, finish_reason: null, ...choice }],
  });
  return ((choices ?? []) as Choice[]).flatMap(
    ({ index, message = {}, logprobs = null, finish_reason = null, ...rest }) => {
      const { role, content, refusal, tool_calls, function_call, ...unknown } = message;
      const opening = { role: String(role ?? 'assistant'), content: content == null ? null : '', refusal: null };
      const said: ChunkDelta[] = [
        ...(content ? [{ content: String(content) }] : []),
        ...(refusal ? [{ refusal: String(refusal) }] : []),
        ...((tool_calls ?? []) as ToolCall[]).flatMap(toolDeltas).map((call) => ({ tool_calls: [call] })),
        ...(function_call ? [{ function_call }] : []),
      ];
      return [
        chunk({ index, delta: { ...opening, ...unknown }, ...rest }),
        ...said.map((delta, place) => chunk({ index, delta, logprobs: place === 0 ? logprobs : null })),
        ...(finish_reason === null ? [] : [chunk({ index, delta: {}, finish_reason })]),
      ];
    },
  );
}

/** What a call is, and then what it is given: so an SDK expects it. */
function toolDeltas({ function: called, custom, ...rest }: ToolCall, index: number): ChunkToolCall[] {
  if (custom) {
    return [
      { index, ...rest, custom: { ...custom, input: '' } },
      { index, custom: { input: custom.input } },
    ];
  }
  return [
    { index, ...rest, function: { name: called?.name, arguments: '' } },
    { index, function: { arguments: called?.arguments ?? '' } },
  ];
}
