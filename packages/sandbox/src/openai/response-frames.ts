import { countTokens, splitIntoPieces } from '../answer/tokens.ts';
import type { Frame } from '../call/frame.ts';
import { type OutputItem, toContentPart } from './response-output.ts';

type Event = { type: string } & Record<string, unknown>;
type Step = { event: Event; tokens?: number; done?: boolean };
type ItemOf<Kind extends OutputItem['kind']> = Extract<OutputItem, { kind: Kind }>;

export interface ResponseStages {
  begun: object;
  ended: object;
  status: 'completed' | 'incomplete';
}

/** The events in the vendor's order, numbered without a gap from 0. */
export function* responseFrames(items: OutputItem[], stages: ResponseStages): Generator<Frame> {
  let sequenceNumber = 0;
  for (const { event, tokens = 0, closing } of steps(items, stages)) {
    yield { event: event.type, data: { ...event, sequence_number: sequenceNumber }, tokens, closing };
    sequenceNumber += 1;
  }
}

function* steps(items: OutputItem[], { begun, ended, status }: ResponseStages): Generator<Step & { closing: boolean }> {
  yield { event: { type: 'response.created', response: begun }, closing: false };
  yield { event: { type: 'response.in_progress', response: begun }, closing: false };
  for (const [index, item] of items.entries()) {
    const last = index === items.length - 1;
    for (const step of itemSteps(item, index)) yield { ...step, closing: last && step.done === true };
    const done = { type: 'response.output_item.done', output_index: index, item: item.whole };
    yield { event: done, closing: last };
  }
  yield { event: { type: `response.${status}`, response: ended }, closing: true };
}

function itemSteps(item: OutputItem, index: number): Generator<Step> {
  switch (item.kind) {
    case 'reasoning':
      return reasoningSteps(item, index);
    case 'message':
      return messageSteps(item, index);
    case 'call':
      return callSteps(item, index);
  }
}

function* reasoningSteps({ id, whole, summary, tokens }: ItemOf<'reasoning'>, index: number): Generator<Step> {
  const added = { type: 'response.output_item.added', output_index: index, item: { ...whole, summary: [] } };
  if (summary === null) return yield { event: added, tokens };
  yield { event: added };
  const place = { item_id: id, output_index: index, summary_index: 0 };
  const part = (text: string) => ({ type: 'summary_text', text });
  yield { event: { type: 'response.reasoning_summary_part.added', ...place, part: part('') } };
  for (const piece of splitIntoPieces(summary, 1)) {
    const event = { type: 'response.reasoning_summary_text.delta', ...place, delta: piece.text };
    yield { event, tokens: piece.tokens };
  }
  yield { event: { type: 'response.reasoning_summary_text.done', ...place, text: summary }, done: true };
  yield { event: { type: 'response.reasoning_summary_part.done', ...place, part: part(summary) }, done: true };
}

function* messageSteps(message: ItemOf<'message'>, index: number): Generator<Step> {
  const { id, whole, text, refused, logprobs } = message;
  const item = { ...whole, status: 'in_progress', content: [] };
  const place = { item_id: id, output_index: index, content_index: 0 };
  const part = toContentPart('', refused, null);
  yield { event: { type: 'response.output_item.added', output_index: index, item } };
  yield { event: { type: 'response.content_part.added', ...place, part } };
  const said = refused ? 'response.refusal' : 'response.output_text';
  for (const [at, piece] of splitIntoPieces(text, 1).entries()) {
    const sure = refused ? {} : { logprobs: logprobs?.slice(at, at + 1) ?? [] };
    yield { event: { type: `${said}.delta`, ...place, delta: piece.text, ...sure }, tokens: piece.tokens };
  }
  const full = refused ? { refusal: text } : { text, logprobs: logprobs ?? [] };
  yield { event: { type: `${said}.done`, ...place, ...full }, done: true };
  const fullPart = toContentPart(text, refused, logprobs);
  yield { event: { type: 'response.content_part.done', ...place, part: fullPart }, done: true };
}

function* callSteps({ id, whole, call }: ItemOf<'call'>, index: number): Generator<Step> {
  const { name, arguments: given, custom } = call;
  const item = { ...whole, status: 'in_progress', ...(custom ? { input: '' } : { arguments: '' }) };
  const place = { item_id: id, output_index: index };
  yield { event: { type: 'response.output_item.added', output_index: index, item }, tokens: countTokens(name) };
  const type = custom ? 'response.custom_tool_call_input' : 'response.function_call_arguments';
  for (const piece of splitIntoPieces(given, 1)) {
    yield { event: { type: `${type}.delta`, ...place, delta: piece.text }, tokens: piece.tokens };
  }
  const full = custom ? { input: given } : { name, arguments: given };
  yield { event: { type: `${type}.done`, ...place, ...full }, done: true };
}
