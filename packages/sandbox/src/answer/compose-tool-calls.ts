import type { Ask, Tool } from './ask.ts';
import { composeJson } from './compose-json.ts';
import { orderedTools } from './markers.ts';
import { countTokens } from './tokens.ts';

export interface ToolCall {
  name: string;
  /** JSON, or the free text of a custom tool. */
  arguments: string;
  custom: boolean;
  tokens: number;
}

/** The calls that the model "chose" to make, in order; none, when it is to answer in words. */
export function composeToolCalls(ask: Ask): ToolCall[] {
  const asked = askedTools(ask);
  return (ask.parallelTools ? asked : asked.slice(0, 1)).map(toCall);
}

function askedTools({ tools, toolChoice, prompt }: Ask): Tool[] {
  if (toolChoice === 'none') return [];
  if (typeof toolChoice === 'object') return tools.filter((tool) => tool.name === toolChoice.name).slice(0, 1);
  const ordered = orderedTools(prompt, tools);
  return toolChoice === 'required' && ordered.length === 0 ? tools.slice(0, 1) : ordered;
}

function toCall(tool: Tool): ToolCall {
  const { name, schema } = tool;
  const custom = tool.custom === true;
  const given = custom ? `sandbox input of ${name}` : JSON.stringify(composeJson(schema ?? { type: 'object' }) ?? {});
  return { name, arguments: given, custom, tokens: countTokens(name) + countTokens(given) };
}
