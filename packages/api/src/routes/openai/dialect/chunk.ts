/** One object of a stream of OpenAI's, with the members that are read here. */
export interface Chunk {
  choices?: ChunkChoice[];
  usage?: unknown;
  error?: unknown;
  [name: string]: unknown;
}

/** What a chunk adds to one of the answers: to a message of a chat its `delta`, to a mere text its `text`. */
export interface ChunkChoice {
  index: number;
  delta?: ChunkDelta | undefined;
  text?: string | undefined;
  finish_reason?: string | null | undefined;
  [name: string]: unknown;
}

export interface ChunkDelta {
  role?: string | undefined;
  content?: string | null | undefined;
  refusal?: string | null | undefined;
  function_call?: { name?: string | undefined; arguments?: string | undefined } | undefined;
  tool_calls?: ChunkToolCall[] | undefined;
  [name: string]: unknown;
}

export interface ChunkToolCall {
  index: number;
  id?: string | undefined;
  type?: string | undefined;
  function?: { name?: string | undefined; arguments?: string | undefined } | undefined;
  custom?: { name?: string | undefined; input?: string | undefined } | undefined;
  [name: string]: unknown;
}

/** A whole answer, or one as far as it has come. */
export type Whole = Record<string, unknown>;

const isEmpty = (value: unknown) =>
  value === null || value === undefined || value === '' || (Array.isArray(value) && value.length === 0);

/** Whether a chunk says more than that an answer has begun. */
export const saysSomething = ({ choices = [] }: Chunk): boolean =>
  choices.some(
    ({ delta = {}, text, finish_reason }) =>
      !isEmpty(finish_reason) ||
      !isEmpty(text) ||
      Object.entries(delta).some(([name, value]) => name !== 'role' && !isEmpty(value)),
  );

/** Whether a chunk is of a tool alone. */
export const isToolCall = ({ choices = [] }: Chunk): boolean =>
  choices.some(({ delta }) => !isEmpty(delta?.tool_calls) || !isEmpty(delta?.function_call));
