import type { Part } from '@llm-gateway/shared/contracts/content';
import { partsOfDeltas } from '@llm-gateway/shared/contracts/deltas';
import type { Generation, Message, Tool } from '@llm-gateway/shared/contracts/generation';
import { describe, expect, test } from 'vitest';
import { type Bench, type Candidate, openBench } from './conformance-bench.ts';

const tool = (name: string): Tool => ({
  name,
  description: 'Finds it.',
  parameters: { type: 'object', properties: { q: { type: 'string' } }, required: ['q'] },
});
const tools = [tool('find'), tool('seek')];
const asks = (text: string): Message => ({ role: 'user', text });

/** What every provider must do with a neutral generation that is more than text, in either direction. */
export function provesPartsConformance(candidate: Candidate): void {
  describe(`${candidate.name} conforms beyond text`, () => {
    const bench = openBench(candidate);
    describe('an answer', () => saysMore(bench));
    describe('a prompt', () => hearsMore(bench));
  });
}

const callsOf = (parts: readonly Part[] = []) => parts.filter((part) => part.type === 'tool-call');

function saysMore({ call, billOf }: Bench): void {
  test.for<[string, Partial<Generation>, string[]]>([
    ['a tool', { messages: [asks('[[tool]]')], tools }, ['find']],
    ['several tools at once', { messages: [asks('[[tools]]')], tools }, ['find', 'seek']],
    ['one at a time', { messages: [asks('[[tools]]')], tools, parallelToolCalls: false }, ['find']],
    ['a tool that it was told to call', { tools, toolChoice: { name: 'seek' } }, ['seek']],
    ['any tool, when one must be', { tools, toolChoice: 'required' }, ['find']],
    ['none, when none may be', { messages: [asks('[[tool]]')], tools, toolChoice: 'none' }, []],
  ])('%s: the deltas are the parts, and its usage the bill', async ([, generation, names]) => {
    const { pieces, answer, error, requestId } = await call('ok', generation);
    expect(error).toBeUndefined();
    const deltas = pieces.flatMap((piece) => piece.deltas);
    const calls = callsOf(answer?.parts);
    expect(calls.map(({ name }) => name)).toEqual(names);
    expect(calls.every(({ id, arguments: given }) => id !== '' && typeof JSON.parse(given).q === 'string')).toBe(true);
    expect(partsOfDeltas(deltas)).toEqual(answer?.parts ?? [{ type: 'text', text: answer?.text }]);
    expect(answer?.finishReason.unified).toBe(names.length > 0 ? 'tool_calls' : 'stop');
    const { prompt_tokens: promptTokens, completion_tokens: completionTokens } = await billOf(requestId);
    expect(answer).toMatchObject({ usageSource: 'provider', usage: { promptTokens, completionTokens } });
  });

  test('the arguments of a tool come in pieces', async () => {
    const { pieces } = await call('ok', { messages: [asks('[[tool]] about bears')], tools });
    expect(pieces.filter(({ deltas }) => deltas.some(({ type }) => type === 'tool-call')).length).toBeGreaterThan(1);
  });

  test('a refusal says so, and ends as one or in its own words', async () => {
    const { answer } = await call('ok', { messages: [asks('[[refuse]]')] });
    const isSaid = answer?.parts?.some(({ type }) => type === 'refusal') ?? false;
    expect(isSaid || answer?.finishReason.unified === 'content_filter').toBe(true);
  });

  test('tools that are not told in the usage are estimated', async () => {
    const { answer, requestId } = await call('no-usage', { messages: [asks('[[tools]]')], tools });
    const billed = await billOf(requestId);
    expect(answer?.usageSource).toBe('estimated');
    // Names and arguments are not counted apart here.
    expect(Math.abs((answer?.usage.completionTokens ?? 0) - billed.completion_tokens)).toBeLessThanOrEqual(4);
  });
}

const image: Part = { type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'AAAA' } };
const pdf: Part = { type: 'document', source: { kind: 'base64', mediaType: 'application/pdf', data: 'UERG' } };

function hearsMore({ call, billOf }: Bench): void {
  test('what a tool returned is taken, next to what called it', async () => {
    const question = asks('[[tools]]');
    const { answer: called } = await call('ok', { messages: [question], tools });
    const results = callsOf(called?.parts).map(
      ({ id }): Part => ({ type: 'tool-result', callId: id, content: [{ type: 'text', text: `result ${id}` }] }),
    );
    const messages: Message[] = [
      question,
      { role: 'assistant', parts: called?.parts ?? [] },
      { role: 'user', parts: results },
    ];
    const { answer, error } = await call('ok', { messages, tools });
    expect(error).toBeUndefined();
    expect(results).toHaveLength(2);
    expect(answer).toMatchObject({ text: expect.stringMatching(/^\[sandbox/), finishReason: { unified: 'stop' } });
  });

  test('images and documents are taken, and charged', async () => {
    const text: Part = { type: 'text', text: 'Hello' };
    const plain = await call('ok', { messages: [{ role: 'user', parts: [text] }] });
    const shown = await call('ok', { messages: [{ role: 'user', parts: [image, pdf, text] }] });
    expect(shown.error).toBeUndefined();
    const [billed, plainly] = [await billOf(shown.requestId), await billOf(plain.requestId)];
    expect(billed.prompt_tokens - plainly.prompt_tokens).toBe(2 * 85);
  });

  test('an answer of a schema is JSON of it', async () => {
    const schema = { type: 'object', properties: { bears: { enum: [3] } }, required: ['bears'] };
    const { answer, error } = await call('ok', { responseFormat: { type: 'json_schema', name: 'bears', schema } });
    expect(error).toBeUndefined();
    expect(JSON.parse(answer?.text ?? '')).toEqual({ bears: 3 });
  });
}
