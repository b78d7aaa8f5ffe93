import { makeId } from '../call/make-id.ts';
import { type CallFilter, type CallRecord, matches, type Outcome } from './call-record.ts';

export type CallStart = Pick<CallRecord, 'request_id' | 'dialect' | 'method' | 'path' | 'header_names'>;
type CallDescription = Pick<CallRecord, 'model' | 'fault' | 'streamed'>;

/** A call being served. */
export interface Call {
  readonly id: string;
  describe(known: Partial<CallDescription & Pick<CallRecord, 'parameters'>>): void;
  /** From here on the call is on the bill, be it for 0 tokens. */
  charge(tokens: { prompt?: number; completion?: number }): void;
  /** Ends the record; whoever comes first says how it ended. */
  settle(outcome: Outcome, status: number | null): void;
}

export interface CallLog {
  open(start: CallStart): Call;
  find(filter: CallFilter): CallRecord[];
  /** Calls that were forgotten because there are more than `callsMax`. */
  dropped(): number;
  reset(): void;
}

export function createCallLog({ callsMax }: { callsMax: number }): CallLog {
  // Cut in slices of a tenth: shifting one by one would move the whole array for every call.
  const slack = Math.ceil(callsMax / 10);
  let records: CallRecord[] = [];
  let dropped = 0;
  return {
    open(start) {
      const record = startRecord(start);
      records.push(record);
      if (records.length > callsMax + slack) dropped += records.splice(0, records.length - callsMax).length;
      return openCall(record);
    },
    find: (filter) => records.filter((record) => matches(record, filter)),
    dropped: () => dropped,
    reset() {
      records = [];
      dropped = 0;
    },
  };
}

function openCall(record: CallRecord): Call {
  return {
    id: record.call_id,
    describe: (known) => void Object.assign(record, known),
    charge({ prompt = 0, completion = 0 }) {
      record.billed = true;
      record.prompt_tokens += prompt;
      record.completion_tokens += completion;
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
    started_at: new Date().toISOString(),
    ended_at: null,
  };
}
