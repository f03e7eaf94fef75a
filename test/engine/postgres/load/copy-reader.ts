/** Reads what COPY is given, by a second way than it was written. */
import type { Bytes } from "../../../../src/base/index.ts";

export type LoadedRow = readonly [key: Bytes, value: Bytes];

const HEAD_BYTES = 19;

export function rowsOfCopy(chunks: readonly Bytes[]): LoadedRow[] {
  const all = Buffer.concat(chunks);
  if (all.subarray(0, 11).toString("latin1") !== "PGCOPY\n\u{ff}\r\n\0") throw new Error("no COPY");
  const rows: LoadedRow[] = [];
  let at = HEAD_BYTES;
  const column = (): Bytes => {
    const length = all.readInt32BE(at);
    at += 4 + length;
    return Uint8Array.from(all.subarray(at - length, at));
  };
  for (;;) {
    const columns = all.readInt16BE(at);
    at += 2;
    if (columns === -1) break;
    if (columns !== 2) throw new Error(`${columns} columns`);
    rows.push([column(), column()]);
  }
  if (at !== all.length) throw new Error("more behind the end");
  return rows;
}
