import { countParts, countSchema } from '../answer/count-prompt.ts';
import type { ContentPart } from '../call/body-parts.ts';
import { type Content, readBlock } from './message-content.ts';
import { type MessagesBody, toTool } from './messages-body.ts';
import type { PromptBlock } from './prompt-cache.ts';

interface Part {
  where: string;
  given: Record<string, unknown>;
  count(): number;
}

/** The prompt block by block; none, when nothing of it is to be cached. */
export function promptBlocksOf(body: MessagesBody): PromptBlock[] {
  const parts = partsOf(body);
  const orders = parts.map(({ given }) => ttlOf(given.cache_control));
  // An order on the whole body is one for its last block.
  if (parts.length > 0) orders[parts.length - 1] ??= ttlOf(body.cache_control);
  if (orders.every((order) => order === null)) return [];
  return parts.map(({ where, given, count }, index) => ({
    identity: JSON.stringify([where, { ...given, cache_control: undefined }]),
    tokens: count(),
    cached: orders[index] ?? null,
  }));
}

function partsOf({ tools, system, messages }: MessagesBody): Part[] {
  return [
    ...(tools ?? []).map((tool) => ({ where: 'tool', given: tool, count: () => countSchema(toTool(tool)) })),
    ...partsOfContent(system, 'system'),
    ...messages.flatMap(({ role, content }) => partsOfContent(content, role)),
  ];
}

function partsOfContent(content: Content, where: string): Part[] {
  const blocks: ContentPart[] = typeof content === 'string' ? [{ type: 'text', text: content }] : (content ?? []);
  return blocks.map((block) => ({ where, given: block, count: () => countParts(readBlock(block)) }));
}

function ttlOf(order: unknown): PromptBlock['cached'] {
  if (!order || typeof order !== 'object') return null;
  return 'ttl' in order && order.ttl === '1h' ? '1h' : '5m';
}
