/** kotoba copy, to a PostgreSQL server and back: the same rows, and a database that its program goes on with on both sides. */
import { collection, open } from "kotobadb";
import { postgres } from "kotobadb/postgres";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { skipReason } from "../support/postgres/shared-server.ts";
import { startServer } from "../support/postgres/start-server.ts";
import { kotoba, memoryDatabase } from "./support.ts";

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
});
