import { loadLua } from '../redis/define-script.ts';

/**
 * Lua functions `limits`, `limits_correct` and `limits_release`, to be put before a script that decides on limits, or
 * that settles what was reserved in them.
 */
export const limitsLua = loadLua(import.meta.url, './limits.lua');
