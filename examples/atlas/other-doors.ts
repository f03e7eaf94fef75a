/** The same data through the Effect door, and the promises of the engines below held to the contract suite. */
import * as Effect from "effect/Effect";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open } from "kotobadb/effect";
import { MemoryEngine, openLsmEngine } from "kotobadb/engine";
import { runContract } from "kotobadb/testing";
import { Cities, Notes, worldCities } from "./city.ts";
import { check, say } from "./say.ts";

export async function askThroughEffect(folder: string): Promise<void> {
  const program = Effect.gen(function* () {
    const atlas = yield* open(folder, { collections: { cities: Cities, notes: Notes } });
    const capitals = yield* atlas.cities.where({ capital: true }).count();
    const oslo = yield* atlas.cities.find({ geoId: 3143244 });
    const taken = yield* atlas.cities.insert({ ...worldCities[0]!, geoId: 3143244 }).pipe(
      Effect.as("nothing"),
      Effect.catchTag("UniqueViolation", (error) => Effect.succeed(error.index)),
    );
    return { capitals, oslo: oslo?.name, taken };
  });
  const { capitals, oslo, taken } = await Effect.runPromise(Effect.scoped(program));
  const expected = worldCities.filter((city) => city.capital).length;
  check(`${capitals} capitals, and ${oslo}, through Effects in a Scope`, capitals === expected);
  check(`Oslo's id is taken: caught by its tag, index ${taken}`, taken === "byGeoId");
}

export async function holdToTheContract(): Promise<void> {
  const memory = await runContract(async () => new MemoryEngine());
  check(`the engine in memory: ${memory.passed.length} cases hold`, memory.failed.length === 0);
  const folders: string[] = [];
  const lsm = await runContract(async () => {
    const path = await mkdtemp(join(tmpdir(), "kotobadb-contract-"));
    folders.push(path);
    return await openLsmEngine({ path });
  });
  for (const path of folders) await rm(path, { recursive: true, force: true });
  check(`the engine on the disk: ${lsm.passed.length} cases hold`, lsm.failed.length === 0);
  say("(what every engine must do, from kotobadb/testing)");
}
