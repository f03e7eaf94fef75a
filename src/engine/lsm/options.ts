/** What can be set when a database is opened, with defaults and bounds. */
import { PORTABLE_LIMITS } from "../contract/index.ts";
import type { Durability, Limits } from "../contract/index.ts";
import type { Host } from "./host/index.ts";
import type { ChangeLogLimits } from "./change-log/index.ts";
import type { RecoveryMode } from "./recovery/index.ts";
import { LSM_LIMITS, RECENT_COMMITS_BYTES_MAX, TRANSACTION_MILLIS_MAX } from "./limits.ts";

const KIB = 1_024;
const MIB = 1_024 * KIB;

export interface LsmOptions {
  /** The directory of the database; it is created, with its parents, when it is not there. */
  readonly path: string;
  /** Files, clock, randomness and timers. Default: those of Node. */
  readonly host?: Host;
  /**
   * When a commit is acknowledged and becomes visible to readers. "durable" (default): after it is synced to the disk;
   * "buffered": after it is given to the operating system, so that it survives the process but not a power cut;
   * "memory": at once. A power cut under the weaker levels loses the newest commits, never part of one.
   */
  readonly durability?: Durability;
  /**
   * The sizes and times that are refused. "local" (default): keys of 4,096 bytes, values of 32 MiB, commits of 256 MiB,
   * transactions of 10 s. "portable": what holds on every engine, so that the data can move to any of them.
   */
  readonly limits?: "local" | "portable";
  /** A memtable that holds this many bytes is written to a table. Default 16 MiB; at most three of them are in memory. */
  readonly flushBytesMax?: number;
  /**
   * How large the file of a log usually gets, in bytes. Room is made ahead of the commits, in steps of 1 MiB or of this
   * size if that is less, and a file of up to twice this size is used again for a later log: a sync of room that is there
   * is quicker than one of a file that grows. At most two unused ones are kept. Default: a quarter more than
   * flushBytesMax, at most 64 MiB; from 512 bytes to 1 GiB.
   */
  readonly walFileBytes?: number;
  /** Memory for blocks of tables, in bytes. Default 32 MiB. */
  readonly blockCacheBytesMax?: number;
  /** So many tables in level 0 start a compaction. Default 4, from 2 to 64. */
  readonly l0TablesTrigger?: number;
  /** How large level 1 may grow, in bytes. Default 64 MiB. */
  readonly levelBaseBytes?: number;
  /** How much larger each level is than the one above it. Default 10, from 2 to 100. */
  readonly levelFanOut?: number;
  /** How large tables get that compaction writes, in bytes. Default 8 MiB. */
  readonly tableBytesTarget?: number;
  /** How long the engine remembers commits to validate open transactions, in milliseconds. Default: that of `limits`. */
  readonly transactionMillisMax?: number;
  /** How much it remembers of them, in bytes. Default 64 MiB. */
  readonly recentCommitsBytesMax?: number;
  /**
   * What is done about damage that is found while opening. "strict" (default): refused, and nothing is changed.
   * "point-in-time": logs are read up to the first damaged record. "salvage": all that can be read is served, also where
   * logs, tables or the manifest are damaged or missing. What was lost is told by the engine's recoveryReport, and the
   * damaged files are kept in the folder `lost` of the database.
   */
  readonly recovery?: RecoveryMode;
  /**
   * Keeps the commits of the past in order, so that changes() can give them from a version on; absent (default): they are
   * not kept, and that costs nothing. The oldest logs go when all of them hold more than `bytesMax` (default 256 MiB, from
   * 1 KiB), or when they were closed more than `millisMax` ago (default 7 days, from 1); this is looked at after each
   * flush and when the database is opened.
   */
  readonly changeLog?: { readonly bytesMax?: number; readonly millisMax?: number };
  /** How long background work may keep the thread before others get a turn, in milliseconds. Default 2; 0: one entry. */
  readonly sliceMillis?: number;
}

/** All options but path and host, complete and checked. */
export type LsmSettings = Required<Omit<LsmOptions, "path" | "host" | "limits" | "changeLog">> & {
  readonly limits: Limits;
  /** undefined: nothing is kept. */
  readonly changeLog: ChangeLogLimits | undefined;
};

