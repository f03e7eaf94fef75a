/** Cases about pages, the optional scans, and whose bytes are whose (laws 2, 3 and 9). */
import { concatBytes, copyBytes } from "../../base/index.ts";
import type { Awaitable, Bytes } from "../../base/index.ts";
import type { MultiScan, Page } from "../../engine/contract/index.ts";
import {
  absentMethod,
  bytesOf,
  contractCase,
  expectEqual,
  expectTrue,
  textOf,
} from "./contract-case.ts";
import type { ContractCase, Place } from "./contract-case.ts";
import { seedRows, withView } from "./reading-cases.ts";

const pagesEnd = contractCase(
  "a page without rows comes only at the end, and after the end or close() there are empty pages",
  [2],
  async (place) => {
    await seedRows(place);
    await withView(place, async (view) => {
      const scan = view.scan(place.range());
      for (let page = await scan.next(); ; page = await scan.next()) {
        expectTrue(page.rows > 0 || page.done, "a page without rows says done");
        if (page.done) break;
      }
      await expectEmptyDone(scan.next());
      scan.close();
      scan.close();
      await expectEmptyDone(scan.next());
      const closedEarly = view.scan(place.range());
      await closedEarly.next();
      closedEarly.close();
      await expectEmptyDone(closedEarly.next());
    });
  },
);

async function expectEmptyDone(next: Awaitable<Page>): Promise<void> {
  const page = await next;
  expectEqual([page.rows, page.done], [0, true], "page after the end");
}

const scansSideBySide = contractCase(
  "scans of one view go on side by side, with other reads between their pages",
  [2, 3],
  async (place) => {
    const rows = await seedRows(place);
    await withView(place, async (view) => {
      const found: string[][] = [[], []];
      const scans = [view.scan(place.range()), view.scan(place.range(), { reverse: true })];
      const open = new Set([0, 1]);
      while (open.size > 0) {
        for (const which of open) {
          const page = await scans[which]!.next();
          for (let i = 0; i < page.rows; i++) {
            const key = copyBytes(page.buffer, page.keyStart[i]!, page.keyEnd[i]!);
            found[which]!.push(`${textOf(key).slice(place.namespace.length)}`);
          }
          expectEqual(textOf(await view.get(place.key("r0007"))), "7", "a get between pages");
          if (page.done) open.delete(which);
        }
      }
      const names = rows.map((row) => row.slice(0, row.indexOf("=")));
      expectEqual(found, [names, names.toReversed()], "both scans");
    });
  },
);

function textOfPage(page: Page): string {
  let text = "";
  for (let i = 0; i < page.rows; i++) {
    text += `${textOf(copyBytes(page.buffer, page.keyStart[i]!, page.keyEnd[i]!))}=`;
    text += `${textOf(copyBytes(page.buffer, page.valueStart[i]!, page.valueEnd[i]!))} `;
  }
  return text;
}

const pagesAreOwned = contractCase(
  "a page belongs to the caller: it never changes, and writing into it changes nothing else",
  [9],
  async (place) => {
    const rows = await seedRows(place);
    await withView(place, async (view) => {
      const scan = view.scan(place.range());
      const kept: { readonly page: Page; readonly text: string }[] = [];
      for (;;) {
        const page = await scan.next();
        kept.push({ page, text: textOfPage(page) });
        if (page.done) break;
      }
      await place.write([{ op: "delRange", range: place.range() }]);
      await place.seed({ r0000: "other" });
      for (const { page, text } of kept)
        expectEqual(textOfPage(page), text, "a page that was kept");
      const [first, ...others] = kept;
      first!.page.buffer.fill(0x21);
      for (const { page, text } of others)
        expectEqual(textOfPage(page), text, "a page beside one that was scribbled over");
      for (const { page } of others) page.buffer.fill(0x21);
      expectEqual(await place.entriesOf(view, place.range()), rows, "rows after scribbling");
    });
    expectEqual(await place.entries(), ["r0000=other"], "the newest state after scribbling");
  },
);

const valuesAreOwned = contractCase(
  "a value handed out belongs to the caller: it never changes, and writing into it changes nothing",
  [9],
  async (place) => {
    await place.seed({ a: "before", b: "before" });
    await withView(place, async (view) => {
      const kept = (await view.get(place.key("a")))!;
      const [scribbled] = await view.getMany([place.key("b")]);
      scribbled!.fill(0);
      await place.seed({ a: "after!" });
      expectEqual(textOf(kept), "before", "a value that was kept");
      expectEqual(textOf(await view.get(place.key("b"))), "before", "value after scribbling");
    });
    expectEqual(await place.value("b"), "before", "newest value after scribbling");
  },
);

