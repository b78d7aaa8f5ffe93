import { Stream } from '@anthropic-ai/sdk/core/streaming';
import { MessageStream } from '@anthropic-ai/sdk/lib/MessageStream';
import type { RawMessageStreamEvent } from '@anthropic-ai/sdk/resources/messages';

/** The events of a stream's text, as the official SDK reads them. Rejects for an error event. */
export async function readEvents(text: string): Promise<RawMessageStreamEvent[]> {
  const events: RawMessageStreamEvent[] = [];
  for await (const event of openStream(text)) events.push(event);
  return events;
}

/** The message that the official SDK makes of a stream's text, as JSON. Rejects for an error event, and for a stream that is cut off. */
export async function readMessageStream(text: string): Promise<Record<string, unknown>> {
  const message = await MessageStream.fromReadableStream(openStream(text).toReadableStream()).finalMessage();
  const { parsed_output: _parsed, ...sent } = JSON.parse(JSON.stringify(message)) as Record<string, unknown>;
  return sent;
}

const openStream = (text: string) =>
  Stream.fromSSEResponse<RawMessageStreamEvent>(new Response(text), new AbortController());
