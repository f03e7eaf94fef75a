/**
 * The files of a simulated host, as the engine calls them: names, handles and locks over the simulated disk.
 *
 * Always true, under the rules of Windows: a file that is open can be neither removed, renamed nor replaced; a sync of a
 * directory does nothing, and changes of names become durable in their order, with the next sync of a file.
 */
import { DatabaseLocked } from "../../engine/contract/index.ts";
import type {
  DirectoryLock,
  FileHandle,
  FileSystem,
  OpenMode,
} from "../../engine/lsm/host/index.ts";
import { failureOf, isLie } from "./fault.ts";
import type { BegunCall, IoCalls } from "./io-calls.ts";
import type { Journal } from "./journal.ts";
import { SimulatedFile } from "./simulated-file.ts";
import { SimulatedHandle } from "./simulated-handle.ts";
import type { HandleHost } from "./simulated-handle.ts";
import { normalPath, parentOf } from "./simulated-names.ts";
import type { SimulatedNames } from "./simulated-names.ts";

/** Whose rules for open files and for names hold. */
export type FileRules = "posix" | "windows";

export interface FileSystemParts {
  readonly io: IoCalls;
  readonly names: SimulatedNames;
  readonly journal: Journal;
  readonly rules: FileRules;
  readonly handleHost: HandleHost;
}

export class SimulatedFileSystem implements FileSystem {
  readonly #io: IoCalls;
  readonly #names: SimulatedNames;
  readonly #journal: Journal;
  readonly #rules: FileRules;
  readonly #handleHost: HandleHost;
  readonly #locks = new Set<string>();

  constructor({ handleHost, io, journal, names, rules }: FileSystemParts) {
    this.#io = io;
    this.#names = names;
    this.#journal = journal;
    this.#rules = rules;
    this.#handleHost = handleHost;
  }

