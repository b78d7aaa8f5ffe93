import type { EndedLine } from './batch-lines.ts';

const endings = {
  expired: { code: 'batch_expired', message: 'This request was not executed before the batch expired.' },
  cancelled: { code: 'batch_cancelled', message: 'The batch was cancelled before this request was executed.' },
} as const;

const numberDigits = 6;

/** A line of an OpenAI batch's output or error file. The answer is copied as it is kept, without being parsed. */
export function outputLine(batchId: string, { number, custom_id, state, status_code, request_id, body }: EndedLine) {
  const id = `batch_req_${batchId.replace(/^batch_/, '')}${String(number).padStart(numberDigits, '0')}`;
  const known = `"id":${JSON.stringify(id)},"custom_id":${JSON.stringify(custom_id)}`;
  if (state === 'expired' || state === 'cancelled') {
    return `{${known},"response":null,"error":${JSON.stringify(endings[state])}}\n`;
  }
  const response = `{"status_code":${status_code},"request_id":${JSON.stringify(request_id)},"body":${body}}`;
  return `{${known},"response":${response},"error":null}\n`;
}

/** A line of the results of a message batch. */
export function resultLine({ custom_id, state, body }: EndedLine): string {
  const result =
    state === 'completed'
      ? `{"type":"succeeded","message":${body}}`
      : state === 'failed'
        ? `{"type":"errored","error":${body}}`
        : state === 'expired'
          ? '{"type":"expired"}'
          : '{"type":"canceled"}';
  return `{"custom_id":${JSON.stringify(custom_id)},"result":${result}}\n`;
}
