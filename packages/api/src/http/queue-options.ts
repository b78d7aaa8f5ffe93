import type { QueueOptions } from '../admission/generation-request.ts';
import { invalidHeader } from './invalid-field.ts';

function whole(name: string, text: string | undefined, min: number, max: number): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw invalidHeader(name, `must be a whole number from ${min} to ${max}`);
}

export const deadlineMaxS = 604_800;

const secondsToMs = (seconds: number | undefined) => (seconds === undefined ? undefined : seconds * 1000);

/** What the headers say of how a job is to be queued; a body's say yields to it. Throws `malformed_request`. */
export function parseQueueHeaders(get: (name: string) => string | undefined): Partial<QueueOptions> {
  const onDisconnect = get('x-gateway-on-disconnect');
  if (onDisconnect !== undefined && onDisconnect !== 'continue' && onDisconnect !== 'cancel') {
    throw invalidHeader('x-gateway-on-disconnect', 'must be continue or cancel');
  }
  const url = get('x-gateway-webhook');
  const said: Partial<QueueOptions> = {
    priority: whole('x-gateway-priority', get('x-gateway-priority'), 1, 10),
    deadlineMs: secondsToMs(whole('x-gateway-deadline', get('x-gateway-deadline'), 1, deadlineMaxS)),
    startDeadlineMs: secondsToMs(whole('x-gateway-start-deadline', get('x-gateway-start-deadline'), 1, deadlineMaxS)),
    onDisconnect,
    webhook: url === undefined ? undefined : { url },
    webhookField: url === undefined ? undefined : 'x-gateway-webhook',
  } as Partial<QueueOptions>;
  return Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined));
}
