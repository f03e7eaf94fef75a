import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DatabaseLocked, StorageError } from "../../../../src/engine/contract/index.ts";
import { nodeHost } from "../../../../src/engine/lsm/host/index.ts";

const childPath = fileURLToPath(new URL("./lock-child.ts", import.meta.url));
const { files } = nodeHost();
const children: ChildProcess[] = [];
let root: string;
let directory: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "kotobadb-lock-"));
  directory = join(root, "data");
  files.makeDirectory(directory);
});
afterEach(async () => {
  await Promise.all(children.splice(0).map(kill));
  rmSync(root, { recursive: true });
});

/** Starts a process that tries to take the lock; gives what it says. */
function startChild(): { readonly child: ChildProcess; readonly answer: Promise<string> } {
  const child = spawn(process.execPath, ["--import", "tsx", childPath, directory]);
  children.push(child);
  const answer = new Promise<string>((resolved, rejected) => {
    child.stdout.once("data", (chunk: Buffer) => resolved(chunk.toString("utf8").trim()));
    child.stderr.once("data", (chunk: Buffer) => rejected(new Error(chunk.toString("utf8"))));
  });
  return { child, answer };
}

function kill(child: ChildProcess): Promise<void> {
  return new Promise((resolved) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolved();
    child.once("exit", () => resolved());
    child.kill("SIGKILL");
  });
}

async function refusal(path: string): Promise<DatabaseLocked> {
  const failure = await files.lock(path).then(
    () => undefined,
    (cause: unknown) => cause,
  );
  expect(failure).toBeInstanceOf(DatabaseLocked);
  return failure as DatabaseLocked;
}

// Each process takes a second to start where the machine is busy.
describe("between processes", { timeout: 30_000 }, () => {
  it("refuses the second, naming the first, until the first is killed, however hard", async () => {
    const { child, answer } = startChild();
    expect(await answer).toBe("taken");

    const refused = await refusal(directory);
    expect(refused.path).toBe(directory);
    expect(refused.holder).toMatch(
      new RegExp(`^process ${child.pid} on ${hostname()} since \\d{4}-\\d\\d-\\d\\dT`),
    );

    await kill(child);
    expect(existsSync(join(directory, "LOCK")), "what the dead one left is in no one's way").toBe(
      true,
    );
    await (await files.lock(directory)).release();
  });

  it("lets exactly one of five racers win", async () => {
    const answers = await Promise.all(Array.from({ length: 5 }, () => startChild().answer));
    expect(answers.filter((answer) => answer === "taken")).toHaveLength(1);
    for (const answer of answers) expect(answer).toMatch(/^taken$|^DatabaseLocked: .*process \d+/);
  });

  it("names a holder that does not answer by what LOCK says", async () => {
    const { child, answer } = startChild();
    expect(await answer).toBe("taken");
    child.kill("SIGSTOP");
    expect((await refusal(directory)).holder).toContain(`process ${child.pid} `);
  });
});

describe("within a process", () => {
  it("refuses the second open, by whatever path, and allows it after release", async () => {
    const lock = await files.lock(directory);
    const alias = join(root, "alias");
    symlinkSync(directory, alias);
    expect((await refusal(directory)).holder).toContain(`this process, process ${process.pid} `);
    await refusal(alias);
    await lock.release();
    await lock.release();
    await (await files.lock(alias)).release();
  });

  it("refuses the second even while the first is still being taken", async () => {
    const first = files.lock(directory);
    await refusal(directory);
    await (await first).release();
  });

  it("opens a copied directory while the original is held", async () => {
    const lock = await files.lock(directory);
    const copy = join(root, "copy");
    cpSync(directory, copy, { recursive: true });
    await (await files.lock(copy)).release();
    await lock.release();
  });

  it("says in LOCK who holds it, for people, and removes that in the end", async () => {
    const lock = await files.lock(directory);
    const told: unknown = JSON.parse(readFileSync(join(directory, "LOCK"), "utf8"));
    expect(told).toMatchObject({ pid: process.pid, host: hostname() });
    await lock.release();
    expect(files.list(directory)).toEqual([]);
  });

  it("says in its own words that LOCK could not be removed, and is free all the same", async () => {
    const lock = await files.lock(directory);
    rmSync(join(directory, "LOCK"));
    mkdirSync(join(directory, "LOCK"));
    await expect(lock.release()).rejects.toBeInstanceOf(StorageError);
    rmSync(join(directory, "LOCK"), { recursive: true });
    await (await files.lock(directory)).release();
  });

  it("fails for a directory that is not there, and leaves nothing taken", async () => {
    const path = join(root, "later");
    await expect(files.lock(path)).rejects.toBeInstanceOf(StorageError);
    files.makeDirectory(path);
    await (await files.lock(path)).release();
  });
});
