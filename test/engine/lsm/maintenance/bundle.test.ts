/** What a bundler makes of the package: one file, somewhere else, still has its background thread. */
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { expect, test } from "vitest";
import { isWorkerSource, workerSourceModule } from "../../../../esbuild.config.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

const program = `
import { openLsmEngine } from "./src/engine/index.ts";
const engine = await openLsmEngine({
  path: process.argv[2],
  durability: "buffered",
  flushBytesMax: 64 * 1024,
  tableBytesTarget: 64 * 1024,
  backgroundThreadBytesMin: 0,
});
const text = new TextEncoder();
for (let i = 0; i < 5000; i++) {
  const ops = [{ op: "put", key: text.encode("k" + ((i * 7919) % 5000)), value: new Uint8Array(100) }];
  await engine.write({ ops, requires: [] });
}
await engine.compact();
const { flushes, compactions, backgroundThreadJobs } = engine.stats();
const problems = await engine.verify();
console.log(JSON.stringify({ flushes, compactions, backgroundThreadJobs, problems }));
// Not closed: an idle thread must not keep the process.
`;

test("bundled into one file, flushes and compactions run in the thread, and an idle thread keeps no process alive", async () => {
  await using folder = await temporaryFolder();
  const { outputFiles } = await build({
    stdin: { contents: program, resolveDir: process.cwd(), loader: "ts" },
    bundle: true,
    write: false,
    platform: "node",
    format: "esm",
    plugins: [
      {
        name: "worker-source",
        setup: (builder) => {
          builder.onLoad({ filter: /worker-source\.ts$/ }, ({ path }) =>
            isWorkerSource(path) ? { contents: workerSourceModule() } : undefined,
          );
        },
      },
    ],
  });
  const file = join(folder.path, "program.mjs");
  writeFileSync(file, outputFiles[0]!.text);
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [file, join(folder.path, "database")],
    { timeout: 30_000 },
  );
  const seen = JSON.parse(stdout) as Record<string, number | string[]>;
  expect(seen["problems"]).toEqual([]);
  expect(seen["flushes"]).toBeGreaterThan(5);
  expect(seen["compactions"]).toBeGreaterThan(0);
  expect(seen["backgroundThreadJobs"]).toBeGreaterThanOrEqual(6);
}, 60_000);
