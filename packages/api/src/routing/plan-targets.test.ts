import { parseRouting } from '@llm-gateway/shared/routing/parse-routing';
import { noRouting } from '@llm-gateway/shared/routing/routing';
import { createRandom } from '@llm-gateway/testkit/random';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { planTargets } from './plan-targets.ts';

const routingOf = (models: object) => {
  const parsed = parseRouting(JSON.stringify({ models }));
  if ('faults' in parsed) throw new Error(parsed.faults.join('\n'));
  return parsed.routing;
};

const plan = (name: string, models: object, random: () => number = () => 0) =>
  planTargets(name, routingOf(models), random).map(({ id }) => id);

describe('a name', () => {
  test.for([
    ['gpt-4o', ['openai/gpt-4o']],
    ['groq/x', ['groq/x']],
    ['gpt-99', []],
  ] as const)('that is not the operator’s is its own only target: %s', ([name, ids]) => {
    expect(planTargets(name, noRouting, () => 0).map(({ id }) => id)).toEqual(ids);
  });

  test('of the operator’s leads to its targets in order, through other names, and to none twice', () => {
    const models = {
      fast: 'gpt-4o-mini',
      both: { targets: ['claude-sonnet-4-5', 'fast', 'openai/gpt-4o-mini', 'gpt-4o'] },
    };
    expect(plan('both', models)).toEqual(['anthropic/claude-sonnet-4-5', 'openai/gpt-4o-mini', 'openai/gpt-4o']);
  });

  test('of the operator’s goes before the table’s', () => {
    expect(plan('gpt-4o', { 'gpt-4o': { targets: ['openai/gpt-4o', 'claude-sonnet-4-5'] } })).toHaveLength(2);
  });
});

const ids = ['openai/a', 'openai/b', 'anthropic/c', 'sandbox/d'];
const member = fc.record({ model: fc.constantFrom(...ids), weight: fc.integer({ min: 1, max: 1000 }) });

describe('weights', () => {
  test('whatever is drawn, a step’s members come in some order before those of the next', () => {
    fc.assert(
      fc.property(fc.array(member, { minLength: 1, maxLength: 6 }), fc.integer(), (step, seed) => {
        const drawn = plan('s', { s: { targets: [step, 'openai/last'] } }, createRandom(seed).next);
        expect(drawn.at(-1)).toBe('openai/last');
        expect(new Set(drawn.slice(0, -1))).toEqual(new Set(step.map(({ model }) => model)));
        expect(drawn).toHaveLength(new Set(drawn).size);
      }),
    );
  });

  test('the first one is drawn as often as its weight says, and so is the second of those that are left', () => {
    const random = createRandom(7).next;
    const routing = routingOf({
      s: {
        targets: [
          [
            { model: 'openai/a', weight: 6 },
            { model: 'openai/b', weight: 3 },
            { model: 'openai/c', weight: 1 },
          ],
        ],
      },
    });
    const rounds = 20_000;
    const counts = new Map<string, number>();
    for (let round = 0; round < rounds; round += 1) {
      const order = planTargets('s', routing, random)
        .map(({ model }) => model)
        .join('');
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    const share = (start: string) =>
      [...counts].reduce((sum, [order, count]) => sum + (order.startsWith(start) ? count : 0), 0) / rounds;
    // Five standard deviations of the first one are 0.017.
    for (const [start, wanted] of [
      ['a', 0.6],
      ['b', 0.3],
      ['c', 0.1],
      ['ab', 0.45],
      ['cb', 1 / 30],
    ] as const) {
      expect(Math.abs(share(start) - wanted), start).toBeLessThan(0.017);
    }
  });
});
