/** Two copiers to one target: the first is held up in the middle of its rows until the second has come to its end. */
import { expect } from "vitest";
import { compareEngines, copyEngine } from "../../../src/engine/copy/index.ts";
import type { StorageEngine } from "../../../src/engine/contract/index.ts";
import { MemoryEngine } from "../../../src/engine/memory/index.ts";
import { numbered, writeAll } from "./copy-kit.ts";

/** What the first one fails with. The target holds what the second one has brought, whatever the first one does then. */
export async function overtakenCopy(target: StorageEngine): Promise<unknown> {
  const [old, current] = [new MemoryEngine(), new MemoryEngine()];
  await writeAll(old, numbered(3_000, 100, 1));
  await writeAll(current, numbered(2_000, 100, 2));
  let wake: (() => void) | undefined;
  const held = new Promise<void>((resolve) => {
    wake = resolve;
  });
  let isHeld = (): void => {};
  const begun = new Promise<void>((resolve) => {
    isHeld = resolve;
  });
  const first = copyEngine(old, target, {
    loadBytes: 150_000,
    commitBytes: 50_000,
    onProgress: async ({ phase }) => {
      if (phase !== "copying") return;
      isHeld();
      await held;
    },
  }).catch((error: unknown) => error);
  await begun;
  await copyEngine(current, target);
  wake!();
  const failure = await first;
  expect(await compareEngines(current, target)).toMatchObject({
    differences: 0,
    isUnfinished: false,
  });
  return failure;
}
