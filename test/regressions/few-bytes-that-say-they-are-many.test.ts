/** Room for 64 MiB was made for a block of a hundred bytes, as its handle said that it stands for so many. */
import { expect, test } from "vitest";
import { CorruptionError } from "../../src/engine/contract/index.ts";
import { BlockFile } from "../../src/engine/lsm/sstable/block/block-frame.ts";
import { SimulatedHost } from "../../src/testing/index.ts";

test("a block cannot stand for more bytes than a codec makes of it", () => {
  const { files } = new SimulatedHost();
  files.makeDirectory("/db");
  const file = new BlockFile(files.open("/db/000007.sst", "create"), 7, 100_000);
  file.checkHandle(0, 100, 100);
  file.checkHandle(0, 100, 100 * 32_768);
  file.checkHandle(0, 10_000, 64 * 1_024 * 1_024);
  for (const [length, rawLength] of [
    [100, 100 * 32_768 + 1],
    [100, 64 * 1_024 * 1_024],
    [10_000, 64 * 1_024 * 1_024 + 1],
    [0, 1],
  ] as const)
    expect(() => file.checkHandle(0, length, rawLength)).toThrow(CorruptionError);
});
