import type { NativeAsk } from '../conformance-native.ts';

const tool = (name: string) => ({
  type: 'function',
  function: { name, description: 'Finds it.', parameters: { type: 'object', properties: { q: { type: 'string' } } } },
});
const said = (content: string) => ({ messages: [{ role: 'user', content }] });
const streamed = { stream: true, stream_options: { include_usage: true } };

/** How a client of OpenAI's asks, of each of its requests. */
export const openAIAsks: readonly NativeAsk[] = [
  {
    api: 'chat',
    path: '/v1/chat/completions',
    body: said,
    set: streamed,
    wishes: {
      'parallel tools': { ...said('[[tools]] [[unknown]]'), tools: [tool('find'), tool('seek')] },
      'a custom tool': { ...said('[[tool]]'), tools: [{ type: 'custom', custom: { name: 'free', description: 'x' } }] },
      'a function of the older kind': { ...said('[[tool]]'), functions: [tool('find').function] },
      'a refusal': { ...said('[[refuse]]'), logprobs: true },
      'several choices': { n: 3, logprobs: true, top_logprobs: 2 },
      'several choices of tools': { ...said('[[tool]]'), n: 2, tools: [tool('find')] },
      logprobs: { logprobs: true, top_logprobs: 1 },
      JSON: { response_format: { type: 'json_object' } },
      reasoning: { reasoning_effort: 'high' },
      'a spoken answer that cannot be streamed': {
        modalities: ['text', 'audio'],
        audio: { voice: 'v', format: 'mp3' },
      },
    },
  },
  {
    api: 'completions',
    path: '/v1/completions',
    body: (prompt) => ({ prompt, max_tokens: 50 }),
    set: streamed,
    wishes: {
      'several choices': { n: 2 },
      logprobs: { logprobs: 2, echo: true },
      'the best of several, which cannot be streamed': { best_of: 2 },
    },
  },
  {
    api: 'responses',
    path: '/v1/responses',
    body: (input) => ({ input }),
    set: { stream: true },
    wishes: {
      'parallel tools': {
        input: '[[tools]] [[unknown]]',
        tools: [
          { type: 'function', name: 'find', parameters: { type: 'object' } },
          { type: 'custom', name: 'free' },
        ],
      },
      'a refusal': { input: '[[refuse]]' },
      reasoning: { reasoning: { effort: 'low', summary: 'auto' } },
      'no room': { max_output_tokens: 16 },
    },
  },
  {
    api: 'embeddings',
    path: '/v1/embeddings',
    body: (input) => ({ input: [input, 'x'] }),
    set: {},
    wishes: { base64: { encoding_format: 'base64' }, floats: { encoding_format: 'float', dimensions: 8 } },
    isWhole: true,
  },
];
