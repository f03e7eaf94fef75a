/** A copier that was paused while another one filled the target, and a program went on with it, harms nothing when it wakes. */
import { expect, test } from "vitest";
import { compareEngines, copyEngine } from "../../../src/engine/copy/index.ts";
import type { StorageEngine } from "../../../src/engine/contract/index.ts";
import { MemoryEngine } from "../../../src/engine/memory/index.ts";
import { numbered, tinyLsm, writeAll } from "./copy-kit.ts";
import { overtakenCopy } from "./overtaken-copy.ts";

for (const [how, makeTarget] of [
  ["by load()", (): Promise<StorageEngine> => tinyLsm()],
  ["in commits", async (): Promise<StorageEngine> => new MemoryEngine()],
] as const) {
  test(`a copier that has been overtaken writes nothing more: ${how}`, async () => {
    const target = await makeTarget();
    expect(await overtakenCopy(target)).toMatchObject({ _tag: "CopyOvertaken" });
    await target.close();
  });
}

test("the kit's own engines differ, so that a late row would be seen", async () => {
  const [one, other] = [new MemoryEngine(), new MemoryEngine()];
  await writeAll(one, numbered(10, 100, 1));
  await copyEngine(one, other);
  await writeAll(other, numbered(1, 100, 2));
  expect(await compareEngines(one, other)).toMatchObject({ differences: 1 });
});
