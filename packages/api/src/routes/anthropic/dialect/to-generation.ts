import { type Generation, type Message, reasoningEfforts } from '@llm-gateway/shared/contracts/generation';
import { createNativeOnly, type Refuse } from '../../../generation/no-counterpart.ts';
import { type Fault, invalidField } from '../../../http/invalid-field.ts';
import {
  type BodyMessage,
  type BodyTool,
  type CountTokensBody,
  isClientsOwn,
  type MessagesBody,
} from './messages-body.ts';
import { readContent } from './read-content.ts';

/** A body in the neutral form, and what of it that form has no words for. Without the body itself. */
export interface Read {
  generation: Generation;
  nativeOnly: readonly Fault[];
}

/** The neutral form of a body of either route. Throws `invalid_request` where nobody says anything. */
export function toGeneration(body: CountTokensBody & Partial<MessagesBody>): Read {
  const { nativeOnly, refuse } = createNativeOnly();
  const { system, messages } = readTurns(body, refuse);
  refuseOptions(body, refuse);
  const tools = readTools(body.tools ?? [], refuse);
  const responseFormat = readFormat(body, refuse);
  const reasoningEffort = readEffort(body, refuse);
  const generation: Generation = {
    ...(system === undefined ? {} : { system }),
    messages,
    ...(body.max_tokens == null ? {} : { maxTokens: body.max_tokens }),
    ...(body.temperature == null ? {} : { temperature: body.temperature }),
    ...(body.top_p == null ? {} : { topP: body.top_p }),
    ...(body.stop_sequences?.length ? { stop: body.stop_sequences } : {}),
    ...(responseFormat ? { responseFormat } : {}),
    ...(tools.length === 0 ? {} : { tools }),
    ...readToolChoice(body, refuse),
    ...(reasoningEffort ? { reasoningEffort } : {}),
  };
  return { generation, nativeOnly };
}

/** What is said by the system before anybody else goes with the system's own text. */
function readTurns(body: CountTokensBody, refuse: Refuse): Pick<Generation, 'system' | 'messages'> {
  const firstTurn = body.messages.findIndex(({ role }) => role !== 'system');
  if (firstTurn === -1) throw invalidField('/messages', 'must have a message of the role "user"');
  const texts = [
    ...(body.system == null ? [] : [readText(body.system, '/system', refuse)]),
    ...body.messages
      .slice(0, firstTurn)
      .map(({ content }, index) => readText(content, `/messages/${index}/content`, refuse)),
  ];
  const messages = body.messages
    .slice(firstTurn)
    .map((message, index) => readMessage(message, `/messages/${firstTurn + index}`, refuse));
  return { ...(texts.length === 0 ? {} : { system: texts.join('\n\n') }), messages };
}

function readText(content: BodyMessage['content'], pointer: string, refuse: Refuse): string {
  const parts = readContent(content, pointer, refuse);
  if (parts.some(({ type }) => type !== 'text')) refuse(pointer);
  return parts.map((part) => (part.type === 'text' ? part.text : '')).join('\n\n');
}

function readMessage({ role, content }: BodyMessage, pointer: string, refuse: Refuse): Message {
  if (role !== 'user' && role !== 'assistant') refuse(`${pointer}/role`);
  const speaker = role === 'assistant' ? 'assistant' : 'user';
  if (typeof content === 'string') return { role: speaker, text: content };
  return { role: speaker, parts: readContent(content, `${pointer}/content`, refuse) };
}

/** What a value must be for nothing to be lost where it is left out; what is not here is a hint, or not known to us. */
const plainValues: Record<string, readonly unknown[]> = {
  top_k: [],
  service_tier: ['auto'],
  speed: ['standard'],
  inference_geo: [],
  container: [],
  context_management: [],
};

function refuseOptions(body: Partial<MessagesBody>, refuse: Refuse): void {
  for (const [name, plain] of Object.entries(plainValues)) {
    const value = body[name];
    if (value != null && !plain.includes(value)) refuse(`/${name}`);
  }
  if (body.mcp_servers?.length) refuse('/mcp_servers');
}

function readTools(tools: readonly BodyTool[], refuse: Refuse): NonNullable<Generation['tools']> {
  return tools.flatMap((tool, index) => {
    const pointer = `/tools/${index}`;
    if (!isClientsOwn(tool)) {
      refuse(pointer);
      return [];
    }
    const { name, description, input_schema: parameters, strict, defer_loading, allowed_callers } = tool;
    if (defer_loading === true) refuse(`${pointer}/defer_loading`);
    const callers = (allowed_callers ?? []) as unknown[];
    if (callers.some((caller) => caller !== 'direct')) refuse(`${pointer}/allowed_callers`);
    return [
      {
        name: name ?? '',
        parameters: parameters ?? {},
        ...(description == null ? {} : { description }),
        ...(strict == null ? {} : { strict }),
      },
    ];
  });
}

type Choices = Pick<Generation, 'toolChoice' | 'parallelToolCalls'>;

function readToolChoice({ tool_choice: choice }: CountTokensBody, refuse: Refuse): Choices {
  if (!choice) return {};
  const parallel = choice.disable_parallel_tool_use === true ? { parallelToolCalls: false } : {};
  switch (choice.type) {
    case 'auto':
    case 'none':
      return { toolChoice: choice.type, ...parallel };
    case 'any':
      return { toolChoice: 'required', ...parallel };
    case 'tool':
      return { toolChoice: { name: choice.name ?? '' }, ...parallel };
    default:
      refuse('/tool_choice/type');
      return parallel;
  }
}

/** The name is one of OpenAI's, who wants one. */
function readFormat(
  { output_config, output_format }: CountTokensBody,
  refuse: Refuse,
): Generation['responseFormat'] | undefined {
  const format = output_config?.format ?? output_format;
  if (!format) return undefined;
  if (format.type === 'json_schema') {
    return { type: 'json_schema', name: 'answer', schema: format.schema ?? {}, strict: true };
  }
  refuse(output_config?.format ? '/output_config/format/type' : '/output_format/type');
  return undefined;
}

// Below so many tokens a budget is no more than that effort.
const lowBudget = 2048;
const mediumBudget = 8192;

const isEffort = (text: string): text is NonNullable<Generation['reasoningEffort']> =>
  (reasoningEfforts as readonly string[]).includes(text);

/** How hard to think: what was said of it in a word before what was said in tokens. */
function readEffort({ thinking, output_config }: CountTokensBody, refuse: Refuse): Generation['reasoningEffort'] {
  const effort = output_config?.effort;
  if (effort != null && !isEffort(effort)) refuse('/output_config/effort');
  if (thinking?.type === 'disabled') return 'none';
  if (effort != null && isEffort(effort)) return effort;
  switch (thinking?.type) {
    case undefined:
      return undefined;
    case 'enabled': {
      const budget = thinking?.budget_tokens ?? lowBudget;
      return budget < lowBudget ? 'low' : budget < mediumBudget ? 'medium' : 'high';
    }
    case 'adaptive':
      return 'medium';
    default:
      refuse('/thinking/type');
      return undefined;
  }
}
