/**
 * The engine's keys as keys of etcd: behind a prefix, so that several engines share a cluster, no key is empty, and every
 * range has an end. What etcd is told and tells is base64.
 *
 *   name/key       a row
 *   name.ranges    see etcd-changes.ts
 */
import { EMPTY_BYTES, copyBytes } from "../../../src/base/index.ts";
import type { Bytes } from "../../../src/base/index.ts";
import { prefixRange } from "../../../src/engine/contract/index.ts";
import type { KeyRange } from "../../../src/engine/contract/index.ts";

export class Keyspace {
  /** Before all rows: where a commit that deletes ranges says which. */
  readonly rangesKey: string;
  readonly #prefix: Bytes;
  readonly #end: string;

  constructor(name: string) {
    this.rangesKey = textOfBytes(Buffer.from(`${name}.ranges`));
    this.#prefix = copyBytes(Buffer.from(`${name}/`));
    this.#end = textOfBytes(prefixRange(this.#prefix).end!);
  }

  /** All rows, and what stands before them. */
  get whole(): { readonly key: string; readonly range_end: string } {
    return { key: this.rangesKey, range_end: this.#end };
  }

  textOf(key: Bytes): string {
    return Buffer.concat([this.#prefix, key]).toString("base64");
  }

  keyOf(text: string): Bytes {
    return bytesOfText(text, this.#prefix.length);
  }

  rangeOf({ end, start }: KeyRange): { readonly key: string; readonly range_end: string } {
    return {
      key: this.textOf(start),
      range_end: end === undefined ? this.#end : this.textOf(end),
    };
  }
}

export function textOfBytes(bytes: Bytes): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

/** In bytes of their own, without the first ones. */
export function bytesOfText(text: string | undefined, from = 0): Bytes {
  return text === undefined ? EMPTY_BYTES : copyBytes(Buffer.from(text, "base64"), from);
}
