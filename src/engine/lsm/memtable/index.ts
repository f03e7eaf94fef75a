export { Memtable } from "./memtable.ts";
export { MemoryPool } from "./memory.ts";
export { imageCursor } from "./memtable-image.ts";
export type { MemtableImage } from "./memtable-image.ts";
