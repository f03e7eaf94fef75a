import { SingleBar } from "cli-progress";
import { worldCities } from "./city.ts";
import type { Atlas } from "./open-atlas.ts";
import { check, millis, number, say } from "./say.ts";

const batchRows = 1_000;

/** Every batch is one atomic commit, on the disk before the next one begins. */
export async function importCities(atlas: Atlas): Promise<void> {
  const bar = new SingleBar({ format: "  {bar} {value} of {total} cities", clearOnComplete: true });
  bar.start(worldCities.length, 0);
  const started = performance.now();
  for (let at = 0; at < worldCities.length; at += batchRows) {
    await atlas.cities.insertMany(worldCities.slice(at, at + batchRows));
    bar.update(Math.min(at + batchRows, worldCities.length));
  }
  bar.stop();
  const seconds = (performance.now() - started) / 1_000;
  const rate = number(Math.round(worldCities.length / seconds));
  say(
    `${number(worldCities.length)} cities with six indexes in ${seconds.toFixed(1)} s: ${rate} documents a second, each batch synced.`,
  );
  const counting = performance.now();
  const stored = await atlas.cities.count();
  check(
    `${number(stored)} are stored, counted in ${millis(counting)}`,
    stored === worldCities.length,
  );
}
