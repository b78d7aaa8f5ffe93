import { expect, test } from 'vitest';
import { type CallStart, createCallLog } from './call-log.ts';

const start: CallStart = {
  request_id: null,
  dialect: 'openai',
  method: 'POST',
  path: '/',
  header_names: [],
  headers: {},
  credentials: {},
};

test('remembers the last calls and says how many it forgot', () => {
  const log = createCallLog({ callsMax: 100 });
  for (let index = 0; index < 1_000; index += 1) log.open({ ...start, header_names: [String(index)] });
  const kept = log.find({});
  expect(kept.length).toBeGreaterThanOrEqual(100);
  expect(kept.length).toBeLessThanOrEqual(110);
  expect(kept.at(-1)).toMatchObject({ header_names: ['999'] });
  expect(log.dropped()).toBe(1_000 - kept.length);
});

test('whoever settles first says how it ended', () => {
  const log = createCallLog({ callsMax: 10 });
  const call = log.open(start);
  call.settle('completed', 200);
  call.settle('aborted', null);
  expect(log.find({})).toMatchObject([{ outcome: 'completed', status: 200 }]);
});