const inputsAreCopied = contractCase(
  "bytes handed in may be reused by the caller once the call is over",
  [9],
  async (place) => {
    const key = place.key("key");
    const value = bytesOf("value");
    const deleted = { start: place.key("x"), end: place.key("y") };
    await place.write([
      { op: "put", key, value },
      { op: "delRange", range: deleted },
    ]);
    for (const bytes of [key, value, deleted.start, deleted.end]) bytes.fill(0x7a);
    expectEqual(await place.entries(), ["key=value"], "rows after the inputs changed");
    const rows = await seedRows(place);
    await withView(place, async (view) => {
      const range = { start: place.key("r"), end: place.key("s") };
      const scan = view.scan(range);
      range.start.fill(0x7a);
      range.end.fill(0x7a);
      let found = 0;
      for (;;) {
        const page = await scan.next();
        found += page.rows;
        if (page.done) break;
      }
      expectEqual(found, rows.length, "rows of a scan whose bounds were reused");
    });
  },
);

const scanManyRanges = contractCase(
  "scanMany gives what the scans of its ranges would give, range by range",
  [2, 3],
  async (place) => {
    const rows = await seedRows(place);
    await withView(place, async (view) => {
      if (view.scanMany === undefined) throw new Error("The case is skipped without scanMany.");
      const ranges = [
        place.between("r0400", "r0450"),
        place.range("x"),
        place.between("r0", "r0100"),
      ];
      const whole = await rowsByRange(place, view.scanMany(ranges));
      expectEqual(whole, [rows.slice(400, 450), [], rows.slice(0, 100)], "ranges");
      const limited = await rowsByRange(place, view.scanMany(ranges, { limitEach: 3 }));
      expectEqual(limited, [rows.slice(400, 403), [], rows.slice(0, 3)], "three of each");
    });
  },
  { skipReason: absentMethod("scanMany") },
);

async function rowsByRange(place: Place, scan: MultiScan): Promise<string[][]> {
  const found: string[][] = [[], [], []];
  for (let next = await scan.next(); next !== undefined; next = await scan.next()) {
    const { page, range } = next;
    for (let i = 0; i < page.rows; i++) {
      const name = textOf(copyBytes(page.buffer, page.keyStart[i]!, page.keyEnd[i]!));
      const value = textOf(copyBytes(page.buffer, page.valueStart[i]!, page.valueEnd[i]!));
      found[range]!.push(`${name.slice(place.namespace.length)}=${value}`);
    }
  }
  scan.close();
  return found;
}

const scanReferences = contractCase(
  "scanRefs answers with what the references of the rows hold, in scan order, absent ones marked",
  [2, 3],
  async (place) => {
    const reference = (name: string): Bytes => {
      const key = place.key(name);
      return concatBytes(new Uint8Array([key.length]), key, bytesOf("covered"));
    };
    await place.seed({ "doc/1": "one", "doc/2": "two" });
    await place.write(
      ["doc/2", "doc/9", "doc/1", "doc/2"].map((name, i) => ({
        op: "put",
        key: place.key(`index/${i}`),
        value: reference(name),
      })),
    );
    await withView(place, async (view) => {
      if (view.scanRefs === undefined) throw new Error("The case is skipped without scanRefs.");
      const found: (string | undefined)[] = [];
      const scan = view.scanRefs(place.range("index/"));
      for (;;) {
        const { entries, found: values } = await scan.next();
        expectEqual(values.rows, entries.rows, "rows found beside rows scanned");
        for (let i = 0; i < values.rows; i++) {
          const start = values.valueStart[i]!;
          const value =
            start < 0 ? undefined : copyBytes(values.buffer, start, values.valueEnd[i]!);
          found.push(textOf(value));
        }
        if (entries.done) break;
      }
      scan.close();
      expectEqual(found, ["two", undefined, "one", "two"], "what the references hold");
    });
  },
  { skipReason: absentMethod("scanRefs") },
);

export const pageCases: readonly ContractCase[] = [
  pagesEnd,
  scansSideBySide,
  pagesAreOwned,
  valuesAreOwned,
  inputsAreCopied,
  scanManyRanges,
  scanReferences,
];
