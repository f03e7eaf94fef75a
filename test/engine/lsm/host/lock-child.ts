/** A process that tries to take a directory's lock, says how it went in one line, and then holds on until it is killed. */
import { nodeHost } from "../../../../src/engine/lsm/host/index.ts";

const directory = process.argv[2]!;
const answer = await nodeHost()
  .files.lock(directory)
  .then(
    () => "taken",
    (cause: unknown) => String(cause),
  );
console.log(answer);
setInterval(() => undefined, 1_000);
