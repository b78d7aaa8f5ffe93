import type { JobEvent } from '@llm-gateway/shared/contracts/event';
import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import { resolveModel } from '@llm-gateway/shared/pricing/resolve-model';
import type { FastifyReply } from 'fastify';
import { modelHeaders } from '../generation/model-headers.ts';
import { draining } from '../http/draining.ts';
import { setTimeHeaders } from '../http/standard-headers.ts';
import type { Frame, Translator } from './event-frames.ts';
import { type Accepted, EventStream, type EventStreamDeps } from './event-stream.ts';
import { onClientGone } from './on-client-gone.ts';
import type { QueueTicker } from './queue-ticker.ts';
import {
  eventStreamHeaders,
  type StreamConnection,
  type StreamConnections,
  type StreamManner,
} from './stream-connections.ts';
import type { Wait } from './waiter.ts';

export interface StreamDeliveryDeps extends EventStreamDeps {
  connections: StreamConnections;
  ticker: QueueTicker;
  /** How long the answer's status is held back, so that an early failure can still be an HTTP error. */
  commitMs: number;
}

export interface StreamWish {
  tenantId: string;
  id: string;
  record: Accepted & Pick<JobRecord, 'attempt'>;
  /** Number of the last event that the client has; -1 for none. */
  after: number;
  /** This request's wait for the end of the job. */
  wait: Wait;
  translator: Translator;
  /** How the connection itself is begun and ended. */
  manner: StreamManner;
  /** Kinds of frames that the client wants; those of the job's life always come. */
  kinds?: ReadonlySet<Frame['kind']> | undefined;
  /** Whether the answer begins only with the first text: for a client that asked for a generation, not for a job's events. */
  isHeld: boolean;
  onDelivered?: () => void;
}

/**
 * Answers with the events of a job, from where the client is on. Throws the job's failure when it comes before
 * anything has been sent, and `draining`.
 */
export async function deliverStream(reply: FastifyReply, wish: StreamWish, deps: StreamDeliveryDeps): Promise<void> {
  const { id, wait, isHeld } = wish;
  const { createdMs, lane, leader } = wish.record;
  // Kept as long as the stream is open, and so without the prompt.
  const record: Accepted = { createdMs, lane, ...(leader === undefined ? {} : { leader }) };
  reply.request.body = undefined;

  const outlet = createOutlet(wish);
  const { tenantId, after, manner } = wish;
  const { write, onEnd, onLost } = outlet;
  const translator = watching(wish.translator, outlet.noteStart);
  const stream = new EventStream({ tenantId, id, record, after, translator, write, onEnd, onLost }, deps);
  const leave = () => {
    stream.close();
    wait.cancel();
    deps.ticker.remove(stream);
    outlet.commit();
  };
  onClientGone(reply, leave);
  let isDraining = false;
  void wait.end(Number.POSITIVE_INFINITY).then((how) => {
    isDraining = how === 'draining';
    if (how === 'ended') stream.lookAnew();
    if (isDraining) outlet.commit();
  });
  stream.open();
  await outlet.committed(isHeld ? deps.commitMs : 0);
  if (reply.raw.destroyed) return;

  if (isHeld) reply.headers(outlet.answerer());
  const failure = isHeld ? outlet.end()?.failure : undefined;
  if (failure || (isDraining && !outlet.end())) {
    leave();
    // Told as an error that is answered in full: a client that asks again asks anew.
    if (failure) wish.onDelivered?.();
    throw failure ? new GatewayError(failure) : draining(id);
  }
  setTimeHeaders(reply);
  reply.hijack();
  const on = { onDrain: () => stream.resume(), onClose: leave };
  outlet.begin((held) => deps.connections.open(reply.raw, textHeaders(reply), held, { ...on, manner }));
  if (manner.tellsPlace) deps.ticker.add(stream, { id, record, write });
}

/** Answers HEAD as the stream itself would begin. */
export function announceStream(reply: FastifyReply): void {
  setTimeHeaders(reply);
  reply.hijack();
  reply.raw.writeHead(200, { ...textHeaders(reply), ...eventStreamHeaders }).end();
}

type Started = Extract<JobEvent, { type: 'started' }>;

/** The same, with a word of every beginning of a call. */
const watching = (translator: Translator, onStart: (event: Started) => void): Translator => ({
  begin: (record) => translator.begin(record),
  entry(entry) {
    if (entry.event.type === 'started') onStart(entry.event);
    return translator.entry(entry);
  },
  end: (record, cursor) => translator.end(record, cursor),
});

/** Where the frames of a stream go: kept until the answer is begun, then to the client. */
function createOutlet({
  record,
  kinds,
  isHeld,
  onDelivered,
  manner,
}: Pick<StreamWish, 'record' | 'kinds' | 'isHeld' | 'onDelivered' | 'manner'>) {
  const { promise, resolve: commit } = Promise.withResolvers<void>();
  const held: Frame[] = [];
  let connection: StreamConnection | undefined;
  let { attempt } = record;
  let target: string | undefined;
  let end: JobRecord | undefined;
  let isLost = false;
  let isTold = false;

  const finish = () => {
    if (!connection || (!end && !isLost)) return;
    if (end) onDelivered?.();
    connection.end(end || isTold ? '' : manner.lost);
  };
  return {
    commit,
    noteStart(event: Started) {
      attempt = Math.max(attempt, event.attempt);
      target = event.model;
    },
    /** Headers that tell of who answers and how often they were asked, as far as this stream has heard. */
    answerer() {
      const model = resolveModel(end?.answer?.target ?? target ?? '');
      return { ...(model ? modelHeaders(model) : {}), 'x-gateway-attempts': String(end?.attempt ?? attempt) };
    },
    end: () => end,
    /** Resolves when the answer may begin: with the first frame that it waits for, at the end, or after `patienceMs`. */
    async committed(patienceMs: number): Promise<void> {
      const late = setTimeout(commit, patienceMs);
      await promise;
      clearTimeout(late);
    },
    begin(open: (held: readonly Frame[]) => StreamConnection) {
      connection = open(held.splice(0));
      finish();
    },
    write(frame: Frame): boolean {
      // It says itself why nothing more is told.
      isTold ||= frame.isLast === true;
      if (kinds && frame.kind !== 'life' && !kinds.has(frame.kind)) return true;
      if (connection) return connection.write(frame);
      held.push(frame);
      if (!isHeld || frame.kind === 'text' || frame.kind === 'tool-call') commit();
      return true;
    },
    onEnd(record: JobRecord) {
      end = record;
      commit();
      finish();
    },
    onLost() {
      isLost = true;
      commit();
      finish();
    },
  };
}

const textHeaders = (reply: FastifyReply): Record<string, string> =>
  Object.fromEntries(Object.entries(reply.getHeaders()).map(([name, value]) => [name, String(value)]));