/** So many tables in level 0 stop flushes, and so writers, until compaction has caught up: a multiple of the trigger. */
export const L0_STOP_FACTOR = 5;

const bounds: Readonly<
  Record<
    Exclude<keyof LsmSettings, "durability" | "limits" | "recovery" | "changeLog">,
    readonly [min: number, usual: number, max: number]
  >
> = {
  flushBytesMax: [1 * KIB, 16 * MIB, 512 * MIB],
  walFileBytes: [512, 20 * MIB, 1_024 * MIB],
  blockCacheBytesMax: [64 * KIB, 32 * MIB, 64 * 1_024 * MIB],
  l0TablesTrigger: [2, 4, 64],
  levelBaseBytes: [1 * KIB, 64 * MIB, 1_024 * 1_024 * MIB],
  levelFanOut: [2, 10, 100],
  tableBytesTarget: [1 * KIB, 8 * MIB, 1_024 * MIB],
  transactionMillisMax: [1, TRANSACTION_MILLIS_MAX, 3_600_000],
  recentCommitsBytesMax: [1, RECENT_COMMITS_BYTES_MAX, 1_024 * MIB],
  sliceMillis: [0, 2, 100],
};

const RECOVERIES: readonly RecoveryMode[] = ["strict", "point-in-time", "salvage"];
const DURABILITIES: readonly Durability[] = ["durable", "buffered", "memory"];

/** Fills in defaults. A value out of its bounds is a RangeError that names the option: a mistake of the program. */
export function settingsOf(options: LsmOptions): LsmSettings {
  const durability = options.durability ?? "durable";
  if (!DURABILITIES.includes(durability)) {
    throw new RangeError(`durability must be one of ${DURABILITIES.join(", ")}`);
  }
  const recovery = options.recovery ?? "strict";
  if (!RECOVERIES.includes(recovery)) {
    throw new RangeError(`recovery must be one of ${RECOVERIES.join(", ")}`);
  }
  const number = (name: keyof typeof bounds, other?: number): number => {
    const [min, usual, max] = bounds[name];
    const value = options[name] ?? other ?? usual;
    if (typeof value === "number" && value >= min && value <= max) return value;
    throw new RangeError(`${name} must be a number from ${min} to ${max}, not ${String(value)}`);
  };
  const limits = limitsOf(options);
  return {
    durability,
    recovery,
    changeLog: changeLogOf(options),
    limits: {
      ...limits,
      transactionMillis: number("transactionMillisMax", limits.transactionMillis),
    },
    flushBytesMax: number("flushBytesMax"),
    walFileBytes: Math.ceil(
      number("walFileBytes", Math.min(64 * MIB, number("flushBytesMax") * 1.25)),
    ),
    blockCacheBytesMax: number("blockCacheBytesMax"),
    l0TablesTrigger: number("l0TablesTrigger"),
    levelBaseBytes: number("levelBaseBytes"),
    levelFanOut: number("levelFanOut"),
    tableBytesTarget: number("tableBytesTarget"),
    transactionMillisMax: number("transactionMillisMax", limits.transactionMillis),
    recentCommitsBytesMax: number("recentCommitsBytesMax"),
    sliceMillis: number("sliceMillis"),
  };
}

function changeLogOf({ changeLog }: LsmOptions): ChangeLogLimits | undefined {
  if (changeLog === undefined) return undefined;
  const { bytesMax = 256 * MIB, millisMax = 7 * 86_400_000 } = changeLog;
  if (!(bytesMax >= 1 * KIB)) throw new RangeError(`changeLog.bytesMax must be at least ${KIB}`);
  if (!(millisMax >= 1)) throw new RangeError("changeLog.millisMax must be at least 1");
  return { bytesMax, millisMax };
}

function limitsOf({ limits = "local" }: LsmOptions): Limits {
  switch (limits) {
    case "local":
      return LSM_LIMITS;
    case "portable":
      return PORTABLE_LIMITS;
    default:
      throw new RangeError("limits must be local or portable");
  }
}
