/** BullMQ's lowest priority: it keeps 21 bits of it. */
export const bullPriorityMax = 2_097_151;
