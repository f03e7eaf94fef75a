/** Loads on lines that are cut, on servers that are killed, and in ranges that others take after all. */
import { collection, open } from "kotobadb";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { concatBytes } from "../../../../src/base/index.ts";
import type { WriteOp } from "../../../../src/engine/contract/index.ts";
import { compareEngines, copyEngine } from "../../../../src/engine/copy/index.ts";
import { MemoryEngine } from "../../../../src/engine/memory/index.ts";
import { postgres } from "../../../../src/engine/postgres/index.ts";
import { seededRandom } from "../../../../src/testing/kit/index.ts";
import { freshTable, skipReason } from "../../../support/postgres/shared-server.ts";
import { startServer } from "../../../support/postgres/start-server.ts";
import { overtakenCopy } from "../../copy/overtaken-copy.ts";
import type { LoadedRow } from "./copy-reader.ts";
import { bytes, closing, engineAt, proxyToShared } from "../../../support/postgres/engine-kit.ts";
import { countIn, inPieces, numbered, rowsIn, shown } from "./load-kit.ts";

describe.skipIf(skipReason !== undefined)(
  "a load whose connection is cut, or whose range is taken",
  () => {
    const rows = numbered(30_000, concatBytes(bytes("value "), new Uint8Array(200).fill(7)));

    for (const [when, arm] of [
      ["before the server has the whole piece", "cutsBefore"],
      ["before the server can answer", "cutsAfter"],
    ] as const) {
      it(`brings all rows all the same: ${when}`, async () => {
        const proxy = await proxyToShared();
        const engine = engineAt({ url: proxy.url });
        await countIn(engine);
        const cut = new Set<string>();
        proxy[arm] = (sent) => {
          // Twice in the first piece, once at the end of the second.
          const mark = ["n000100", "n017000", "n029999"].find((one) => sent.includes(one));
          if (mark === undefined || cut.has(mark)) return false;
          cut.add(mark);
          return true;
        };

        await engine.load!(inPieces(rows));

        expect(cut.size).toBe(3);
        const found = await rowsIn(engine);
        expect(found.length).toBe(rows.length);
        expect(found).toEqual(rows.map(shown));
      });
    }

    it("is stopped by another copy that has overtaken it", async () => {
      const engine = engineAt();
      expect(await overtakenCopy(engine)).toMatchObject({ _tag: "CopyOvertaken" });
    });

    it("lets a copy come to its end, however often it has to be begun again", async () => {
      const proxy = await proxyToShared();
      const table = freshTable();
      const source = new MemoryEngine();
      const ops = numbered(20_000, new Uint8Array(100).fill(7)).map(([at, value]): WriteOp => ({
        op: "put",
        key: at,
        value,
      }));
      await source.write({ ops, requires: [] });
      const random = seededRandom(11);
      let cutsLeft = 14;
      // Often what has the mark in it: the commit of a mark, which the copier does not survive, and the piece that requires it.
      const cuts = (sent: Buffer): boolean =>
        cutsLeft > 0 && random.below(sent.includes('"run":') ? 4 : 40) === 0 && --cutsLeft >= 0;
      proxy.cutsAfter = cuts;
      proxy.cutsBefore = cuts;
      let runs = 0;
      let resumed = 0;
      for (let isDone = false; !isDone;) {
        expect(++runs).toBeLessThan(50);
        const engine = postgres({ url: proxy.url, table });
        try {
          const { rowsResumed } = await copyEngine(source, engine, { loadBytes: 200_000 });
          isDone = true;
          resumed = rowsResumed;
        } catch (error) {
          expect(["CommitUnknown", "Unavailable"]).toContain((error as { code?: string }).code);
        } finally {
          await engine.close();
        }
      }

      expect(await compareEngines(source, engineAt({ table }))).toMatchObject({
        differences: 0,
        isUnfinished: false,
      });
      expect([runs > 1, resumed > 0]).toEqual([true, true]);
    });

    it("leaves a collection whole, with its indexes and tallies", async () => {
      const proxy = await proxyToShared();
      const Towns = collection("towns", z.object({ name: z.string(), land: z.string() }), {
        indexes: {
          byName: { on: ["name"], unique: true },
          perLand: { count: true, by: ["land"] },
        },
      });
      const engine = engineAt({ url: proxy.url });
      await using db = await open({ engine }, { collections: { towns: Towns } });
      let cuts = 0;
      proxy.cutsAfter = (sent) => sent.includes("town 7000") && ++cuts === 1;
      const towns = Array.from({ length: 8_000 }, (_, n) => ({
        name: `town ${n}`,
        land: n % 2 === 0 ? "here" : "there",
      }));

      expect(await db.towns.load(towns)).toEqual({ loaded: 8_000 });

      expect(cuts).toBeGreaterThan(0);
      expect(await db.towns.where({ land: "here" }).count()).toBe(4_000);
      expect(await db.towns.find({ name: "town 7999" })).toMatchObject({ land: "there" });
      expect(await db.verify()).toEqual({ ok: true, problems: [] });
    });
  },
);

describe.skipIf(skipReason !== undefined)("a load while the server is killed", () => {
  it("goes on when the server is there again, and every row is there once", async () => {
    const server = await startServer({ durable: true });
    closing.push({ close: () => server.stop() });
    const engine = engineAt({ url: server.url });
    const rows = numbered(100_000, new Uint8Array(150).fill(3));
    let restarted: Promise<void> | undefined;
    const source = (async function* (): AsyncGenerator<readonly LoadedRow[]> {
      for await (const piece of inPieces(rows)) {
        yield piece;
        // Pieces are on their way from here on.
        if (Buffer.from(piece[0]![0]).toString() === "n050000") restarted = server.restart();
      }
    })();

    await engine.load!(source);
    await restarted;

    const found = await rowsIn(engine);
    expect(found.length).toBe(rows.length);
    expect(found).toEqual(rows.map(shown));
  });
});
