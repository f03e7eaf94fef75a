/**
 * What can happen to the files of a store while nobody has it open. A damage is a value: what it is called, which files it
 * touches, and the disk it leaves.
 */
import { copyBytes } from "../../../src/base/index.ts";
import type { Bytes } from "../../../src/base/index.ts";
import type { SeededRandom } from "../../../src/testing/kit/index.ts";
import { HEADER_BYTES, kindOf, recordsOf } from "./disk.ts";
import type { Disk } from "./disk.ts";
import type { Store } from "./store.ts";

export interface Damage {
  /** The kind, for counting: "flipped byte". */
  readonly kind: string;
  /** In words, to find the place again. */
  readonly what: string;
  readonly disk: Disk;
}

const SECTOR_BYTES = 512;
const FOOTER_BYTES = 94;

// ------------------------------------------------------------------ every byte, walked

/** One place of the walk: a byte that is flipped, or a length at which a file is cut off. */
interface Place {
  readonly name: string;
  readonly at: number;
  readonly how: "flip" | "cut" | number;
}

/**
 * Every byte of every file of the store with one flip of all its bits or of one of them, drawn; each single bit where a
 * header, a footer or the head of a record lies; and every length at which a file can be cut off.
 */
export function placesOf(disk: Disk): readonly Place[] {
  const places: Place[] = [];
  for (const [name, bytes] of disk) {
    const heads = headBytes(name, bytes);
    for (let at = 0; at < bytes.length; at++) {
      // Room behind the records of a log, and what a spare holds, mean nothing: a byte here and there says as much.
      const isRoom = at >= meaningEnd(name, bytes);
      if (isRoom && at % 64 > 0) continue;
      places.push({ name, at, how: "flip" }, { name, at, how: "cut" });
      if (heads.has(at)) for (let bit = 0; bit < 8; bit++) places.push({ name, at, how: bit });
    }
  }
  return places;
}

function meaningEnd(name: string, bytes: Bytes): number {
  const kind = kindOf(name);
  if (kind === "spare") return 0;
  if (kind !== "log") return bytes.length;
  return recordsOf(name, bytes).at(-1)?.end ?? HEADER_BYTES;
}

/** Where the bytes lie from which others are found. */
function headBytes(name: string, bytes: Bytes): ReadonlySet<number> {
  const kind = kindOf(name);
  const spans: [start: number, end: number][] = [];
  if (kind === "table") spans.push([bytes.length - FOOTER_BYTES, bytes.length]);
  if (kind === "log" || kind === "manifest") {
    spans.push([0, HEADER_BYTES]);
    const bytesOfHead = kind === "log" ? 29 : 9;
    for (const { start } of recordsOf(name, bytes)) spans.push([start, start + bytesOfHead]);
  }
  const heads = new Set<number>();
  for (const [start, end] of spans) for (let at = start; at < end; at++) heads.add(at);
  return heads;
}

export function damageAt(disk: Disk, { at, how, name }: Place, random: SeededRandom): Damage {
  if (how === "cut")
    return changed("cut off", disk, name, (bytes) => bytes.subarray(0, at), `${at}`);
  const mask = how === "flip" ? 1 + random.below(255) : 1 << how;
  const flip = (bytes: Bytes): Bytes => {
    const other = Uint8Array.from(bytes);
    other[at]! ^= mask;
    return other;
  };
  const kind = how === "flip" ? "flipped byte" : "flipped bit of a head";
  return changed(kind, disk, name, flip, `at ${at} by ${mask}`);
}

function changed(
  kind: string,
  disk: Disk,
  name: string,
  change: (bytes: Bytes) => Bytes,
  how: string,
): Damage {
  const next = new Map(disk).set(name, copyBytes(change(disk.get(name)!)));
  return { kind, what: `${kind}: ${name} ${how}`, disk: next };
}

// ------------------------------------------------------------------ drawn

type Draw = (disk: Disk, store: Store, random: SeededRandom) => Damage | undefined;

