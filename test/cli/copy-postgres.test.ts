/** kotoba copy, to a PostgreSQL server and back: the same rows, and a database that its program goes on with on both sides. */
import { setTimeout } from "node:timers/promises";
import { collection, open } from "kotobadb";
import { postgres } from "kotobadb/postgres";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { overlaid } from "../../src/base/index.ts";
import { postgresOpener } from "../../src/cli/copy/engine-place.ts";
import type { CopyWaits, OpenUrl } from "../../src/cli/copy/engine-place.ts";
import { skipReason } from "../support/postgres/shared-server.ts";
import { startServer } from "../support/postgres/start-server.ts";
import { kotoba, memoryDatabase } from "./support.ts";
import type { Ran } from "./support.ts";

/** Whoever has got a state of it does nothing for a while. */
function pausing(openUrl: OpenUrl): OpenUrl {
  return async (url, options) => {
    const engine = await openUrl(url, options);
    return overlaid(engine, {
      snapshot: async () => {
        const view = await engine.snapshot();
        await setTimeout(700);
        return view;
      },
    });
  };
}

const Trips = collection(
  "trips",
  z.object({ code: z.string(), to: z.string(), days: z.number().int() }),
  { indexes: { byCode: { on: ["code"], unique: true }, perTown: { count: true, by: ["to"] } } },
);

describe.skipIf(skipReason !== undefined)("kotoba copy with PostgreSQL", () => {
  test("a database moves to a server and back, and goes on on both sides", async () => {
    const server = await startServer({ tcp: true });
    try {
      const host = await memoryDatabase();
      const trip = (n: number) => ({ code: `T${n}`, to: n % 2 === 0 ? "Oslo" : "Kyoto", days: n });
      await using local = await open("/data", { host, collections: { trips: Trips } });
      await local.trips.insertMany(Array.from({ length: 300 }, (_, n) => trip(n)));
      await local.close();

      const url = server.tcpUrl!;
      const there = await kotoba(host, `copy /data ${url}`);
      expect([there.exit, there.err]).toEqual([0, ""]);
      expect(there.out).toMatch(/copied and verified\n$/);
      expect((await kotoba(host, `copy --verify-only /data ${url}`)).exit).toBe(0);

      const remote = await open({ engine: postgres({ url }) }, { collections: { trips: Trips } });
      expect(await remote.trips.where({ to: "Oslo" }).count()).toBe(150);
      await expect(remote.trips.insert(trip(7))).rejects.toMatchObject({ _tag: "UniqueViolation" });
      await remote.trips.insert({ code: "new", to: "Oslo", days: 1 });
      expect(await remote.trips.where({ to: "Oslo" }).count()).toBe(151);
      expect(await remote.verify()).toEqual({ ok: true, problems: [] });
      await remote.close();
      expect((await kotoba(host, `copy --verify-only /data ${url}`)).exit).not.toBe(0);

      // A second database is refused where there is one.
      expect(await kotoba(host, `copy /data ${url}`)).toMatchObject({ exit: 2 });
      const back = await kotoba(host, `copy ${url} /back`);
      expect([back.exit, back.err]).toEqual([0, ""]);
      await using again = await open("/back", { host, collections: { trips: Trips } });
      expect(await again.trips.where({ to: "Oslo" }).count()).toBe(151);
      expect(await again.trips.find({ code: "new" })).toMatchObject({ days: 1 });
      await again.trips.insert({ code: "newer", to: "Oslo", days: 2 });
      expect(await again.trips.where({ to: "Oslo" }).count()).toBe(152);
      expect(await again.verify()).toEqual({ ok: true, problems: [] });
    } finally {
      await server.stop();
    }
  });

  test("a copy bears that its other side pauses, longer than a program may hold a state", async () => {
    const server = await startServer({ tcp: true });
    try {
      const host = await memoryDatabase();
      const url = server.tcpUrl!;
      expect((await kotoba(host, `copy /data ${url}`)).exit).toBe(0);
      const back = (to: string, waits?: CopyWaits): Promise<Ran> =>
        kotoba(host, `copy ${url} ${to}`, [], { postgres: pausing(postgresOpener(waits)) });

      const impatient = await back("/back", { transactionMillis: 200, statementMillis: 30_000 });
      expect(impatient).toMatchObject({ exit: 6, out: "" });
      const patient = await back("/back");

      expect([patient.exit, patient.err]).toEqual([0, ""]);
      expect((await kotoba(host, `copy --verify-only ${url} /back`)).exit).toBe(0);
      const engine = await postgresOpener()(url, { readOnly: true });
      // A table that is written slowly is held for as long as that takes.
      expect(engine.limits.snapshotMillis).toBeGreaterThanOrEqual(30 * 60_000);
      await engine.close();
    } finally {
      await server.stop();
    }
  });
});
