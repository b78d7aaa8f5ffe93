// CPU of one provider call: the SDK over the global fetch against the SDK over ours, same process, same sandbox.
// usage: node scripts/run.mjs node bench/provider-fetch.ts [calls per round] [rounds]
import { subscribe } from 'node:diagnostics_channel';
import { resolveModel } from '@llm-gateway/shared/pricing/resolve-model';
import { createTokenCounter } from '@llm-gateway/shared/tokens/token-counter';
import { startProcess } from '@llm-gateway/testkit/start-process';
import { createAnthropic } from '@llm-gateway/worker/providers/anthropic/index';
import { createOpenAI } from '@llm-gateway/worker/providers/openai/index';
import type { Provider } from '@llm-gateway/worker/providers/provider';
import { createUndiciFetch, type Transport } from '@llm-gateway/worker/providers/undici-fetch';

const [callsPerRound = 1000, rounds = 9] = process.argv.slice(2).map(Number);
const concurrency = 20;

const globalTransport: Transport = { fetch: globalThis.fetch, close: async () => undefined };
const transports = { global: () => globalTransport, ours: createUndiciFetch };
type TransportName = keyof typeof transports;

let connections = 0;
subscribe('undici:client:connected', () => {
  connections += 1;
});

interface Measured {
  cpuUs: number;
  connections: number;
}

/** One short streamed answer. */
async function call(provider: Provider): Promise<void> {
  const model = resolveModel('openai/sandbox/tokens-16');
  if (model === undefined) throw new Error('no model');
  const generation = { messages: [{ role: 'user' as const, text: 'Hello' }] };
  const deltas = provider.generate({ model, generation, requestId: 'req_bench' }, new AbortController().signal);
  for (let step = await deltas.next(); !step.done; step = await deltas.next());
}

/** So many calls, some at once; per call, what they cost this process. */
async function round(provider: Provider, calls: number): Promise<Measured> {
  let left = calls;
  const worker = async () => {
    while (left-- > 0) await call(provider);
  };
  const connectionsBefore = connections;
  const before = process.cpuUsage();
  await Promise.all(Array.from({ length: concurrency }, worker));
  const { user, system } = process.cpuUsage(before);
  return { cpuUs: (user + system) / calls, connections: (connections - connectionsBefore) / calls };
}

const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

async function compare(name: string, create: (transport: Transport) => Provider): Promise<void> {
  const providers = { global: create(transports.global()), ours: create(transports.ours()) };
  const measured: Record<TransportName, Measured[]> = { global: [], ours: [] };
  for (const provider of Object.values(providers)) await round(provider, callsPerRound);
  for (let index = 0; index < rounds; index += 1) {
    // Interleaved, and each goes first every other time: what drifts on the machine drifts for both.
    const order: TransportName[] = index % 2 === 0 ? ['global', 'ours'] : ['ours', 'global'];
    for (const which of order) measured[which].push(await round(providers[which], callsPerRound));
  }
  await Promise.all(Object.values(providers).map((provider) => provider.close?.()));

  const cpuUs = (which: TransportName) => measured[which].map((one) => one.cpuUs);
  const ratio = median(cpuUs('global').map((us, index) => us / (cpuUs('ours')[index] ?? Number.NaN)));
  const line = (which: TransportName) => {
    const opened = median(measured[which].map((one) => one.connections));
    return `${which} ${median(cpuUs(which)).toFixed(0)} µs (${opened.toFixed(2)} connections a call)`;
  };
  console.log(`${name}: ${line('global')}, ${line('ours')}, ratio ${ratio.toFixed(2)}`);
}

const sandbox = await startProcess('sandbox', {});
const counter = createTokenCounter();
const options = { mode: 'sandbox', apiKey: 'no-key-needed', timeoutMs: 60_000, counter } as const;
try {
  await compare('openai', (transport) =>
    createOpenAI({ ...options, name: 'openai', baseURL: `${sandbox.url}/v1`, transport }),
  );
  await compare('anthropic', (transport) =>
    createAnthropic({ ...options, name: 'anthropic', baseURL: sandbox.url, transport }),
  );
} finally {
  await Promise.all([sandbox.stop(), counter.close()]);
}