/** One damage that is drawn, sometimes on top of another one. */
export function drawDamage(store: Store, random: SeededRandom): Damage {
  let disk = store.disk;
  const parts: Damage[] = [];
  for (let i = random.oneIn(6) ? 2 : 1; i > 0 && disk.size > 0;) {
    const draw = draws[random.below(draws.length)]!;
    const damage = draw(disk, store, random);
    if (damage === undefined) continue;
    // Two witnesses of one thing may not both be gone: where a newer log is emptied the one before it is the newest, and
    // where the manifest lost its end nothing says how far the logs reached. Then an end is no more than that of a crash.
    if (parts.length > 0 && witnessesChanged(store.disk, damage.disk) > 1) break;
    parts.push(damage);
    disk = damage.disk;
    i--;
  }
  const [first] = parts as [Damage];
  if (parts.length === 1) return first;
  return { kind: "two kinds at once", what: parts.map(({ what }) => what).join("; "), disk };
}

function witnessesChanged(before: Disk, after: Disk): number {
  return [...before].filter(([name, bytes]) => {
    const kind = kindOf(name);
    const now = after.get(name);
    const isSame = now !== undefined && Buffer.from(bytes).equals(now);
    return (kind === "log" || kind === "manifest") && !isSame;
  }).length;
}

function aFile(disk: Disk, random: SeededRandom, least = 0): string | undefined {
  const names = [...disk.keys()].filter((name) => disk.get(name)!.length >= least);
  // Each kind of file as often as another, however many there are of it.
  const kinds = [...new Set(names.map(kindOf))];
  const kind = kinds[random.below(Math.max(1, kinds.length))];
  const ofKind = names.filter((name) => kindOf(name) === kind);
  return ofKind[random.below(Math.max(1, ofKind.length))];
}

/** A second file of the same kind, now and then of another one. */
function another(disk: Disk, name: string, random: SeededRandom): string | undefined {
  const isAlike = !random.oneIn(3);
  const names = [...disk.keys()].filter(
    (one) => one !== name && (!isAlike || kindOf(one) === kindOf(name)),
  );
  return names[random.below(Math.max(1, names.length))];
}

/** Overwrites bytes[at, at + part.length), as far as they go. */
function overwritten(bytes: Bytes, at: number, part: Bytes): Bytes {
  const next = Uint8Array.from(bytes);
  next.set(part.subarray(0, Math.max(0, bytes.length - at)), at);
  return next;
}

/** A change of the bytes of one file that has some. */
function onBytes(
  kind: string,
  change: (bytes: Bytes, random: SeededRandom, name: string) => readonly [Bytes, string],
): Draw {
  return (disk, _, random) => {
    const name = aFile(disk, random, 1);
    if (name === undefined) return undefined;
    const [bytes, how] = change(disk.get(name)!, random, name);
    return changed(kind, disk, name, () => bytes, how);
  };
}

function sectorOf(bytes: Bytes, random: SeededRandom): number {
  return random.below(Math.ceil(bytes.length / SECTOR_BYTES)) * SECTOR_BYTES;
}

/** The same file at another moment, or of another database, if it was there. */
function elsewhere(kind: string, from: (store: Store, random: SeededRandom) => Disk): Draw {
  return (disk, store, random) => {
    const other = from(store, random);
    const names = [...disk.keys()].filter((name) => {
      const bytes = other.get(name);
      return bytes !== undefined && !Buffer.from(bytes).equals(disk.get(name)!);
    });
    const name = names[random.below(Math.max(1, names.length))];
    if (name === undefined) return undefined;
    return changed(kind, disk, name, () => other.get(name)!, "");
  };
}

/**
 * Logs of the copy are of the same identity and go on from the same commits. Where nothing says how far the store's own
 * logs reach, or where they come beside those, no database can tell them from its own.
 */
function withoutLogs(twin: Disk): Disk {
  return new Map([...twin].filter(([name]) => kindOf(name) !== "log"));
}

const aMoment = ({ moments }: Store, random: SeededRandom): Disk =>
  moments[random.below(moments.length)]!;

