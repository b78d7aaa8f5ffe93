/** A JSON object as it is sent, members in their order. */
export type Json = Record<string, unknown>;

/** An event of a message's stream, or a part of one that says by its type what it is. */
export type Typed = Json & { type: string };

/** An event as server-sent events write it: its name is its type, and without one the official SDK drops it. */
export const eventText = (event: Typed): string => rawEventText(event.type, JSON.stringify(event));

export const rawEventText = (type: string, json: string): string => `event: ${type}\ndata: ${json}\n\n`;
