/** Decoders of key tuples and page cursors, and of what people type: the arguments of the kotoba command. */
import { Readable } from "node:stream";
import { compareBytes } from "../../../src/base/index.ts";
import type { Bytes } from "../../../src/base/index.ts";
import { bytesOfHex, hexOf } from "../../../src/cli/command.ts";
import { EXIT } from "../../../src/cli/exit-code.ts";
import { runCommand } from "../../../src/cli/run-command.ts";
import { KeyReader } from "../../../src/collections/key/key-reader.ts";
import { KeyWriter } from "../../../src/collections/key/key-writer.ts";
import { compareValues } from "../../../src/collections/key/value-order.ts";
import type { Scalar } from "../../../src/collections/index.ts";
import { decodeCursor, encodeCursor, fingerprintOf } from "../../../src/query/run/page-cursor.ts";
import type { PagePosition } from "../../../src/query/run/page-cursor.ts";
import { SimulatedHost } from "../../../src/testing/index.ts";
import type { Decoder, Input } from "./decoder.ts";
import { bytesOf, needEqual, textOf } from "./values.ts";

// ---------------------------------------------------------------- key tuples

const TUPLES: readonly (readonly Scalar[])[] = [
  ["Oslo", -1.5],
  [null, true, false, 0, 1e300, -Infinity],
  [2n ** 70n, -(2n ** 70n), 0n, -1n, 255n],
  [3n ** 700n],
  [-(3n ** 700n), "x"],
  [new Date(0), new Date(-8.64e15), "\u0000\u0001a"],
  ["é".repeat(30), "\u{1f600}", ""],
  [Uint8Array.of(0, 1, 2, 255), Uint8Array.of()],
];
/** Which parts of a tuple descend, by number. */
const descends = (pattern: number, part: number): boolean => ((pattern >>> (part % 3)) & 1) === 1;

function tuple(values: readonly Scalar[], pattern: number, writer: KeyWriter): Bytes {
  for (const [i, value] of values.entries()) writer.value(value, descends(pattern, i));
  return writer.finish();
}

export type ReadTuple = (input: Input, pattern: number) => readonly Scalar[];

const readTuple: ReadTuple = ({ bytes, length }, pattern) => {
  const reader = new KeyReader(bytes, 0, length);
  const values: Scalar[] = [];
  while (reader.at < length) values.push(reader.value(descends(pattern, values.length)));
  return values;
};

/** What a tuple is: every value one encoding, and the order of bytes that of the values. */
export function tuplesRead(read: ReadTuple): Decoder {
  const writer = new KeyWriter();
  const known = TUPLES.map((values) => ({ values, key: tuple(values, 0, new KeyWriter()) }));
  return {
    name: "key tuples",
    seeds: [0, 1, 6].flatMap((pattern) => TUPLES.map((values) => tuple(values, pattern, writer))),
    judge(input) {
      const pattern = input.choice & 8 ? 0 : (input.choice >>> 4) & 7;
      const values = read(input, pattern);
      const again = tuple(values, pattern, writer);
      needEqual(input.bytes, 0, input.length, again, again.length, "two keys of one tuple");
      if (pattern !== 0) return true;
      const other = known[input.choice % known.length]!;
      const byValue = compareTuples(values, other.values);
      const byKey = compareBytes(again, other.key);
      if (Math.sign(byValue) !== Math.sign(byKey))
        throw new Error("keys in another order than values");
      return true;
    },
  };
}

function compareTuples(a: readonly Scalar[], b: readonly Scalar[]): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const order = compareValues(a[i], b[i]);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

// ---------------------------------------------------------------- page cursors

const FINGERPRINT = fingerprintOf("a query");
const POSITIONS: readonly PagePosition[] = [
  { kind: "order", side: "after", place: { values: [36, "Oslo"], id: "ada" } },
  {
    kind: "order",
    side: "before",
    place: { values: [null, -1n], id: "01ARZ3NDEKTSV4RRFFQ69G5FAV" },
  },
  { kind: "scan", side: "after", branch: 3, key: bytesOf("user/0007") },
];
const ORDER_FIELDS = 2;
const TEXTS = POSITIONS.map((position) => bytesOf(encodeCursor(FINGERPRINT, position)));