const draws: readonly Draw[] = [
  onBytes("flipped byte", (bytes, random) => {
    const at = random.below(bytes.length);
    return [
      overwritten(bytes, at, Uint8Array.of(bytes[at]! ^ (1 + random.below(255)))),
      `at ${at}`,
    ];
  }),
  onBytes("cut off", (bytes, random) => {
    const at = random.below(bytes.length);
    return [bytes.subarray(0, at), `${at}`];
  }),
  // Where records and blocks end a file looks whole.
  onBytes("cut off behind a record", (bytes, random, name) => {
    const records = recordsOf(name, bytes);
    const at =
      records[random.below(Math.max(1, records.length))]?.end ?? random.below(bytes.length);
    return [bytes.subarray(0, at), `${at}`];
  }),
  onBytes("zeros from a record on", (bytes, random, name) => {
    const records = recordsOf(name, bytes);
    const at =
      records[random.below(Math.max(1, records.length))]?.start ?? random.below(bytes.length);
    return [Uint8Array.from(bytes).fill(0, at), `${at}`];
  }),
  onBytes("extended by zeros", (bytes, random) => {
    const by = 1 + random.below(2_000);
    return [Buffer.concat([bytes, new Uint8Array(by)]), `by ${by}`];
  }),
  onBytes("extended by garbage", (bytes, random) => {
    const by = 1 + random.below(600);
    return [Buffer.concat([bytes, random.bytes(by)]), `by ${by}`];
  }),
  onBytes("bytes put in", (bytes, random) => {
    const at = random.below(bytes.length);
    const put = random.bytes(1 + random.below(40));
    return [Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at)]), `at ${at}`];
  }),
  onBytes("bytes cut out", (bytes, random) => {
    const at = random.below(bytes.length);
    const end = at + 1 + random.below(200);
    return [Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]), `${at} to ${end}`];
  }),
  onBytes("sector of zeros", (bytes, random) => {
    const at = sectorOf(bytes, random);
    return [overwritten(bytes, at, new Uint8Array(SECTOR_BYTES)), `at ${at}`];
  }),
  onBytes("sector of garbage", (bytes, random) => {
    const at = sectorOf(bytes, random);
    return [overwritten(bytes, at, random.bytes(SECTOR_BYTES)), `at ${at}`];
  }),
  onBytes("two sectors swapped", (bytes, random) => {
    const [a, b] = [sectorOf(bytes, random), sectorOf(bytes, random)];
    const first = copyBytes(bytes, a, Math.min(a + SECTOR_BYTES, bytes.length));
    const second = copyBytes(bytes, b, Math.min(b + SECTOR_BYTES, bytes.length));
    return [overwritten(overwritten(bytes, a, second), b, first), `at ${a} and ${b}`];
  }),
  // A length of all ones, or nearly: what it points at must not be believed, nor room be made for it.
  onBytes("absurd length", (bytes, random, name) => {
    const records = recordsOf(name, bytes);
    const record = records[random.below(Math.max(1, records.length))];
    const at = record?.start ?? Math.max(0, bytes.length - 1 - random.below(FOOTER_BYTES));
    const length = [0xff, 0xff, 0xff, [0xff, 0x7f, 0x3f, 0x0f][random.below(4)]!];
    return [overwritten(bytes, at, Uint8Array.from(length)), `at ${at}`];
  }),
  (disk, store, random) => {
    const name = aFile(disk, random, 1);
    const before = name === undefined ? undefined : aMoment(store, random).get(name);
    if (name === undefined || before === undefined) return undefined;
    const bytes = disk.get(name)!;
    const at = sectorOf(bytes, random);
    const sector = before.subarray(at, at + SECTOR_BYTES);
    return changed(
      "sector of an older version",
      disk,
      name,
      () => overwritten(bytes, at, sector),
      `at ${at}`,
    );
  },
  (disk, _, random) => {
    const name = aFile(disk, random, 1);
    const source = name === undefined ? undefined : another(disk, name, random);
    if (name === undefined || source === undefined) return undefined;
    const bytes = disk.get(source)!;
    const from = random.below(Math.max(1, bytes.length));
    const part = copyBytes(bytes, from, Math.min(bytes.length, from + 1 + random.below(600)));
    const at = random.oneIn(2) ? from : random.below(disk.get(name)!.length);
    return changed(
      "part of another file",
      disk,
      name,
      (target) => overwritten(target, Math.min(at, target.length), part),
      `at ${at}: ${part.length} bytes of ${source} at ${from}`,
    );
  },
  (disk, _, random) => {
    const name = aFile(disk, random);
    const other = name === undefined ? undefined : another(disk, name, random);
    if (name === undefined || other === undefined) return undefined;
    const next = new Map(disk).set(name, disk.get(other)!).set(other, disk.get(name)!);
    return { kind: "two files swapped", what: `swapped: ${name} and ${other}`, disk: next };
  },
  (disk, _, random) => {
    const name = aFile(disk, random);
    const other = name === undefined ? undefined : another(disk, name, random);
    if (name === undefined || other === undefined) return undefined;
    return changed(
      "in the place of its sibling",
      disk,
      name,
      () => disk.get(other)!,
      `is ${other}`,
    );
  },
  elsewhere("of an older moment", aMoment),
  elsewhere("of a copy that went its own way", ({ isClosed, twin }) =>
    isClosed ? twin : withoutLogs(twin),
  ),
  (disk, _, random) => {
    const name = aFile(disk, random);
    if (name === undefined) return undefined;
    const next = new Map(disk);
    next.delete(name);
    const to = renamed(name, random);
    if (!random.oneIn(2)) next.set(to, disk.get(name)!);
    else next.set(name, disk.get(name)!).set(to, disk.get(name)!);
    const kind = next.has(name) ? "second copy of a file" : "renamed";
    return { kind, what: `${kind}: ${name} to ${to}`, disk: next };
  },
  (disk, _, random) => missing("missing file", disk, [aFile(disk, random)]),
  (disk, _, random) => {
    const names = [...disk.keys()].filter(() => random.oneIn(2));
    return missing("missing files", disk, names);
  },
  (disk, _, random) => {
    const name = [...disk.keys()][random.below(Math.max(1, disk.size))];
    if (name === undefined) return undefined;
    const kind = kindOf(name);
    return missing(
      "all files of a kind missing",
      disk,
      [...disk.keys()].filter((one) => kindOf(one) === kind),
    );
  },
  (disk, store, random) => {
    const others = [...store.moments, withoutLogs(store.twin)].flatMap((one) => [...one]);
    const [name, bytes] = others[random.below(others.length)]!;
    if (disk.has(name)) return undefined;
    return {
      kind: "a file that had gone",
      what: `is there again: ${name}`,
      disk: new Map(disk).set(name, bytes),
    };
  },
  (disk, _, random) => {
    const names = [
      "thumbs.db",
      "LOCK",
      "000001.log.bak",
      "12.log",
      "99999.sst",
      "lost",
      "000900.sst",
    ];
    const name = names[random.below(names.length)]!;
    return {
      kind: "foreign file",
      what: `foreign: ${name}`,
      disk: new Map(disk).set(name, random.bytes(random.below(300))),
    };
  },
];

function missing(
  kind: string,
  disk: Disk,
  names: readonly (string | undefined)[],
): Damage | undefined {
  const next = new Map(disk);
  for (const name of names) if (name !== undefined) next.delete(name);
  if (next.size === disk.size) return undefined;
  return { kind, what: `${kind}: ${names.join(", ")}`, disk: next };
}

/** Another number, or another kind of file. */
function renamed(name: string, random: SeededRandom): string {
  const by = random.oneIn(2) ? 1 + random.below(3) : 1_000;
  if (random.oneIn(4))
    return name.replace(/log$|sst$|spare$/, ["log", "sst", "spare"][random.below(3)]!);
  return name.replace(/\d{6}/, (digits) => String(Number(digits) + by).padStart(6, "0"));
}
