/** Transactions under contention: many at once move people between the same two cities. */
import type { Atlas } from "./open-atlas.ts";
import { check, millis, number, say } from "./say.ts";

export async function movePeople(atlas: Atlas): Promise<void> {
  const tokyo = await atlas.cities.find({ geoId: 1850147 });
  const oslo = await atlas.cities.find({ geoId: 3143244 });
  if (tokyo === undefined || oslo === undefined) throw new Error("Tokyo or Oslo is missing");
  const families = 100;
  let runAgain = 0;
  const started = performance.now();
  await Promise.all(
    Array.from({ length: families }, () =>
      atlas.transaction(async (tx) => {
        if (tx.attempt > 1) runAgain++;
        const [from, to] = await tx.cities.getMany([tokyo.id, oslo.id]);
        if (from === undefined || to === undefined) throw new Error("a city went away");
        await tx.cities.update(from.id, { population: from.population - 1_000 });
        await tx.cities.update(to.id, { population: to.population + 1_000 });
      }),
    ),
  );
  say(
    `${families} transactions at once moved 1,000 people each from Tokyo to Oslo in ${millis(started)}; ${runAgain} lost a race and ran again.`,
  );
  const after = await atlas.cities.getMany([tokyo.id, oslo.id]);
  const [left, arrived] = [after[0]?.population ?? 0, after[1]?.population ?? 0];
  check(
    `Tokyo ${number(left)}, Oslo ${number(arrived)}: nobody was lost or counted twice`,
    left === tokyo.population - families * 1_000 && arrived === oslo.population + families * 1_000,
  );
}