  open = (path: string, mode: OpenMode): FileHandle => {
    const file = this.#call("open", path, mode === "create", (at) => {
      if (mode !== "create") return this.fileAt(at);
      if (this.#names.get(at) !== undefined) throw failureOf("EEXIST", "open", path);
      this.#freePath(path, "open");
      const made = new SimulatedFile(new Uint8Array(0), this.#journal);
      this.#names.change({ path: at, node: made });
      return made;
    });
    return new SimulatedHandle(path, file, mode, this.#handleHost);
  };

  exists = (path: string): boolean =>
    this.#call("exists", path, false, (at) => this.#names.get(at) !== undefined);

  list = (path: string): readonly string[] =>
    this.#call("list", path, false, (at) => {
      this.#assertDirectory(at, "list");
      return this.#names.list(at);
    });

  size = (path: string): number => this.#call("size", path, false, (at) => this.fileAt(at).size);

  makeDirectory = (path: string): void => {
    const whole = normalPath(path);
    if (this.#names.get(whole) === "directory") return;
    this.makeDirectory(parentOf(whole));
    this.#call("makeDirectory", whole, true, (at) => {
      if (this.#names.get(at) !== undefined) throw failureOf("EEXIST", "makeDirectory", path);
      this.#names.change({ path: at, node: "directory" });
    });
    this.syncDirectory(parentOf(whole));
  };

  remove = (path: string): void =>
    this.#call("remove", path, true, (at) => {
      this.#assertFree(this.fileAt(at), "remove", path);
      this.#names.change({ path: at, node: undefined });
    });

  // At once, so that a run repeats exactly.
  removeInBackground = async (path: string): Promise<void> => this.remove(path);

  rename = (from: string, to: string): void =>
    this.#call(
      "rename",
      from,
      true,
      (at) => {
        const node = this.fileAt(at);
        const target = this.#freePath(to, "rename");
        if (target === at) return;
        this.#assertFree(node, "rename", from);
        const replaced = this.#names.get(target);
        if (replaced !== undefined) this.#assertFree(this.fileAt(target), "rename", to);
        this.#names.change({ path: at, node: undefined }, { path: target, node });
      },
      to,
    );

  link = (from: string, to: string): void =>
    this.#call(
      "link",
      from,
      true,
      (at) => {
        const node = this.fileAt(at);
        const target = this.#freePath(to, "link");
        if (this.#names.get(target) !== undefined) throw failureOf("EEXIST", "link", to);
        this.#names.change({ path: target, node });
      },
      to,
    );

  get syncsDirectories(): boolean {
    return this.#rules !== "windows";
  }

  syncDirectory = (path: string): void => {
    if (!this.syncsDirectories) return;
    const [call, at] = this.#beginSyncDirectory(path);
    this.#handleHost.takes("sync");
    this.#endSyncDirectory(call, at, this.#journal.last);
  };

  syncDirectoryInBackground = async (path: string): Promise<void> => {
    if (!this.syncsDirectories) return;
    const [call, at] = this.#beginSyncDirectory(path);
    const covered = this.#journal.last;
    // The outcome comes on a later turn, as from a disk: what a power cut before that keeps is still open.
    await this.#handleHost.took("sync");
    this.#endSyncDirectory(this.#io.dead ? { ...call, fault: "power-cut" } : call, at, covered);
  };

  lock = async (directory: string): Promise<DirectoryLock> => {
    const path = normalPath(directory);
    this.#call("lock", directory, false, () => this.#assertDirectory(path, "lock"));
    if (this.#locks.has(path)) throw new DatabaseLocked(directory, "this process, in memory");
    this.#locks.add(path);
    let released = false;
    return {
      release: async () => {
        if (!released) this.#locks.delete(path);
        released = true;
      },
    };
  };

  /** No I/O call. */
  fileAt(path: string): SimulatedFile {
    const node = this.#names.get(path);
    if (node === undefined) throw failureOf("ENOENT", "open", path);
    if (node === "directory") throw failureOf("EISDIR", "open", path);
    return node;
  }

  /** Runs a call that does its work at once; a power cut comes after it, before the next sync. */
  #call<T>(
    what: string,
    path: string,
    changes: boolean,
    work: (path: string) => T,
    to?: string,
  ): T {
    const call = this.#io.begin(what, path, changes);
    const facts = to === undefined ? {} : { to };
    let result: T;
    try {
      result = work(normalPath(path));
    } catch (error) {
      this.#io.ended(call, { ...facts, failure: "refused" });
      throw error;
    }
    if (call.fault !== undefined) throw this.#io.failed(call, call.fault, facts);
    this.#io.ended(call, facts);
    return result;
  }

  #beginSyncDirectory(path: string): readonly [BegunCall, string] {
    const call = this.#io.begin("syncDirectory", path, true);
    const at = normalPath(path);
    this.#assertDirectory(at, "syncDirectory");
    return [call, at];
  }

  #endSyncDirectory(call: BegunCall, at: string, covered: number): void {
    const { fault } = call;
    if (fault === undefined || fault.endsWith("-after")) this.#names.harden(at, covered);
    if (fault !== undefined && !isLie(fault)) throw this.#io.failed(call, fault);
    this.#io.ended(call);
  }

  #assertDirectory(path: string, what: string): void {
    const node = this.#names.get(path);
    if (node !== "directory") {
      throw failureOf(node === undefined ? "ENOENT" : "ENOTDIR", what, path);
    }
  }

  /** A path at which a file may stand: its directory exists, and it is none itself. */
  #freePath(path: string, what: string): string {
    const at = normalPath(path);
    this.#assertDirectory(parentOf(at), what);
    if (this.#names.get(at) === "directory") throw failureOf("EISDIR", what, path);
    return at;
  }

  #assertFree(file: SimulatedFile, what: string, path: string): void {
    if (this.#rules === "windows" && file.opened > 0) throw failureOf("EBUSY", what, path);
  }
}
