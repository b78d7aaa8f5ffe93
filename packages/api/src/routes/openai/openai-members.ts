import { z } from 'zod';
import type { StreamManner } from '../../delivery/stream-connections.ts';
import type { AskedBody } from '../../generation/asked-body.ts';
import { type GatewayMember, gatewayMember, toCacheOptions, toQueueOptions } from '../../generation/gateway-member.ts';
import { metadataMember } from '../../generation/job-members.ts';
import { namedUser } from '../../generation/named-user.ts';
import { draining } from '../../http/draining.ts';
import { errorEvent, lostEvent } from './dialect/chunk-translator.ts';

/** What a client's headers tell OpenAI: on whose account to book. */
export const openaiHeaders = ['openai-organization', 'openai-project'];

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

interface Naming {
  user?: string | null | undefined;
  safety_identifier?: string | null | undefined;
}

interface CommonMembers extends Naming {
  model: string;
  metadata?: Record<string, string> | null | undefined;
  gateway?: GatewayMember | null | undefined;
}

/** What every body of OpenAI's says alike: who asks for which model, and how the gateway is to go about it. */
export function commonOf(body: CommonMembers) {
  const { model, metadata, gateway } = body;
  return {
    model,
    user: userOf(body),
    fallbackUserId: 'anonymous',
    cache: toCacheOptions(gateway ?? undefined),
    queue: toQueueOptions(gateway ?? undefined),
    metadata: metadata ?? gateway?.metadata ?? {},
  } satisfies Partial<AskedBody>;
}

function userOf({ user, safety_identifier }: Naming): AskedBody['user'] {
  return safety_identifier ? namedUser(safety_identifier, '/safety_identifier') : namedUser(user, '/user');
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
