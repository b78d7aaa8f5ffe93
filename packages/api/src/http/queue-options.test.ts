import { expect, test } from 'vitest';
import { parseQueueHeaders } from './queue-options.ts';

const parse = (headers: Record<string, string>) => parseQueueHeaders((name) => headers[name]);

test('who says nothing asks for nothing, so that the body may', () => {
  expect(parse({})).toEqual({});
});

test.for([
  [{ 'x-gateway-priority': '1' }, { priority: 1 }],
  [{ 'x-gateway-priority': '10' }, { priority: 10 }],
  [{ 'x-gateway-deadline': '30' }, { deadlineMs: 30_000 }],
  [{ 'x-gateway-deadline': '604800' }, { deadlineMs: 604_800_000 }],
  [{ 'x-gateway-start-deadline': '1' }, { startDeadlineMs: 1000 }],
  [{ 'x-gateway-on-disconnect': 'cancel' }, { onDisconnect: 'cancel' }],
  [{ 'x-gateway-on-disconnect': 'continue' }, { onDisconnect: 'continue' }],
  [
    { 'x-gateway-webhook': 'https://example.com/hook' },
    { webhook: { url: 'https://example.com/hook' }, webhookField: 'x-gateway-webhook' },
  ],
  [
    { 'x-gateway-priority': '3', 'x-gateway-deadline': '60', 'x-gateway-start-deadline': '20' },
    { priority: 3, deadlineMs: 60_000, startDeadlineMs: 20_000 },
  ],
] as [Record<string, string>, object][])('%o', ([headers, said]) => {
  expect(parse(headers)).toEqual(said);
});

const number = 'must be a whole number from 1 to';

test.for([
  ['x-gateway-priority', '0', `${number} 10`],
  ['x-gateway-priority', '11', `${number} 10`],
  ['x-gateway-priority', '-1', `${number} 10`],
  ['x-gateway-priority', '2.5', `${number} 10`],
  ['x-gateway-priority', 'high', `${number} 10`],
  ['x-gateway-priority', '', `${number} 10`],
  ['x-gateway-priority', '1, 2', `${number} 10`],
  ['x-gateway-deadline', '0', `${number} 604800`],
  ['x-gateway-deadline', '604801', `${number} 604800`],
  ['x-gateway-deadline', '1e3', `${number} 604800`],
  ['x-gateway-start-deadline', 'soon', `${number} 604800`],
  ['x-gateway-on-disconnect', 'stop', 'must be continue or cancel'],
  ['x-gateway-on-disconnect', '', 'must be continue or cancel'],
] as const)('%s: "%s" %s', ([name, value, rule]) => {
  expect(() => parse({ [name]: value })).toThrow(
    expect.objectContaining({
      failure: expect.objectContaining({ code: 'malformed_request', field: name, detail: `${name}: ${rule}` }),
    }),
  );
});
