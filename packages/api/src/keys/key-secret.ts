import { createHash, randomBytes } from 'node:crypto';

const prefix = 'sk-gw-';

/** 32 random bytes behind a prefix by which scanners of leaked secrets can know it. */
export const makeKeySecret = (): string => `${prefix}${randomBytes(32).toString('base64url')}`;

/** Whether a credential claims to be one of our keys, and not some other service's that a client sends along. */
export const isKeySecret = (credential: string): boolean => credential.startsWith(prefix);

/** A text for the log, without the secrets that somebody has put where an id belongs. */
export const hideSecrets = (text: string): string => text.replaceAll(/sk-gw-[\w-]+/g, `${prefix}…`);

/** What is kept of a secret. It needs no salt and no slow hash: nobody guesses 256 random bits. */
export const digestOfSecret = (secret: string): string => createHash('sha256').update(secret).digest('hex');

/** Enough to tell one's keys apart, and not to guess the rest. */
export const hintOfSecret = (secret: string): string => secret.slice(-4);
