/** No native code is loaded: a fresh process that uses the database on the disk has no addon among its libraries. */
import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { temporaryFolder } from "../support/temporary-folder.ts";

test("opening, writing and reading loads no addon", async () => {
  await using folder = await temporaryFolder();
  const program = `
    import { open } from "./src/index.ts";
    import { z } from "zod";
    const db = await open(${JSON.stringify(folder.path)});
    const notes = db.collection("notes", z.object({ text: z.string() }));
    const { id } = await notes.insert({ text: "x" });
    if ((await notes.get(id))?.text !== "x") throw new Error("not read back");
    await db.close();
    console.log(JSON.stringify(process.report.getReport().sharedObjects.filter((name) => name.endsWith(".node"))));
  `;
  const output = execFileSync(
    process.execPath,
    ["--import", "tsx", "--input-type=module", "--eval", program],
    { encoding: "utf8" },
  );
  expect(JSON.parse(output)).toEqual([]);
});
