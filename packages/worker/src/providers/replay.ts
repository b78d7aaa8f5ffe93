import { readFileSync } from 'node:fs';
import type { NativeApi } from '@llm-gateway/shared/contracts/native-body';
import { expect } from 'vitest';
import { collect, type Outcome } from './conformance-bench.ts';
import type { Provider, ProviderOptions, ProviderRequest } from './provider.ts';

/** A provider that is answered with recordings. */
export type CreateReplaying = (transport: NonNullable<ProviderOptions['transport']>) => Provider;

const encoder = new TextEncoder();

/** What a provider makes of a recorded stream that arrives in the given chunks. */
export function openReplay(create: CreateReplaying, api: NativeApi) {
  let arriving: readonly Uint8Array[] = [];
  const provider = create({ fetch: async () => respond(arriving), close: async () => undefined });
  const request: ProviderRequest = {
    model: { id: 'm', provider: 'sandbox', model: 'model-that-was-asked', known: false },
    generation: { messages: [{ role: 'user', text: 'Hello' }], native: { api, body: {} } },
    requestId: 'req_1',
  };
  return (chunks: readonly Uint8Array[]): Promise<Outcome> => {
    arriving = chunks;
    // A signal of its own: one of Anthropic's SDK's listeners stays on it for good.
    return collect(provider, request, new AbortController().signal);
  };
}

/** The same of one that arrives at once. */
export const replay = (create: CreateReplaying, api: NativeApi, recording: string): Promise<Outcome> =>
  openReplay(create, api)([encoder.encode(recording)]);

function respond(chunks: readonly Uint8Array[]): Response {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
  return new Response(body, {
    headers: { 'content-type': 'text/event-stream', 'request-id': 'r', 'x-request-id': 'r' },
  });
}

export const readRecording = (folder: string, name: string): string =>
  readFileSync(new URL(`./${folder}/__fixtures__/${name}.chunks.txt`, import.meta.url), 'utf8');

export const readWhole = (folder: string, name: string): unknown =>
  JSON.parse(readFileSync(new URL(`./${folder}/__fixtures__/${name}.whole.json`, import.meta.url), 'utf8'));

/** However the bytes of a recording arrive, and whatever ends its lines, the pieces and the answer are the same. */
export async function comesThroughInAnyPieces(create: CreateReplaying, api: NativeApi, recording: string) {
  const play = openReplay(create, api);
  const expected = JSON.stringify(await play([encoder.encode(recording)]));
  for (const ending of ['\n', '\r\n', '\r']) {
    const singly = Array.from(encoder.encode(recording.replaceAll('\n', ending)), (byte) => Uint8Array.of(byte));
    expect(JSON.stringify(await play(singly)), `byte by byte, ${JSON.stringify(ending)}`).toBe(expected);
  }
  const bytes = encoder.encode(recording.replaceAll('\n', '\r\n'));
  for (let at = 1; at < bytes.length; at += 1) {
    const outcome = JSON.stringify(await play([bytes.subarray(0, at), bytes.subarray(at)]));
    if (outcome !== expected) expect(outcome, `cut after ${at} bytes`).toBe(expected);
  }
}
