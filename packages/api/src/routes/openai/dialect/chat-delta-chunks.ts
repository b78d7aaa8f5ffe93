import type { Delta } from '@llm-gateway/shared/contracts/content';
import type { ChatHead } from './chat-completion.ts';
import type { Chunk, ChunkDelta } from './chunk.ts';

/** What a delta adds to a stream of chunks, which the first one opens. What was thought is not shown in this dialect. */
export function chatChunksOfDelta(delta: Delta, head: ChatHead, asFunction: boolean, isFirst: boolean): Chunk[] {
  const said = delta.choice === undefined ? deltasOf(delta, asFunction) : [];
  if (said.length === 0) return [];
  const opening = { role: 'assistant', content: delta.type === 'text' ? '' : null, refusal: null };
  return [...(isFirst ? [opening] : []), ...said].map((one) => ({
    ...head,
    object: 'chat.completion.chunk',
    choices: [{ index: 0, delta: one, logprobs: null, finish_reason: null }],
    service_tier: null,
    system_fingerprint: null,
  }));
}

function deltasOf(delta: Delta, asFunction: boolean): ChunkDelta[] {
  switch (delta.type) {
    case 'text':
      return delta.text === '' ? [] : [{ content: delta.text }];
    case 'refusal':
      return delta.text === '' ? [] : [{ refusal: delta.text }];
    case 'reasoning':
      return [];
    case 'tool-call':
      return asFunction ? functionDeltas(delta) : toolDeltas(delta);
  }
}

type CallDelta = Extract<Delta, { type: 'tool-call' }>;

/** First what is called, without anything of what it is given: so an SDK expects it. */
function toolDeltas({ index, id, name, arguments: given }: CallDelta): ChunkDelta[] {
  const identity = { index, id, type: 'function', function: { name, arguments: '' } };
  return [
    ...(name === undefined ? [] : [{ tool_calls: [identity] }]),
    ...(given === '' ? [] : [{ tool_calls: [{ index, function: { arguments: given } }] }]),
  ];
}

/** Before tools there was one call at most. */
function functionDeltas({ index, name, arguments: given }: CallDelta): ChunkDelta[] {
  if (index > 0) return [];
  return [
    ...(name === undefined ? [] : [{ function_call: { name, arguments: '' } }]),
    ...(given === '' ? [] : [{ function_call: { arguments: given } }]),
  ];
}
