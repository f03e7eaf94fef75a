/** `--micro NAME`: one of the benchmarks of single rooms and functions, from source, so that a change is judged in a minute. */
import { spawnSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";

/** The exit code. Without a name: prints which there are. What follows the name is handed on. */
export function runMicro(bench: string, words: readonly string[]): number {
  const [name, ...rest] = words;
  const names = readdirSync(join(bench, "micro")).map((file) => basename(file, ".ts"));
  if (name === undefined || !names.includes(name)) {
    if (name !== undefined) console.error(`no micro-benchmark "${name}"; there are:`);
    for (const one of names) console.log(`${one.padEnd(18)} ${firstSentence(bench, one)}`);
    return name === undefined ? 0 : 2;
  }
  const file = join(bench, "micro", `${name}.ts`);
  const { status } = spawnSync(
    process.execPath,
    ["--expose-gc", "--import", "tsx", file, ...rest],
    {
      stdio: "inherit",
    },
  );
  return status ?? 1;
}

/** What its file says of it. */
function firstSentence(bench: string, name: string): string {
  const text = readFileSync(join(bench, "micro", `${name}.ts`), "utf8");
  return /\*\s+(\S[^:.`]*)/.exec(text)?.[1]?.trim() ?? "";
}
