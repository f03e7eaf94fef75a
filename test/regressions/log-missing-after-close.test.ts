/** After a close in good order a log that is missing, or cut short, is damage and never the end of the data. */
import { expect, test } from "vitest";
import { CorruptionError } from "../../src/engine/contract/index.ts";
import { openLsmEngine, verifyDatabase } from "../../src/engine/lsm/index.ts";
import { SimulatedHost } from "../../src/testing/index.ts";
import { entriesOf, put } from "../engine/lsm/support.ts";

const path = "/db";
const logsOf = (host: SimulatedHost): string[] =>
  host.paths().filter((file) => file.endsWith(".log"));

async function threeCommits(ending: "closed" | "cut off"): Promise<SimulatedHost> {
  const host = new SimulatedHost();
  const engine = await openLsmEngine({ path, host, walFileBytes: 512, closeFlushBytesMax: 0 });
  for (const key of ["a", "b", "c"]) await engine.write({ ops: [put(key, "value")], requires: [] });
  const cut = host.afterPowerCut("kept");
  await engine.close();
  return ending === "closed" ? host : cut;
}

async function expectRefused(host: SimulatedHost): Promise<void> {
  for (const readOnly of [true, false])
    await expect(openLsmEngine({ path, host, readOnly })).rejects.toBeInstanceOf(CorruptionError);
  const { problems } = await verifyDatabase({ path, host });
  expect(problems.join()).toContain(".log");
}

for (const ending of ["closed", "cut off"] as const) {
  test(`a missing log of a database that was ${ending} is refused`, async () => {
    const host = await threeCommits(ending);
    for (const log of logsOf(host)) host.files.remove(log);
    await expectRefused(host);
  });
}

test("a log that is cut off at whatever length after a close is refused", async () => {
  const whole = await threeCommits("closed");
  const [log] = logsOf(whole) as [string];
  const content = whole.contentOf(log);
  const used = content.findLastIndex((byte) => byte !== 0) + 1;
  for (let length = 0; length < used; length++) {
    const host = whole.afterPowerCut("kept");
    host.damage(log, content.subarray(0, length));
    await expectRefused(host);
  }
});

test("what a power cut left of an unfinished close, or of an unfinished opening, opens", async () => {
  const host = new SimulatedHost();
  const cuts: SimulatedHost[] = [];
  const engine = await openLsmEngine({ path, host });
  await engine.write({ ops: [put("a", "value")], requires: [] });
  host.onCall = ({ change }) => {
    if (change !== undefined)
      cuts.push(host.afterPowerCut("seeded", change), host.afterPowerCut("lost"));
  };
  await engine.close();
  await (await openLsmEngine({ path, host })).close();
  expect(cuts.length).toBeGreaterThan(20);
  for (const cut of cuts) {
    const again = await openLsmEngine({ path, host: cut });
    expect(await entriesOf(again.snapshot())).toEqual([["a", "value"]]);
    await again.close();
  }
});

test("a log of a copy that went its own way, laid beside those of a closed database, is refused", async () => {
  const host = await threeCommits("closed");
  const copy = host.afterPowerCut("kept");
  const engine = await openLsmEngine({
    path,
    host: copy,
    walFileBytes: 512,
    closeFlushBytesMax: 0,
  });
  await engine.write({ ops: [put("d", "elsewhere")], requires: [] });
  await engine.close();
  const [log] = logsOf(copy) as [string];
  const file = host.files.open(log, "create");
  const content = copy.contentOf(log);
  file.write(content, 0, content.length, 0);
  file.close();
  await expectRefused(host);
});
