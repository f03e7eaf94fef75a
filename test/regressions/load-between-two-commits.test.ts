/** A load takes a sequence between those of a memtable that has none of its keys: their tables interlace, in order. */
import { expect, test } from "vitest";
import { openLsmEngine } from "../../src/engine/lsm/index.ts";
import { TINY, bytes, entriesOf, put } from "../engine/lsm/support.ts";
import { SimulatedHost } from "../../src/testing/index.ts";

test("a load between two commits of one memtable is no problem to verify()", async () => {
  const options = { path: "/db", host: new SimulatedHost(), ...TINY, l0TablesTrigger: 9 };
  const engine = await openLsmEngine({ ...options, levelBaseBytes: 1_000_000 });
  await engine.write({ ops: [put("m", "oldest")], requires: [] });
  await engine.flush();
  await engine.write({ ops: [put("a", "before"), put("z", "before")], requires: [] });
  await engine.load!(
    (async function* () {
      yield [[bytes("m"), bytes("loaded")] as const];
    })(),
  );
  await engine.write({ ops: [put("n", "after")], requires: [] });
  await engine.flush();
  expect(await engine.verify()).toEqual([]);
  const wanted = [
    ["a", "before"],
    ["m", "loaded"],
    ["n", "after"],
    ["z", "before"],
  ];
  expect(await entriesOf(engine.snapshot())).toEqual(wanted);
  await engine.compact();
  expect(await entriesOf(engine.snapshot())).toEqual(wanted);
  await engine.close();
});
