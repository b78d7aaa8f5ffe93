import type { Generation, Tool } from '@llm-gateway/shared/contracts/generation';
import { z } from 'zod';
import { noCounterpart, type Refuse } from '../../../generation/no-counterpart.ts';
import { ruleText } from '../../../http/rule-text.ts';
import type { InputTokensBody } from './responses-body.ts';

const functionTool = z.looseObject({
  type: z.literal('function'),
  name: z.string().min(1),
  description: z.string().nullish(),
  parameters: z.record(z.string(), z.unknown()).nullish(),
  strict: z.boolean().nullish(),
});

const namedChoice = z.looseObject({ type: z.literal('function'), name: z.string() });

const allowedChoice = z.looseObject({
  type: z.literal('allowed_tools'),
  mode: z.enum(['auto', 'required']),
  tools: z.array(namedChoice),
});

type Tools = Pick<Generation, 'tools' | 'toolChoice' | 'parallelToolCalls'>;

/** The neutral form of what the model may call. Only functions have one. */
export function readTools(
  { tools, tool_choice, parallel_tool_calls }: Pick<InputTokensBody, 'tools' | 'tool_choice' | 'parallel_tool_calls'>,
  refuse: Refuse,
): Tools {
  const given = (tools ?? []).flatMap((tool, index) => readTool(tool, `/tools/${index}`, refuse));
  if (given.length === 0) return {};
  return {
    tools: given,
    ...(parallel_tool_calls == null ? {} : { parallelToolCalls: parallel_tool_calls }),
    ...choose(tool_choice, given, refuse),
  };
}

function readTool(given: { type: string }, pointer: string, refuse: Refuse): Tool[] {
  if (given.type !== 'function') {
    refuse(pointer, `a tool of type ${JSON.stringify(given.type)} ${noCounterpart}`);
    return [];
  }
  const parsed = functionTool.safeParse(given, { error: ruleText });
  if (!parsed.success) {
    for (const { path, message } of parsed.error.issues) refuse([pointer, ...path].join('/'), message);
    return [];
  }
  const { name, description, parameters, strict } = parsed.data;
  return [
    {
      name,
      ...(description == null ? {} : { description }),
      parameters: parameters ?? { type: 'object', properties: {} },
      ...(strict == null ? {} : { strict }),
    },
  ];
}

function choose(choice: InputTokensBody['tool_choice'], tools: Tool[], refuse: Refuse): Tools {
  if (choice == null) return {};
  if (choice === 'auto' || choice === 'none' || choice === 'required') return { toolChoice: choice };
  const named = namedChoice.safeParse(choice);
  if (named.success) return { toolChoice: { name: named.data.name } };
  const allowed = allowedChoice.safeParse(choice);
  if (allowed.success) {
    const names = allowed.data.tools.map(({ name }) => name);
    return { toolChoice: allowed.data.mode, tools: tools.filter(({ name }) => names.includes(name)) };
  }
  refuse('/tool_choice');
  return {};
}
