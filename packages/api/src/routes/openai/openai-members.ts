import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { StreamManner } from '../../delivery/stream-connections.ts';
import type { AskedBody } from '../../generation/asked-body.ts';
import { gatewayMember } from '../../generation/gateway-member.ts';
import { bodyDepthMax, isFlatterThan } from '../../generation/is-flatter-than.ts';
import { metadataMember } from '../../generation/job-members.ts';
import { draining } from '../../http/draining.ts';
import { errorEvent, lostEvent } from './dialect/chunk-translator.ts';

const stopText = z.string().max(1000);

/** Members that OpenAI's bodies share. Each may be null, which says the same as leaving it out. */
export const openaiMembers = {
  model: z.string().min(1).max(256),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  n: z.int().min(1).max(128).nullish().describe('How many answers to give'),
  stop: z.union([stopText, z.array(stopText).max(4)], 'must be a string or a list of at most 4 strings').nullish(),
  presence_penalty: z.number().min(-2).max(2).nullish(),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  logit_bias: z.record(z.string(), z.number().min(-100).max(100)).nullish(),
  seed: z.int().nullish(),
  user: z.string().nullish().describe('The end user; safety_identifier says the same'),
  safety_identifier: z.string().nullish(),
  metadata: metadataMember.nullish(),
  gateway: gatewayMember.nullish().describe('What is said to the gateway alone; goes no further'),
};

/** The rule for a whole body that is passed on with members that nobody here knows. */
export const isFlatBody = (body: object) => isFlatterThan(body, bodyDepthMax);
export const flatBodyRule = `must not be nested deeper than ${bodyDepthMax} levels`;

interface Naming {
  user?: string | null | undefined;
  safety_identifier?: string | null | undefined;
}

// A longer name is one that only its provider would have to know; for us it stands by its digest.
const userMax = 128;

/** Whom a body names as the end user. */
export function userOf({ user, safety_identifier }: Naming): AskedBody['user'] {
  const pointer = safety_identifier ? '/safety_identifier' : '/user';
  const name = safety_identifier || user;
  if (!name) return undefined;
  const isPlain = name.length <= userMax && name.isWellFormed();
  return { id: isPlain ? name : createHash('sha256').update(name).digest('hex'), pointer };
}

/** What only says how the answer is taken, and so neither makes another request nor goes to the provider. */
export function splitBody<Body extends { gateway?: unknown; stream?: unknown; stream_options?: unknown }>(
  body: Body,
): Omit<Body, 'gateway' | 'stream' | 'stream_options'> {
  const { gateway: _gateway, stream: _stream, stream_options: _options, ...asked } = body;
  return asked;
}

/** Whether a stream shall end with what it cost. */
export function wantsUsage(body: unknown): boolean {
  const { stream_options } = (body ?? {}) as { stream_options?: { include_usage?: unknown } | null };
  return stream_options?.include_usage === true;
}

/** A stream of chunks ends with an error, never without a word. */
export const chunkManner: StreamManner = {
  opening: '',
  farewell: errorEvent(draining().failure, ''),
  lost: lostEvent,
  tellsPlace: false,
};
