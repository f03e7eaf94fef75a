/** The memory for blocks or pages that every store gets that asks how much it may take. */
export const CACHE_BYTES = 256 * 1_024 * 1_024;
