/** How long the first import of a package takes in a process that has done nothing else. */
import { execFileSync } from "node:child_process";
import { dirname } from "node:path";

/** Milliseconds, the process's own start not counted. `specifier`: a package that this file's folders have, or a URL. */
export function coldImportMillis(specifier: string): number {
  const program = `
    const start = performance.now();
    await import(${JSON.stringify(specifier)});
    console.log(performance.now() - start);
    process.exit(0);`;
  const output = execFileSync(process.execPath, ["--input-type=module", "--eval", program], {
    // Where this very script lies, since that is where packages are found.
    cwd: dirname(process.argv[1]!),
    encoding: "utf8",
  });
  return Number(output);
}
