import { expect, test } from 'vitest';
import { composeJson } from './compose-json.ts';

test.for([
  [{ type: 'string' }, 'sandbox value'],
  [{ type: 'string', minLength: 15 }, 'sandbox value..'],
  [{ enum: ['b', 'a'] }, 'b'],
  [{ const: 7 }, 7],
  [{ type: ['integer', 'null'], minimum: 2.5 }, 3],
  [{ type: 'number' }, 1],
  [{ anyOf: [{ type: 'boolean' }, { type: 'null' }] }, true],
  [{ type: 'array', minItems: 2, items: { type: 'integer' } }, [1, 1]],
  [{ allOf: [{ type: 'object' }, { properties: { a: { const: 1 } }, required: ['a'] }] }, { a: 1 }],
  [{ type: 'object', properties: { a: { type: 'null' }, b: {} }, required: ['a'] }, { a: null }],
] as const)('%j is met by %j', ([schema, value]) => {
  expect(composeJson(schema)).toEqual(value);
});

test('a schema that requires itself comes to an end', () => {
  expect(
    JSON.stringify(composeJson({ type: 'object', properties: { next: { $ref: '#' } }, required: ['next'] })),
  ).toContain('null');
});
