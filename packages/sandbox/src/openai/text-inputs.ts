import { z } from 'zod';
import { countTokens } from '../answer/tokens.ts';

const tokenIds = z.array(z.int().min(0)).min(1);

/** Texts or lists of token ids, one or many. */
export const textInputs = z.union([
  z.string().min(1),
  z.array(z.string().min(1)).min(1).max(2_048),
  tokenIds,
  z.array(tokenIds).min(1).max(2_048),
]);

type TextInputs = z.infer<typeof textInputs>;

export interface TextInput {
  text: string;
  tokens: number;
}

export function readInputs(input: TextInputs): TextInput[] {
  if (typeof input === 'string') return [readInput(input)];
  return isTokenIds(input) ? [readInput(input)] : input.map(readInput);
}

function readInput(input: string | number[]): TextInput {
  if (typeof input === 'string') return { text: input, tokens: countTokens(input) };
  return { text: input.join(' '), tokens: input.length };
}

function isTokenIds(input: string[] | number[] | number[][]): input is number[] {
  return typeof input[0] === 'number';
}
