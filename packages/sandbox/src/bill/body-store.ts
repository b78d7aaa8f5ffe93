/** The last bodies, within a limit of bytes: tests look at a few, and a load test must not fill the memory. */
export interface BodyStore {
  /** `bytes` is how long the body was on the wire. */
  keep(callId: string, body: object, bytes: number): void;
  find(callId: string): object | undefined;
  reset(): void;
}

interface Kept {
  body: object;
  bytes: number;
}

export function createBodyStore({ bytesMax }: { bytesMax: number }): BodyStore {
  const bodies = new Map<string, Kept>();
  let bytes = 0;
  return {
    keep(callId, body, length) {
      bodies.set(callId, { body, bytes: length });
      bytes += length;
      for (const [oldest, { bytes: freed }] of bodies) {
        if (bytes <= bytesMax) return;
        bodies.delete(oldest);
        bytes -= freed;
      }
    },
    find: (callId) => bodies.get(callId)?.body,
    reset() {
      bodies.clear();
      bytes = 0;
    },
  };
}
