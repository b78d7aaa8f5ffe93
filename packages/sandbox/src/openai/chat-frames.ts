import type { ToolCall } from '../answer/compose-tool-calls.ts';
import type { TokenLogprob } from '../answer/logprobs.ts';
import { countTokens, splitIntoPieces } from '../answer/tokens.ts';
import type { Frame } from '../call/frame.ts';
import { type ChatChoice, type ChatHead, finishReasonOf, toChoiceLogprobs, toToolCall } from './chat-completion.ts';

interface Delta {
  delta: object;
  tokens: number;
  logprobs?: TokenLogprob[] | null;
}

/** `usage` is null unless the client asked to have it in a chunk of its own. */
export function* chatFrames(head: ChatHead, choices: ChatChoice[], usage: object | null): Generator<Frame> {
  const usageSoFar = usage ? { usage: null } : {};
  const chunk = (choice: object) => ({ ...head, object: 'chat.completion.chunk', choices: [choice], ...usageSoFar });

  const lists = choices.map((choice) => ({ choice, deltas: deltasOf(choice) }));
  const steps = Math.max(...lists.map(({ deltas }) => deltas.length));
  for (let step = 0; step < steps; step += 1) {
    for (const [index, { choice, deltas }] of lists.entries()) {
      const next = deltas[step];
      if (!next) continue;
      const logprobs = toChoiceLogprobs(choice, next.logprobs ?? null);
      const data = chunk({ index, delta: next.delta, logprobs, finish_reason: null, ...choice.unknown });
      yield { event: null, data, tokens: next.tokens, closing: false };
    }
  }
  for (const [index, ended] of choices.entries()) {
    const choice = { index, delta: {}, logprobs: null, finish_reason: finishReasonOf(ended), ...ended.unknown };
    yield { event: null, data: chunk(choice), tokens: 0, closing: true };
  }
  if (usage) {
    const data = { ...head, object: 'chat.completion.chunk', choices: [], usage };
    yield { event: null, data, tokens: 0, closing: true };
  }
  yield { event: null, data: '[DONE]', tokens: 0, closing: true };
}

/** What was thought is never shown here, but it has been paid for by the time that the first word comes. */
function deltasOf(choice: ChatChoice): Delta[] {
  const { answer, toolCallIds } = choice;
  const inWords = answer.toolCalls.length === 0;
  const content = inWords && !answer.refused ? '' : null;
  const opening = { delta: { role: 'assistant', content, refusal: null }, tokens: answer.reasoningTokens };
  if (inWords) return [opening, ...textDeltas(choice)];
  if (choice.callsFunction) return [opening, ...answer.toolCalls.flatMap(functionDeltas)];
  return [opening, ...answer.toolCalls.flatMap((call, index) => toolDeltas(call, toolCallIds[index] ?? '', index))];
}

function textDeltas({ answer, logprobs }: ChatChoice): Delta[] {
  return splitIntoPieces(answer.text, 1).map(({ text, tokens }, place) => ({
    delta: answer.refused ? { refusal: text } : { content: text },
    tokens,
    logprobs: logprobs?.slice(place, place + 1) ?? null,
  }));
}

function toolDeltas(call: ToolCall, id: string, index: number): Delta[] {
  const identity = { delta: { tool_calls: [{ index, ...toToolCall(call, id, '') }] }, tokens: countTokens(call.name) };
  const fragments = splitIntoPieces(call.arguments, 1).map(({ text, tokens }) => {
    const fragment = call.custom ? { custom: { input: text } } : { function: { arguments: text } };
    return { delta: { tool_calls: [{ index, ...fragment }] }, tokens };
  });
  return [identity, ...fragments];
}

function functionDeltas({ name, arguments: given }: ToolCall): Delta[] {
  const fragments = splitIntoPieces(given, 1).map(({ text, tokens }) => ({
    delta: { function_call: { arguments: text } },
    tokens,
  }));
  return [{ delta: { function_call: { name, arguments: '' } }, tokens: countTokens(name) }, ...fragments];
}
