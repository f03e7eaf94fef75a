/** A scan in which a read of the disk failed: who goes on asking is never given less than there is. */
import { expect, test } from "vitest";
import { StorageError } from "../../../../src/engine/contract/index.ts";
import type { Page } from "../../../../src/engine/contract/index.ts";
import { SimulatedHost } from "../../../../src/testing/index.ts";
import { range } from "../support.ts";
import { filled, keyOf } from "./slow-kit.ts";

const ROWS = 4_000;
const decoder = new TextDecoder();

function keysOf({ buffer, keyEnd, keyStart, rows }: Page): string[] {
  return Array.from({ length: rows }, (_, i) =>
    decoder.decode(buffer.subarray(keyStart[i], keyEnd[i])),
  );
}

for (const reverse of [false, true]) {
  test(`a scan that met an unreadable block fails from then on, ${reverse ? "back" : "forward"}, and a new one reads all`, async () => {
    const host = new SimulatedHost();
    const engine = await filled(host, ROWS, { slowReadMicros: 1_000_000 });
    const all = Array.from({ length: ROWS }, (_, i) => keyOf(i));
    if (reverse) all.reverse();
    const view = engine.snapshot();
    for (const nth of [1, 2, 3, 5, 9, 20, 40]) {
      const scan = view.scan(range("", undefined), { reverse });
      host.failAt(host.calls + nth, "EIO");
      const given: string[] = [];
      let failures = 0;
      let isDone = false;
      for (let i = 0; i < 20 && !isDone; i++) {
        try {
          const page = await scan.next();
          given.push(...keysOf(page));
          isDone = page.done;
        } catch (error) {
          expect(error).toBeInstanceOf(StorageError);
          failures++;
        }
      }
      scan.close();
      expect(failures).toBeGreaterThan(0);
      expect(isDone).toBe(false);
      expect(given).toEqual(all.slice(0, given.length));
    }
    const scan = view.scan(range("", undefined), { reverse });
    const given: string[] = [];
    for (let page = await scan.next(); ; page = await scan.next()) {
      given.push(...keysOf(page));
      if (page.done) break;
    }
    expect(given).toEqual(all);
    view.close();
    await engine.close();
  });
}
