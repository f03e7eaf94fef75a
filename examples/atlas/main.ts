import { rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { askForFigures, askQuestions, walkPages } from "./ask-questions.ts";
import { importCities } from "./import-cities.ts";
import { movePeople } from "./move-people.ts";
import { openAtlas } from "./open-atlas.ts";
import { askThroughEffect, holdToTheContract } from "./other-doors.ts";
import { chapter, number, say } from "./say.ts";
import { surviveKills } from "./survive-kills.ts";

const folder = process.argv[2] ?? fileURLToPath(new URL("./data", import.meta.url));
await rm(folder, { recursive: true, force: true });

{
  await using atlas = await openAtlas(folder);
  chapter("1. Import");
  await importCities(atlas);
  chapter("2. Questions, with the plans that answer them");
  await askQuestions(atlas);
  chapter("3. Figures of groups");
  await askForFigures(atlas);
  chapter("4. Page by page");
  await walkPages(atlas);
  chapter("5. Transactions under contention");
  await movePeople(atlas);
}

chapter("6. Killed in the middle of writing");
await surviveKills(folder, 3);

chapter("7. The other doors: Effects, and the contract of engines");
await askThroughEffect(folder);
await holdToTheContract();

chapter("8. The store's figures");
await using atlas = await openAtlas(folder);
const figures = Object.entries(await atlas.stats()).filter(([, value]) => value !== 0);
for (const [name, value] of figures)
  say(`${name.padEnd(28)} ${number(Math.round(value * 10) / 10).padStart(14)}`);
say("");
say("Everything above was checked as it was printed.");
