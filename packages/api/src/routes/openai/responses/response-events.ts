import type { ResponseEvent } from './item-writer.ts';

type Members = Readonly<Record<string, unknown>>;

/** What the stream of a response would have told of it, had it been streamed. */
export function* eventsOf(response: Members): Generator<ResponseEvent> {
  const begun = {
    ...response,
    status: 'in_progress',
    completed_at: null,
    error: null,
    incomplete_details: null,
    output: [],
    usage: null,
  };
  yield { type: 'response.created', response: begun };
  yield { type: 'response.in_progress', response: begun };
  for (const [index, item] of listOf(response.output).entries()) yield* itemEvents(item, index);
  yield lastEventOf(response);
}

/** The end of a response's stream. */
export const lastEventOf = (response: Members): ResponseEvent => ({
  type: response.status === 'incomplete' ? 'response.incomplete' : 'response.completed',
  response,
});

const listOf = (value: unknown): Members[] => (Array.isArray(value) ? value : []);

function* itemEvents(item: Members, output_index: number): Generator<ResponseEvent> {
  const begun = { ...item, ...('status' in item ? { status: 'in_progress' } : {}) };
  const place = { item_id: item.id, output_index };
  switch (item.type) {
    case 'message':
      yield { type: 'response.output_item.added', output_index, item: { ...begun, content: [] } };
      for (const [index, part] of listOf(item.content).entries())
        yield* partEvents(part, { ...place, content_index: index });
      break;
    case 'reasoning':
      yield* reasoningEvents(item, output_index);
      break;
    case 'function_call':
      yield { type: 'response.output_item.added', output_index, item: { ...begun, arguments: '' } };
      yield { type: 'response.function_call_arguments.delta', ...place, delta: item.arguments };
      yield {
        type: 'response.function_call_arguments.done',
        ...place,
        name: item.name,
        arguments: item.arguments,
      };
      break;
    case 'custom_tool_call':
      yield { type: 'response.output_item.added', output_index, item: { ...begun, input: '' } };
      yield { type: 'response.custom_tool_call_input.delta', ...place, delta: item.input };
      yield { type: 'response.custom_tool_call_input.done', ...place, input: item.input };
      break;
    default:
      yield { type: 'response.output_item.added', output_index, item: begun };
  }
  yield { type: 'response.output_item.done', output_index, item };
}

/** Of a part of a message, or of a whole thought. */
function* partEvents(part: Members, place: object): Generator<ResponseEvent> {
  const [name, text] = textOf(part);
  if (name === undefined) {
    yield { type: 'response.content_part.added', ...place, part };
  } else {
    const logprobs = name === 'output_text' ? { logprobs: part.logprobs ?? [] } : {};
    const empty = {
      ...part,
      [nameOfText[name]]: '',
      ...('annotations' in part ? { annotations: [] } : {}),
      ...('logprobs' in part ? { logprobs: [] } : {}),
    };
    yield { type: 'response.content_part.added', ...place, part: empty };
    yield { type: `response.${name}.delta`, ...place, delta: text, ...logprobs };
    yield { type: `response.${name}.done`, ...place, [nameOfText[name]]: text, ...logprobs };
  }
  yield { type: 'response.content_part.done', ...place, part };
}

const nameOfText = { output_text: 'text', reasoning_text: 'text', refusal: 'refusal' } as const;

function textOf(part: Members): [keyof typeof nameOfText, unknown] | [undefined] {
  const type = part.type;
  if (type !== 'output_text' && type !== 'reasoning_text' && type !== 'refusal') return [undefined];
  return [type, part[nameOfText[type]]];
}

function* reasoningEvents(item: Members, output_index: number): Generator<ResponseEvent> {
  const place = { item_id: item.id, output_index };
  const content = 'content' in item ? { content: [] } : {};
  yield { type: 'response.output_item.added', output_index, item: { ...item, summary: [], ...content } };
  for (const [summary_index, part] of listOf(item.summary).entries()) {
    const at = { ...place, summary_index };
    yield { type: 'response.reasoning_summary_part.added', ...at, part: { ...part, text: '' } };
    yield { type: 'response.reasoning_summary_text.delta', ...at, delta: part.text };
    yield { type: 'response.reasoning_summary_text.done', ...at, text: part.text };
    yield { type: 'response.reasoning_summary_part.done', ...at, part };
  }
  for (const [index, part] of listOf(item.content).entries())
    yield* partEvents(part, { ...place, content_index: index });
}
