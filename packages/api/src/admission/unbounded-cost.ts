import type { NativeBody } from '@llm-gateway/shared/contracts/native-body';
import type { Fault } from '../http/invalid-field.ts';

type Members = Record<string, unknown>;

// Tools that the client runs by itself, of those that have a type of their own.
const clientTools = {
  openai: /^(?:function|custom|local_shell|apply_patch|computer|computer_use_preview)$/,
  anthropic: /^(?:custom|(?:bash|text_editor|computer|memory)_\d+)$/,
} as const;

/**
 * What of a body makes a call cost an amount that nobody can bound beforehand: tools that the provider runs, which have fees
 * and make it read the prompt again and again, texts that only it has, and other models that it may ask.
 */
export function unboundedCosts({ api, body }: Pick<NativeBody, 'api' | 'body'>): Fault[] {
  const own = api === 'messages' ? clientTools.anthropic : clientTools.openai;
  const hosted = listOf(body.tools).flatMap(({ type }, index) =>
    type == null || own.test(String(type)) ? [] : [`/tools/${index}`],
  );
  const others = unbounded
    .filter((name) => !isNothing(body[name]) && !(name === 'prompt' && api !== 'responses'))
    .map((name) => `/${name}`);
  return [...hosted, ...others, ...(compacts(body) ? ['/context_management'] : [])].map((pointer) => ({
    pointer,
    detail: 'has a cost that nobody can bound beforehand, and a budget has to be kept',
  }));
}

// The prompt of a response is one that its provider keeps.
const unbounded = ['web_search_options', 'mcp_servers', 'fallbacks', 'prompt'];

const isNothing = (value: unknown) => value == null || (Array.isArray(value) && value.length === 0);

/** To sum up what was said is another answer. */
function compacts({ context_management: wish }: Members): boolean {
  const edits = Array.isArray(wish) ? wish : membersOf(wish).edits;
  return listOf(edits).some(({ type }) => String(type).startsWith('compact'));
}

const listOf = (list: unknown): Members[] => (Array.isArray(list) ? list.map(membersOf) : []);

const membersOf = (value: unknown): Members => (typeof value === 'object' && value !== null ? (value as Members) : {});
