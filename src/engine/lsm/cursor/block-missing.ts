/**
 * How reading stops where a block is not in memory and the disk is too slow to wait for it here.
 *
 * It is thrown, because between a lookup and the block stand cursors in cursors, and none of them can go on. It is one
 * prepared value: it is expected, and a stack would cost more than the lookup. It never leaves the engine: whoever allowed
 * reading to stop catches it, has the block read beside the thread, and repeats the work.
 */
class BlockMissing extends Error {
  override readonly name = "BlockMissing";
}

export const BLOCK_MISSING: BlockMissing = new BlockMissing(
  "A block is being read; the work is to be repeated when it is there.",
);
