import type { NewJobFields } from '@llm-gateway/shared/jobs/job-record';

/** A record as acceptance leaves it. For tests. */
export const acceptedRecord = (): Partial<NewJobFields> & Record<string, string> => ({
  v: '1',
  state: 'queued',
  tenant: 'default',
  user: 'u1',
  endpoint: '/v1/generate',
  lane: 'sandbox',
  model: 'sandbox/echo',
  target: 'sandbox/echo',
  request: 'req_1',
  clientRequest: 'r',
  generation: JSON.stringify({ messages: [{ role: 'user', text: 'x' }] }),
  metadata: '{}',
  maxAttempts: '3',
  attempt: '0',
  createdMs: String(Date.now()),
});
