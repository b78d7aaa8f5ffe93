import OpenAI from 'openai';
import { accumulateResponse } from 'openai/lib/responses/ResponseAccumulator';
import type { Response as OpenAIResponse, ResponseStreamEvent } from 'openai/resources/responses/responses';

/** The events of a stream of responses, as they were written. For tests. */
export function readEvents(text: string): { type: string; sequence_number: number; [member: string]: unknown }[] {
  const blocks = text.split('\n\n').filter((block) => block !== '' && block !== 'data: [DONE]');
  return blocks.map((block) => {
    const [name, data] = block.split('\n');
    const event = JSON.parse(data?.slice('data: '.length) ?? '');
    if (name !== `event: ${event.type}`) throw new Error(`an event of another name: ${block}`);
    return event;
  });
}

/** What the official client makes of a stream in the end. Rejects where it does not accept it. */
export async function readAsClient(text: string): Promise<OpenAIResponse> {
  const fetch = async () => new Response(text, { headers: { 'content-type': 'text/event-stream' } });
  const client = new OpenAI({ apiKey: 'k', baseURL: 'http://gateway/v1', maxRetries: 0, fetch });
  return client.responses.stream({ model: 'gpt-4o', input: 'hi' }).finalResponse();
}

/** What the official client has put together before the last event tells the whole. */
export function accumulate(events: readonly { type: string }[]): OpenAIResponse {
  const [first, ...others] = events.slice(0, -1) as ResponseStreamEvent[];
  if (!first) throw new Error('a stream without a beginning');
  return others.reduce((snapshot, event) => accumulateResponse(event, snapshot), accumulateResponse(first));
}
