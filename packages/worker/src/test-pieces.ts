import type { Piece } from './providers/provider.ts';

/** What a provider's stream brings when it brings a text; of an empty one, a sign of life. */
export const textPiece = (text: string): Piece => ({ deltas: text === '' ? [] : [{ type: 'text', text }] });
