/**
 * The locks of systems that this machine is not: macOS and the BSDs (LOCK opened with O_EXLOCK) and those of the last
 * resort. The system is made to say another name, and to refuse what it would refuse there; that O_EXLOCK keeps others out
 * is for the system itself to show, which has not been tried.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type * as NodeFs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { DatabaseLocked, StorageError } from "../../../../src/engine/contract/index.ts";
import { nodeHost } from "../../../../src/engine/lsm/host/index.ts";

/** What opening LOCK, or making PID, ends with; undefined: what it really does. */
const refusals = vi.hoisted((): { open?: string | undefined; link?: string | undefined } => ({}));
vi.mock("node:fs", async (original) => {
  const fs = await original<typeof NodeFs>();
  const refuse = (code: string): never => {
    throw Object.assign(new Error(code), { code });
  };
  return {
    ...fs,
    openSync: (path: string, ...rest: [number]) =>
      refusals.open !== undefined && path.endsWith("/LOCK")
        ? refuse(refusals.open)
        : fs.openSync(path, ...rest),
    linkSync: (from: string, to: string) =>
      refusals.link === undefined ? fs.linkSync(from, to) : refuse(refusals.link),
  };
});

const { files } = nodeHost();
const real = process.platform;
let directory: string;
let lockFile: string;

function pretend(platform: string): void {
  Object.defineProperty(process, "platform", { value: platform });
}
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "kotobadb-systems-"));
  lockFile = join(directory, "LOCK");
});
afterEach(() => {
  pretend(real);
  refusals.open = undefined;
  refusals.link = undefined;
  rmSync(directory, { recursive: true });
});

async function refusalOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (cause: unknown) => cause,
  );
}

for (const platform of ["darwin", "freebsd"]) {
  test(`${platform}: LOCK says who holds it, is emptied when it is let go, and stays`, async () => {
    pretend(platform);
    const lock = await files.lock(directory);
    expect(JSON.parse(readFileSync(lockFile, "utf8"))).toMatchObject({ pid: process.pid });
    expect(await refusalOf(files.lock(directory))).toBeInstanceOf(DatabaseLocked);
    await lock.release();
    expect(readFileSync(lockFile, "utf8")).toBe("");
    await (await files.lock(directory)).release();
  });
}

test("darwin: a lock that another process has is refused with the name in LOCK, if there is one", async () => {
  pretend("darwin");
  refusals.open = "EAGAIN";
  const nameless = await refusalOf(files.lock(directory));
  expect(nameless).toMatchObject({
    _tag: "DatabaseLocked",
    holder: "a process that does not answer",
  });
  const holder = { pid: 17, host: "elsewhere", started: "2026-01-01T00:00:00.000Z" };
  writeFileSync(lockFile, JSON.stringify(holder));
  expect(await refusalOf(files.lock(directory))).toMatchObject({
    holder: "process 17 on elsewhere since 2026-01-01T00:00:00.000Z",
  });
  for (const strange of ["{", "null", '{"pid":1}', '{"pid":"1","host":"a","started":"b"}']) {
    writeFileSync(lockFile, strange);
    expect(await refusalOf(files.lock(directory))).toMatchObject(nameless as object);
  }
});

test("darwin: what is no lock of another process is told as it is", async () => {
  pretend("darwin");
  refusals.open = "EIO";
  expect(await refusalOf(files.lock(directory))).toMatchObject({ code: "Io" });
  expect(await refusalOf(files.lock(directory, { readOnly: true }))).toMatchObject({ code: "Io" });
});

test("darwin: who only reads writes nothing into a LOCK that is there", async () => {
  pretend("darwin");
  writeFileSync(lockFile, "as it was");
  const lock = await files.lock(directory, { readOnly: true });
  expect(readFileSync(lockFile, "utf8")).toBe("as it was");
  await lock.release();
  expect(readFileSync(lockFile, "utf8")).toBe("as it was");
});

for (const [platform, refused] of [
  ["darwin", "open"],
  ["sunos", "link"],
] as const) {
  test(`${platform}: a folder in which no lock can be made is read without one, and not written to`, async () => {
    pretend(platform);
    for (const code of ["EROFS", "EACCES", "EPERM"]) {
      refusals[refused] = code;
      await (await files.lock(directory, { readOnly: true })).release();
      expect(await refusalOf(files.lock(directory))).toBeInstanceOf(StorageError);
    }
  });
}

test("sunos: the file PID is the lock, and goes with it", async () => {
  pretend("sunos");
  const lock = await files.lock(directory);
  expect(existsSync(join(directory, "PID"))).toBe(true);
  await lock.release();
  expect(existsSync(join(directory, "PID"))).toBe(false);
});

test("win32: directories are not synced, as there is no such call", async () => {
  pretend("win32");
  expect(files.syncsDirectories).toBe(false);
  const gone = join(directory, "not-there");
  files.syncDirectory(gone);
  await files.syncDirectoryInBackground(gone);
});
