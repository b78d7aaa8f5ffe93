import type { Answer } from '../answer/compose-answer.ts';
import { countTokens, splitIntoPieces } from '../answer/tokens.ts';
import type { Frame } from '../call/frame.ts';
import { type ResponseIds, statusOf, toOutputItem, toOutputText } from './response-object.ts';

type Event = { type: string } & Record<string, unknown>;
type Step = { event: Event; tokens?: number; closing?: boolean };

export interface ResponseStages {
  begun: object;
  ended: object;
}

/** The events in the vendor's order, numbered without a gap from 0. */
export function* responseFrames(answer: Answer, ids: ResponseIds, stages: ResponseStages): Generator<Frame> {
  let sequenceNumber = 0;
  for (const { event, tokens = 0, closing = false } of steps(answer, ids, stages)) {
    yield { event: event.type, data: { ...event, sequence_number: sequenceNumber }, tokens, closing };
    sequenceNumber += 1;
  }
}

function* steps(answer: Answer, ids: ResponseIds, { begun, ended }: ResponseStages): Generator<Step> {
  yield { event: { type: 'response.created', response: begun } };
  yield { event: { type: 'response.in_progress', response: begun } };
  yield* answer.toolCall ? toolSteps(answer, answer.toolCall, ids) : textSteps(answer, ids);
  const item = toOutputItem(answer, ids);
  yield { event: { type: 'response.output_item.done', output_index: 0, item }, closing: true };
  yield { event: { type: `response.${statusOf(answer.finish)}`, response: ended }, closing: true };
}

function* textSteps({ text }: Answer, { itemId }: ResponseIds): Generator<Step> {
  const item = { id: itemId, type: 'message', status: 'in_progress', role: 'assistant', content: [] };
  const place = { item_id: itemId, output_index: 0, content_index: 0 };
  yield { event: { type: 'response.output_item.added', output_index: 0, item } };
  yield { event: { type: 'response.content_part.added', ...place, part: toOutputText('') } };
  for (const piece of splitIntoPieces(text, 1)) {
    const event = { type: 'response.output_text.delta', ...place, delta: piece.text, logprobs: [] };
    yield { event, tokens: piece.tokens };
  }
  yield { event: { type: 'response.output_text.done', ...place, text, logprobs: [] }, closing: true };
  yield { event: { type: 'response.content_part.done', ...place, part: toOutputText(text) }, closing: true };
}

function* toolSteps(answer: Answer, toolCall: NonNullable<Answer['toolCall']>, ids: ResponseIds): Generator<Step> {
  const item = { ...toOutputItem(answer, ids), status: 'in_progress', arguments: '' };
  const place = { item_id: ids.itemId, output_index: 0 };
  yield { event: { type: 'response.output_item.added', output_index: 0, item }, tokens: countTokens(toolCall.name) };
  for (const piece of splitIntoPieces(toolCall.arguments, 1)) {
    const event = { type: 'response.function_call_arguments.delta', ...place, delta: piece.text };
    yield { event, tokens: piece.tokens };
  }
  const { name, arguments: given } = toolCall;
  const done = { type: 'response.function_call_arguments.done', ...place, name, arguments: given };
  yield { event: done, closing: true };
}
