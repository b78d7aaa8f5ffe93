import { GatewayError } from '@llm-gateway/shared/contracts/failure';

export interface Fault {
  /** JSON pointer into the body, or the name of a header or of a parameter. */
  pointer: string;
  /** The rule, in words that follow the name: `must be <= 2`. */
  detail: string;
}

/** The refusal of a request for what its fields say: every fault is listed, the first one is the field. */
export function invalidFields(faults: readonly [Fault, ...Fault[]]): GatewayError {
  return new GatewayError({
    code: 'invalid_request',
    field: faults[0].pointer,
    detail: faults.map(({ pointer, detail }) => `${pointer || 'body'}: ${detail}`).join('; '),
    errors: [...faults],
  });
}

export const invalidField = (pointer: string, detail: string): GatewayError => invalidFields([{ pointer, detail }]);

/** The refusal of a header, or of a parameter that stands for one: 400, where a body's member is 422. */
export const invalidHeader = (name: string, detail: string): GatewayError =>
  new GatewayError({
    code: 'malformed_request',
    field: name,
    detail: `${name}: ${detail}`,
    errors: [{ pointer: name, detail }],
  });

/** A refusal with its fields renamed, where what was read is a part of what was sent. Other errors stay as they are. */
export function renameFields(error: unknown, rename: (pointer: string) => string): unknown {
  if (!(error instanceof GatewayError) || error.failure.field === undefined) return error;
  if (error.failure.code !== 'invalid_request') {
    return new GatewayError({ ...error.failure, field: rename(error.failure.field) }, error.cause);
  }
  const [first, ...rest] = (error.failure.errors ?? []).map((fault) => ({ ...fault, pointer: rename(fault.pointer) }));
  return first ? invalidFields([first, ...rest]) : error;
}
