/** Scans made of rows, for defects that change which rows there are and in which order. */
import { copyBytes } from "../../../src/base/index.ts";
import type { Bytes } from "../../../src/base/index.ts";
import { EMPTY_DONE_PAGE, PageBuilder } from "../../../src/engine/contract/index.ts";
import type { Page, Scan, ScanOptions } from "../../../src/engine/contract/index.ts";

export interface Row {
  readonly key: Bytes;
  readonly value: Bytes;
}

export function rowsOfPage(page: Page): Row[] {
  return Array.from({ length: page.rows }, (_, i) => ({
    key: copyBytes(page.buffer, page.keyStart[i]!, page.keyEnd[i]!),
    value: copyBytes(page.buffer, page.valueStart[i] ?? 0, page.valueEnd[i] ?? 0),
  }));
}

export function pageOfRows(rows: readonly Row[], done: boolean, options: ScanOptions): Page {
  const builder = new PageBuilder({ keysOnly: options.keysOnly ?? false, rows: 16, bytes: 1_024 });
  for (const { key, value } of rows) builder.add(key, 0, key.length, value, 0, value.length);
  return builder.build(done);
}

/** A scan whose pages `change` makes of the pages of another; `first` tells the first page. */
export function changedScan(scan: Scan, change: (page: Page, first: boolean) => Page): Scan {
  let first = true;
  return {
    next() {
      const page = scan.next() as Page;
      const changed = change(page, first);
      first = false;
      return changed;
    },
    close: () => {
      scan.close();
    },
  };
}

/** All rows of a scan on one page, as `arrange` puts them. */
export function arrangedScan(
  scan: Scan,
  options: ScanOptions,
  arrange: (rows: Row[]) => Row[],
): Scan {
  let ended = false;
  return {
    next() {
      if (ended) return scan.next();
      ended = true;
      const rows: Row[] = [];
      for (;;) {
        const page = scan.next() as Page;
        rows.push(...rowsOfPage(page));
        if (page.done) break;
      }
      return rows.length === 0 ? EMPTY_DONE_PAGE : pageOfRows(arrange(rows), true, options);
    },
    close: () => {
      scan.close();
    },
  };
}
