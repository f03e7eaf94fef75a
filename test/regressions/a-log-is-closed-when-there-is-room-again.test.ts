/** A full disk that refused the close mark of a log ended all writing, though there was room again. */
import { expect, test } from "vitest";
import { overlaid } from "../../src/testing/kit/index.ts";
import { openLsmEngine } from "../../src/engine/lsm/index.ts";
import type { LsmEngine } from "../../src/engine/lsm/index.ts";
import { SimulatedHost } from "../../src/testing/index.ts";
import { TINY, entriesOf, put } from "../engine/lsm/support.ts";

/** Of a close mark, which is written alone. */
const MARK_BYTES = 35;

/** From here on there is no room for close marks of logs. */
function refuseMarks(host: SimulatedHost): { isOver: boolean; refused: number } {
  const disk = { isOver: false, refused: 0 };
  const open = host.files.open.bind(host.files);
  host.files.open = (path, mode) => {
    const handle = open(path, mode);
    return overlaid(handle, {
      write: (source, start, end, offset) => {
        if (!disk.isOver && path.endsWith(".log") && end - start === MARK_BYTES) {
          disk.refused++;
          host.failAt(host.calls + 1, "ENOSPC");
        }
        handle.write(source, start, end, offset);
      },
    });
  };
  return disk;
}

/** Writes rows of this size until `errorsMax` were refused; gives the keys that were acknowledged. */
async function fill(engine: LsmEngine, errors: unknown[], errorsMax: number): Promise<string[]> {
  const kept: string[] = [];
  for (let i = 10; i < 40 && errors.length < errorsMax; i++) {
    try {
      await engine.write({ ops: [put(`k${i}`, "x".repeat(100))], requires: [] });
      kept.push(`k${i}`);
    } catch (error) {
      errors.push(error);
    }
  }
  return kept;
}

test("no room for the close mark of a log: commits are refused, and taken again by the same engine when there is room", async () => {
  const host = new SimulatedHost();
  const disk = refuseMarks(host);
  const engine = await openLsmEngine({ path: "/db", host, ...TINY });
  const errors: unknown[] = [];
  const kept = await fill(engine, errors, 3);
  expect(disk.refused).toBeGreaterThan(0);
  expect(errors.at(-1)).toMatchObject({ _tag: "DiskFull", committed: "no" });
  disk.isOver = true;
  await engine.write({ ops: [put("z", "taken")], requires: [] });
  await engine.flush();
  const shown = new Map(await entriesOf(engine.snapshot()));
  for (const key of [...kept, "z"]) expect(shown.has(key), key).toBe(true);
  await engine.close();
  const again = await openLsmEngine({ path: "/db", host: host.crash("lost"), ...TINY });
  expect(new Map(await entriesOf(again.snapshot()))).toEqual(shown);
  await again.close();
});

test("no room for the close mark of a log, and closing: it fails with the disk's refusal, and loses nothing acknowledged", async () => {
  const host = new SimulatedHost();
  const disk = refuseMarks(host);
  const engine = await openLsmEngine({ path: "/db", host, ...TINY });
  const kept = await fill(engine, [], 1);
  await expect(engine.close()).rejects.toMatchObject({ _tag: "DiskFull" });
  disk.isOver = true;
  const again = await openLsmEngine({ path: "/db", host, ...TINY });
  const shown = new Map(await entriesOf(again.snapshot()));
  for (const key of kept) expect(shown.has(key), key).toBe(true);
  await again.close();
});
