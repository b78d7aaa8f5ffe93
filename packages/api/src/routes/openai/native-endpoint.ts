import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import type { NativeApi } from '@llm-gateway/shared/contracts/native-body';
import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import { answerOf } from '../../generation/answer-of.ts';
import type { Fault } from '../../http/invalid-field.ts';

/** That a whole endpoint is for providers that have the same. */
export const onlyOf = (path: string): readonly Fault[] => [
  { pointer: '/model', detail: `must be a model of a provider that offers ${path}` },
];

/** What a provider answered in its own terms to a job of an endpoint that has no other answers. */
export function nativeAnswerOf(id: string, record: JobRecord, api: NativeApi): Record<string, unknown> {
  const { native } = answerOf(id, record);
  if (native?.api === api) return native.body;
  throw new GatewayError({ code: 'internal', detail: `Job ${id} has no answer in the terms of its endpoint.` });
}
