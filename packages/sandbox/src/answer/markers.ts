import type { Prompt, Tool } from './ask.ts';

const TOOL = /\[\[tool(s)?(?::([^\]]+))?\]\]/g;
const REFUSE = '[[refuse]]';
const UNKNOWN = '[[unknown]]';

/** The tools that the last message orders: `[[tool]]` the first, `[[tools]]` all, `[[tool:name]]` that one. */
export function orderedTools({ last, afterTool }: Prompt, tools: readonly Tool[]): Tool[] {
  if (afterTool) return [];
  return [...last.matchAll(TOOL)].flatMap(([, all, name]) => {
    if (all) return tools;
    return name === undefined ? tools.slice(0, 1) : tools.filter((tool) => tool.name === name);
  });
}

export function isRefusalOrdered({ last, afterTool }: Prompt): boolean {
  return !afterTool && last.includes(REFUSE);
}

/** A member that no vendor has documented, when the prompt orders it: who passes an answer on must not drop it. */
export function unknownMember({ texts }: Pick<Prompt, 'texts'>, name: `x_${string}`): Record<string, unknown> {
  return texts.some((text) => text.includes(UNKNOWN)) ? { [name]: { of: 'sandbox', list: [1, 'two', null] } } : {};
}
