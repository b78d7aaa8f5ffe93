import { z } from 'zod';
import { bodyDepthMax, isFlatterThan } from '../generation/is-flatter-than.ts';
import { bodyValuesMax, hasAtMostValues } from '../http/bound-values.ts';
import type { BatchError } from './batch.ts';
import type { NewLine } from './batch-lines.ts';
import type { InputLine } from './input-lines.ts';

const customIdMax = 512;
const required = ['custom_id', 'method', 'url', 'body'] as const;

const members = {
  custom_id: z
    .string()
    .min(1)
    .max(customIdMax)
    .refine((text) => !text.includes('\0') && text.isWellFormed()),
  method: z.literal('POST'),
  body: z
    .record(z.string(), z.unknown())
    .refine((body) => isFlatterThan(body, bodyDepthMax) && hasAtMostValues(body, bodyValuesMax)),
};

const rules = {
  custom_id: `must be a text of 1 to ${customIdMax} characters of well-formed Unicode`,
  method: 'must be "POST"',
  body: `must be an object that is not nested deeper than ${bodyDepthMax} levels and has at most ${bodyValuesMax} values`,
} as const;

/**
 * Reads a line of an OpenAI batch's input. What is wrong with the body is found out when it is its turn, and then it is an
 * outcome of that line alone; what is wrong here fails the batch.
 */
export function checkLine({ number, text }: InputLine, endpoint: string, maxBytes: number): NewLine | BatchError {
  const fault = (code: string, message: string, param: string | null = null): BatchError => ({
    code,
    line: number,
    message,
    param,
  });
  if (text === undefined) return fault('line_too_long', `A line must have at most ${maxBytes} bytes.`);
  const line = parseObject(text);
  if (!line) return fault('invalid_json_line', 'This line is not a JSON object.');
  const absent = required.find((name) => line[name] === undefined || line[name] === null);
  if (absent) return fault('missing_required_parameter', `${absent}: is required`, absent);
  const wrong = (['custom_id', 'method', 'body'] as const).find((name) => !members[name].safeParse(line[name]).success);
  if (wrong) return fault('invalid_parameter', `${wrong}: ${rules[wrong]}`, wrong);
  if (line.url !== endpoint) return fault('mismatched_url', `url: must be the batch's endpoint, ${endpoint}`, 'url');
  return { number, customId: String(line.custom_id), request: JSON.stringify(line.body) };
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Told by the absence of a value.
  }
  return undefined;
}
