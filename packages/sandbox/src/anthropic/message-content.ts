import { type ContentPart, readContent } from '../call/body-parts.ts';

interface Read {
  texts: string[];
  attachments: number;
}

export type Content = string | ContentPart[] | null | undefined;

/** As text counts also what a tool was given and what it returned. */
export function readMessage(content: Content): Read {
  if (!Array.isArray(content)) return readContent(content);
  const read = content.map(readBlock);
  return {
    texts: read.flatMap(({ texts }) => texts),
    attachments: read.reduce((sum, { attachments }) => sum + attachments, 0),
  };
}

export function readBlock(block: ContentPart): Read {
  switch (block.type) {
    case 'tool_use':
      return { texts: [JSON.stringify(block.input ?? {})], attachments: 0 };
    case 'tool_result':
      return readMessage(block.content as Content);
    // What was thought before is not read again.
    case 'thinking':
    case 'redacted_thinking':
      return { texts: [], attachments: 0 };
    default:
      return readContent([block]);
  }
}

/** What tools returned, and not a word beside it. */
export function isToolResult(content: Content): boolean {
  if (!Array.isArray(content)) return false;
  const types = content.map(({ type }) => type);
  return types.includes('tool_result') && !types.includes('text');
}
