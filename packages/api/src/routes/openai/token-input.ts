import { z } from 'zod';

/** A text as a model's own tokenizer wrote it. */
export const tokenIds = z.array(z.int().min(0)).min(1);

/** Texts or lists of token ids, one or many. */
export type TextInput = string | string[] | number[] | number[][];

const isTokenIds = (input: TextInput): input is number[] => typeof input[0] === 'number';

/** The texts of an input, one after the other, to be counted. Token ids stand there as so many words of one token each. */
export function textsOf(input: TextInput): string[] {
  if (typeof input === 'string') return [input];
  if (isTokenIds(input)) return [wordsFor(input)];
  return input.map((one) => (typeof one === 'string' ? one : wordsFor(one)));
}

const wordsFor = ({ length }: readonly number[]): string => ' a'.repeat(length);
