/** One file that is an input, as a host shows it: whatever path is opened, it is this one. */
import { overlaid } from "../../../src/testing/kit/index.ts";
import type { Bytes } from "../../../src/base/index.ts";
import type { FileHandle, Host } from "../../../src/engine/lsm/host/index.ts";
import { SimulatedHost } from "../../../src/testing/index.ts";
import type { Input } from "./decoder.ts";

const NOTHING = new Uint8Array(0);

export class MemoryFile implements FileHandle {
  readonly path: string;
  bytes: Bytes = NOTHING;
  length = 0;
  /** A host that has no other file, and these names in its only directory. */
  readonly host: Host;
  names: readonly string[] = [];

  constructor(path: string) {
    this.path = path;
    const { files, ...others } = ownHost();
    const own = overlaid(files, {
      open: () => this,
      exists: () => true,
      list: () => this.names,
      size: () => this.length,
    });
    this.host = { ...others, files: own };
  }

  show(input: Input): this {
    this.bytes = input.bytes;
    this.length = input.length;
    return this;
  }

  read(target: Bytes, start: number, end: number, offset: number): number {
    const count = Math.max(0, Math.min(end - start, this.length - offset));
    if (count > 128) target.set(this.bytes.subarray(offset, offset + count), start);
    else for (let i = 0; i < count; i++) target[start + i] = this.bytes[offset + i]!;
    return count;
  }
  async readAsync(target: Bytes, start: number, end: number, offset: number): Promise<number> {
    return this.read(target, start, end, offset);
  }
  write(source: Bytes, start: number, end: number, offset: number): void {
    this.bytes.set(source.subarray(start, end), offset);
    this.length = Math.max(this.length, offset + end - start);
  }
  size(): number {
    return this.length;
  }
  truncate(size: number): void {
    this.length = size;
  }
  async sync(): Promise<void> {}
  syncNow(): void {}
  close(): void {}
}

function ownHost(): Host {
  const { clock, files, random, timers } = new SimulatedHost();
  return { clock, files, random, timers, warn: () => undefined };
}

/** The bytes of a file of a simulated disk. */
export function contentOf(host: Host, path: string): Bytes {
  const file = host.files.open(path, "read");
  const bytes = new Uint8Array(file.size());
  file.read(bytes, 0, bytes.length, 0);
  file.close();
  return bytes;
}
