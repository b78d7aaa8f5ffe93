import { createHash } from 'node:crypto';
import type { FastifyRequest, RouteHandlerMethod } from 'fastify';
import type { Call } from '../bill/call-log.ts';
import type { AttemptCounter } from '../faults/attempt-counter.ts';
import { type FaultOrder, readOrder } from '../faults/read-order.ts';
import type { CallBody, Endpoint } from './endpoint.ts';
import { callOf } from './log-calls.ts';
import { refuseUnknownModel } from './refuse-unknown-model.ts';
import { firstHeader, REQUEST_ID_HEADER } from './request-headers.ts';
import { sendStream } from './send-stream.ts';
import { sendWhole } from './send-whole.ts';
import { openWire, type Wire } from './wire.ts';

const FAULT_HEADER = 'x-sandbox-fault';
const PROXY_PAGE = '<!doctype html><html><body><h1>502 Bad Gateway</h1></body></html>';

/** The handler of an endpoint that costs tokens. */
export function serveCall<Body extends CallBody>(
  endpoint: Endpoint<Body>,
  attempts: AttemptCounter,
): RouteHandlerMethod {
  return async (request, reply) => {
    const wire = openWire(reply);
    try {
      await answerCall(endpoint, request, wire, attempts);
    } catch (error) {
      if (!wire.hasLeft() && !reply.sent) throw error;
      if (!wire.hasLeft()) request.log.error(error, 'failed in the middle of an answer');
      reply.hijack();
      reply.raw.destroy();
    }
    return reply;
  };
}

async function answerCall<Body extends CallBody>(
  endpoint: Endpoint<Body>,
  request: FastifyRequest,
  wire: Wire,
  attempts: AttemptCounter,
): Promise<void> {
  const call = callOf(request);
  const body = endpoint.read(request.body, request.headers);
  call.describe({ model: body.model, streamed: body.stream === true });
  refuseUnknownModel(body.model);
  const order = readOrder(body.model, firstHeader(request, FAULT_HEADER));
  call.describe({ fault: order.text });
  await wire.wait(order.plan.waitMs);
  refuseAsOrdered(order, request, attempts);
  if (order.plan.instead) return misbehave(order.plan.instead, call, wire);

  const { stream, ...answer } = endpoint.answer(body, order.plan, call);
  if (!stream) return sendWhole({ ...answer, stream }, order.plan, call, wire);
  return sendStream({ ...answer, stream }, order.plan, call, wire);
}

function refuseAsOrdered({ text, plan }: FaultOrder, request: FastifyRequest, attempts: AttemptCounter): void {
  for (const [index, { refusal, times }] of plan.refusals.entries()) {
    if (times === Infinity) throw refusal;
    // The order is part of the key: two models that fail once each, asked in turn for one request, both fail once.
    const caller = firstHeader(request, REQUEST_ID_HEADER) ?? hashOf(request.body);
    if (attempts.isAmongFirst(`${text} ${index} ${caller}`, times)) throw refusal;
  }
}

async function misbehave(instead: 'hang' | 'reset' | 'html', call: Call, wire: Wire): Promise<void> {
  switch (instead) {
    case 'hang':
      return wire.silence();
    case 'reset':
      call.settle('reset', null);
      return wire.reset();
    case 'html':
      call.settle('wrong-content-type', 200);
      wire.head(200, { 'content-type': 'text/html; charset=utf-8', 'content-length': PROXY_PAGE.length });
      await wire.write(PROXY_PAGE);
      return wire.end();
  }
}

function hashOf(body: unknown): string {
  return createHash('sha256').update(JSON.stringify(body)).digest('base64');
}