/** The text with a right hash at its end: whoever forges one may know how it is made. */
function resealCursor({ bytes, choice, length }: Input): void {
  if (choice & 2 || length < 20) return;
  const raw = Buffer.from(textOf({ bytes, choice: 0, length, view: bytes }), "base64url");
  if (raw.length < 14 || Buffer.from(raw).toString("base64url").length !== length) return;
  if (choice & 12) raw.set(FINGERPRINT, 1);
  raw.set(hashOf(raw.subarray(0, -4)), raw.length - 4);
  bytes.set(bytesOf(raw.toString("base64url")));
}

/** The hash of page-cursor.ts, told again. */
function hashOf(body: Bytes): Bytes {
  let state = body.length;
  for (const byte of body) state = Math.imul(state ^ byte, 0x0100_0193);
  state = Math.imul(state ^ (state >>> 16), 0x85eb_ca6b);
  state = Math.imul(state ^ (state >>> 13), 0xc2b2_ae35);
  state ^= state >>> 16;
  return Uint8Array.of(state >>> 24, state >>> 16, state >>> 8, state);
}

const cursors: Decoder = {
  name: "page cursors",
  seeds: TEXTS,
  reseal: resealCursor,
  judge(input) {
    const text = textOf(input);
    const position = decodeCursor("things", FINGERPRINT, text, ORDER_FIELDS);
    if (encodeCursor(FINGERPRINT, position) !== text) throw new Error("two cursors of one place");
    return true;
  },
};

// ---------------------------------------------------------------- the command line

const hexes: Decoder = {
  name: "keys of the command line",
  seeds: ["0x00ff", "0102 0304", "", "ABCDEFabcdef0123"].map(bytesOf),
  judge(input) {
    const text = textOf(input);
    const bytes = bytesOfHex("key", text);
    const digits = text.toLowerCase().replace(/^0x/, "").replace(/\s/g, "");
    if (hexOf(bytes) !== digits) throw new Error("other bytes than were typed");
    return true;
  },
};

/** Codes that arguments may end a command with, where there is no database; 70 is a defect of ours. */
const ENDS: ReadonlySet<number> = new Set([EXIT.fine, EXIT.usage, EXIT.notFound, EXIT.storage]);
const WORDS = [
  "stats",
  "verify",
  "compact",
  "checkpoint",
  "dump",
  "get",
  "scan",
  "collections",
  "help",
  "--json",
  "--key",
  "--prefix",
  "--limit",
  "--reverse",
  "--start",
  "--end",
  "--help",
  "--version",
  "/nowhere",
  "wal",
  "sst",
  "manifest",
  "00ff",
  "10",
  "things",
  "__proto__",
  "-",
  "--",
  "--limit=x",
];

/** Each byte a word, and one of 255 what stands behind it as it is. */
function argumentsOf(input: Input): string[] {
  const words: string[] = [];
  for (let i = 0; i < input.length && words.length < 12; i++) {
    const byte = input.bytes[i]!;
    if (byte === 0xff) return [...words, textOf(input).slice(i + 1, i + 40)];
    words.push(WORDS[byte % WORDS.length]!);
  }
  return words;
}

export interface Called {
  readonly args: readonly string[];
  readonly exit: number;
  readonly text: string;
}

/** The whole command with such arguments, on a disk with nothing on it. */
export async function callCommand(input: Input): Promise<Called> {
  const args = argumentsOf(input);
  let text = "";
  const print = (more: string): undefined => {
    text += more;
  };
  const handedIn = Readable.from([]);
  const terminal = {
    out: print,
    err: print,
    input: handedIn,
    progress: undefined,
    isClosed: false,
  };
  const exit = await runCommand(args, { terminal, version: "1", host: new SimulatedHost() });
  if (!ENDS.has(exit))
    throw new Error(`kotoba ${JSON.stringify(args)} ended with ${exit}: ${text}`);
  return { args, exit, text };
}
export const COMMAND_SEEDS: readonly Bytes[] = [
  Uint8Array.of(0, 18, 9),
  Uint8Array.of(6, 18, 24, 12, 23),
  Uint8Array.of(5, 18, 10, 22, 255, 0x30, 0x78),
  Uint8Array.of(4, 19, 18),
  Uint8Array.of(3, 18, 18, 9),
  Uint8Array.of(2, 18, 14, 22, 15, 22),
];

export const keyDecoders: readonly Decoder[] = [tuplesRead(readTuple), cursors, hexes];
