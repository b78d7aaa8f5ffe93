import type { Call } from '../bill/call-log.ts';
import type { FaultPlan } from '../faults/faults.ts';
import type { PreparedAnswer } from './endpoint.ts';
import { Refusal } from './refusal.ts';
import type { Wire } from './wire.ts';

const DRIP_CHARACTERS = 64;

/** Sends the answer as one body. It is charged in full: the model has finished before the first byte leaves. */
export async function sendWhole(answer: PreparedAnswer, plan: FaultPlan, call: Call, wire: Wire): Promise<void> {
  if (plan.breakOff === 'error-event') throw new Refusal('ordered-status', { status: 500 });
  call.charge({ prompt: answer.promptTokens, completion: answer.completionTokens, cache: answer.cache });
  const body = JSON.stringify(answer.whole());
  const half = body.slice(0, Math.floor(body.length / 2));
  const sent = plan.breakOff === 'malformed-json' ? half : body;
  wire.head(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(sent) });
  switch (plan.breakOff) {
    case 'hang-mid':
      await wire.write(half);
      return wire.silence();
    case 'truncate':
      call.settle('truncated', 200);
      await wire.write(half);
      return wire.cutOff();
    case 'reset-mid':
      call.settle('reset', 200);
      await wire.write(half);
      return wire.reset();
    case 'malformed-json':
      call.settle('malformed', 200);
      break;
    case null:
      break;
  }
  await writeSlowly(sent, plan.dripMs, call, wire);
}

async function writeSlowly(body: string, dripMs: number, call: Call, wire: Wire): Promise<void> {
  let at = 0;
  while (dripMs > 0 && body.length - at > DRIP_CHARACTERS) {
    await wire.write(body.slice(at, at + DRIP_CHARACTERS));
    at += DRIP_CHARACTERS;
    await wire.wait(dripMs);
  }
  // Settled before the last bytes leave: a client that has them may ask for the bill at once.
  call.settle('completed', 200);
  await wire.write(body.slice(at));
  wire.end();
}
