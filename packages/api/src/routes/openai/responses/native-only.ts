import type { Refuse } from '../../../generation/no-counterpart.ts';
import type { ResponsesBody } from './responses-body.ts';

/** What we give of models of all providers, where there is any. */
const givable: readonly string[] = ['reasoning.encrypted_content'];

const hints: Record<string, readonly unknown[]> = {
  truncation: ['disabled'],
  service_tier: ['auto', 'default'],
  top_logprobs: [0],
};

/** Members that change the answer, and that nobody knows but a provider that speaks the dialect. */
const members = [
  'previous_response_id',
  'prompt',
  'truncation',
  'service_tier',
  'top_logprobs',
  'max_tool_calls',
  'context_management',
];

/** Notes the members without a counterpart, beside those of the prompt. Hints, and what we have never heard of, are none. */
export function refuseNativeOnly(body: ResponsesBody, refuse: Refuse): void {
  for (const name of members) {
    const value = body[name];
    if (value != null && !hints[name]?.includes(value)) refuse(`/${name}`);
  }
  for (const [index, wanted] of (body.include ?? []).entries()) {
    if (!givable.includes(wanted)) refuse(`/include/${index}`);
  }
}

/** Whether the provider is to do more than to answer: to search, to compute, to keep, to go on with what it has kept. */
export const leavesTraces = ({ store, previous_response_id, tools }: ResponsesBody): boolean =>
  store === true ||
  previous_response_id != null ||
  (tools ?? []).some(({ type }) => type !== 'function' && type !== 'custom');
