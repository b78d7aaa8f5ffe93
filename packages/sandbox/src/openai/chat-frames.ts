import { countTokens, splitIntoPieces } from '../answer/tokens.ts';
import type { Frame } from '../call/frame.ts';
import { type ChatChoice, type ChatHead, finishReasons } from './chat-completion.ts';

interface Delta {
  delta: object;
  tokens: number;
}

/** `usage` is null unless the client asked to have it in a chunk of its own. */
export function* chatFrames(head: ChatHead, choices: ChatChoice[], usage: object | null): Generator<Frame> {
  const usageSoFar = usage ? { usage: null } : {};
  const chunk = (choice: object) => ({ ...head, object: 'chat.completion.chunk', choices: [choice], ...usageSoFar });

  const deltas = choices.map(deltasOf);
  const steps = Math.max(...deltas.map((list) => list.length));
  for (let step = 0; step < steps; step += 1) {
    for (const [index, list] of deltas.entries()) {
      const next = list[step];
      if (!next) continue;
      const choice = { index, delta: next.delta, logprobs: null, finish_reason: null };
      yield { event: null, data: chunk(choice), tokens: next.tokens, closing: false };
    }
  }
  for (const [index, { answer }] of choices.entries()) {
    const choice = { index, delta: {}, logprobs: null, finish_reason: finishReasons[answer.finish] };
    yield { event: null, data: chunk(choice), tokens: 0, closing: true };
  }
  if (usage) {
    const data = { ...head, object: 'chat.completion.chunk', choices: [], usage };
    yield { event: null, data, tokens: 0, closing: true };
  }
  yield { event: null, data: '[DONE]', tokens: 0, closing: true };
}

function deltasOf({ answer, toolCallId }: ChatChoice): Delta[] {
  const { text, toolCall } = answer;
  if (!toolCall) {
    const opening = { delta: { role: 'assistant', content: '', refusal: null }, tokens: 0 };
    return [
      opening,
      ...splitIntoPieces(text, 1).map((piece) => ({ delta: { content: piece.text }, tokens: piece.tokens })),
    ];
  }
  const identity = { index: 0, id: toolCallId, type: 'function', function: { name: toolCall.name, arguments: '' } };
  return [
    { delta: { role: 'assistant', content: null, refusal: null }, tokens: 0 },
    { delta: { tool_calls: [identity] }, tokens: countTokens(toolCall.name) },
    ...splitIntoPieces(toolCall.arguments, 1).map((piece) => ({
      delta: { tool_calls: [{ index: 0, function: { arguments: piece.text } }] },
      tokens: piece.tokens,
    })),
  ];
}
