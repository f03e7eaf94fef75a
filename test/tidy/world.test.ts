/**
 * The world outside enters through the host: nothing below the database floor reads a clock, rolls dice or sets timers,
 * so that a simulator can own them all. And `any` stands only on lines that say why.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const below = /^src\/(base|engine|transaction|collections|query)\//;
const mayTouchTheWorld = ["src/engine/lsm/host/"];
const ambient =
  /\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\b(setTimeout|setInterval|setImmediate)\(|\bperformance\.now\b|\bcrypto\.|\bprocess\./;
const loose = /: any\b|<any>|\bas any\b|\bany\[\]|\bany,|\bany>/;

const sources = readdirSync("src", { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts"))
  .map((name) => join("src", name));

function lines(path: string): { readonly path: string; readonly text: string }[] {
  const code = readFileSync(path, "utf8").replace(/\/\*[\s\S]*?\*\//g, (comment) =>
    comment.replace(/[^\n]/g, ""),
  );
  return code.split("\n").map((text, at) => ({ path: `${path}:${at + 1}`, text }));
}

function ambientUses(path: string): string[] {
  if (!below.test(path) || mayTouchTheWorld.some((place) => path.startsWith(place))) return [];
  return lines(path)
    .filter(({ text }) => ambient.test(text.replace(/\/\/.*$/, "")))
    .map((line) => line.path);
}

test("nothing below the database floor reads the clock, chance or timers by itself", () => {
  expect(sources.length).toBeGreaterThan(40);
  expect(sources.flatMap(ambientUses)).toEqual([]);
});

test("any stands only on or under a line that says why", () => {
  const found = sources.flatMap((path) => {
    const all = lines(path);
    return all
      .filter(({ text }, at) => {
        if (!loose.test(text.replace(/\/\/.*$/, ""))) return false;
        return !`${all[at - 1]?.text} ${text}`.includes("type kernel");
      })
      .map((line) => line.path);
  });
  expect(found).toEqual([]);
});
