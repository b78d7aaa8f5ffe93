import { isObject, type JsonObject } from './providers/json-object.ts';

/** What says of a message or a response that it has begun, or nothing but that there is a connection. */
const beginnings = [
  'message_start',
  'ping',
  'response.created',
  'response.queued',
  'response.in_progress',
  'keepalive',
];

/** Told when the job has failed, and not before. */
const failures = ['error', 'response.failed'];

/** Blocks that begin empty. */
const emptyBlocks = ['text', 'thinking'];

/**
 * Whether a provider's event, as its JSON, comes before anything that its reader would have to take back. No reader is
 * given such events before there is more, or else can be given them again.
 */
export function isPrelude(frame: string): boolean {
  const event: unknown = JSON.parse(frame);
  if (!isObject(event)) return false;
  const { type, content_block: block, choices } = event;
  if (type === 'content_block_start') return isObject(block) && emptyBlocks.includes(String(block.type));
  if (type !== undefined) return beginnings.includes(String(type)) || failures.includes(String(type));
  if (event.error !== undefined) return true;
  return Array.isArray(choices) && choices.every((choice) => !isObject(choice) || isBare(choice));
}

/** Of a chat, or of a mere text. */
const isBare = ({ delta, text, finish_reason }: JsonObject): boolean =>
  isEmpty(text) &&
  isEmpty(finish_reason) &&
  Object.entries(isObject(delta) ? delta : {}).every(([name, value]) => name === 'role' || isEmpty(value));

const isEmpty = (value: unknown): boolean =>
  value === null || value === undefined || value === '' || (Array.isArray(value) && value.length === 0);
