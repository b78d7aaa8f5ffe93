import { makeId } from '../call/make-id.ts';
import { type BodyStore, createBodyStore } from './body-store.ts';
import { type CallFilter, type CallRecord, matches, type Outcome } from './call-record.ts';

type Identity = 'request_id' | 'dialect' | 'method' | 'path' | 'header_names' | 'headers' | 'credentials';
export type CallStart = Pick<CallRecord, Identity>;
type CallDescription = Pick<CallRecord, 'model' | 'fault' | 'streamed'>;

export interface Charge {
  prompt?: number;
  completion?: number;
  /** Of the prompt. */
  cache?: { write: number; read: number } | undefined;
}

/** A call being served. */
export interface Call {
  readonly id: string;
  describe(known: Partial<CallDescription>): void;
  /** Remembers what was asked, as long as there is room. */
  keepBody(body: object, bytes: number): void;
  /** From here on the call is on the bill, be it for 0 tokens. */
  charge(tokens: Charge): void;
  /** Ends the record; whoever comes first says how it ended. */
  settle(outcome: Outcome, status: number | null): void;
}

export interface CallLog {
  open(start: CallStart): Call;
  find(filter: CallFilter): CallRecord[];
  /** Undefined when the call brought none, or when it has been forgotten. */
  bodyOf(callId: string): object | undefined;
  /** Calls that were forgotten because there are more than `callsMax`. */
  dropped(): number;
  reset(): void;
}

// In JSON; parsed it is a few times that.
const BODIES_BYTES_MAX = 16 * 1024 * 1024;

export function createCallLog({ callsMax }: { callsMax: number }): CallLog {
  const bodies = createBodyStore({ bytesMax: BODIES_BYTES_MAX });
  // Cut in slices of a tenth: shifting one by one would move the whole array for every call.
  const slack = Math.ceil(callsMax / 10);
  let records: CallRecord[] = [];
  let dropped = 0;
  return {
    open(start) {
      const record = startRecord(start);
      records.push(record);
      if (records.length > callsMax + slack) dropped += records.splice(0, records.length - callsMax).length;
      return openCall(record, bodies);
    },
    find: (filter) => records.filter((record) => matches(record, filter)),
    bodyOf: (callId) => bodies.find(callId),
    dropped: () => dropped,
    reset() {
      records = [];
      dropped = 0;
      bodies.reset();
    },
  };
}

function openCall(record: CallRecord, bodies: BodyStore): Call {
  return {
    id: record.call_id,
    describe: (known) => void Object.assign(record, known),
    keepBody(body, bytes) {
      record.parameters = Object.keys(body);
      bodies.keep(record.call_id, body, bytes);
    },
    charge({ prompt = 0, completion = 0, cache }) {
      record.billed = true;
      record.prompt_tokens += prompt;
      record.completion_tokens += completion;
      record.cache_write_tokens += cache?.write ?? 0;
      record.cache_read_tokens += cache?.read ?? 0;
    },
    settle(outcome, status) {
      if (record.state === 'ended') return;
      Object.assign(record, { state: 'ended', outcome, status, ended_at: new Date().toISOString() });
    },
  };
}

function startRecord(start: CallStart): CallRecord {
  return {
    call_id: makeId('req_'),
    ...start,
    model: null,
    fault: null,
    streamed: false,
    parameters: [],
    state: 'open',
    status: null,
    outcome: null,
    billed: false,
    prompt_tokens: 0,
    completion_tokens: 0,
    cache_write_tokens: 0,
    cache_read_tokens: 0,
    started_at: new Date().toISOString(),
    ended_at: null,
  };
}
