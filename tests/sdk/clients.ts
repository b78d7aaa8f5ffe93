import Anthropic from '@anthropic-ai/sdk';
import AnthropicOf0 from 'anthropic-0';
import OpenAI from 'openai';
import OpenAIOf6 from 'openai-6';

/** Both majors that are in use; what the tests call of them is typed alike. */
const openAIs = { 'openai 7': OpenAI, 'openai 6': OpenAIOf6 as unknown as typeof OpenAI };
const anthropics = { 'anthropic 1': Anthropic, 'anthropic 0': AnthropicOf0 as unknown as typeof Anthropic };

export type OpenAIMajor = keyof typeof openAIs;
export type AnthropicMajor = keyof typeof anthropics;

export const openAIMajors = Object.keys(openAIs) as OpenAIMajor[];
export const anthropicMajors = Object.keys(anthropics) as AnthropicMajor[];

/** A model of each vendor: one of them speaks the client's own dialect, the other is reached by translation. */
export const gpt = 'gpt-4o';
export const claude = 'claude-haiku-4-5';

/** Every OpenAI client with every model. */
export const openAICases = openAIMajors.flatMap((client) => [
  { client, model: gpt, isNative: true },
  { client, model: claude, isNative: false },
]);

/** Every Anthropic client with every model. */
export const anthropicCases = anthropicMajors.flatMap((client) => [
  { client, model: claude, isNative: true },
  { client, model: gpt, isNative: false },
]);

interface Access {
  apiKey?: string;
  maxRetries?: number;
}

// Without retries of its own, so that nothing that fails is mended unseen.
const usual = { apiKey: 'no-key-needed', maxRetries: 0 };

export const openAIClass = (major: OpenAIMajor) => openAIs[major];
export const anthropicClass = (major: AnthropicMajor) => anthropics[major];

/** A client as its users make one: with nothing of ours but the base URL. */
export const openAI = (major: OpenAIMajor, url: string, access: Access = {}): OpenAI =>
  new openAIs[major]({ ...usual, ...access, baseURL: `${url}/v1` });

export const anthropic = (major: AnthropicMajor, url: string, access: Access = {}): Anthropic =>
  new anthropics[major]({ ...usual, ...access, baseURL: url });
