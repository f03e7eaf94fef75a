/** The options of an engine, complete and checked. */
import { PORTABLE_LIMITS } from "../../contract/index.ts";
import type { Durability, Limits } from "../../contract/index.ts";
import type { ChangeLogLimits } from "../change-log/index.ts";
import type { CompactionPolicy } from "../compaction/index.ts";
import type { RecoveryMode } from "../recovery/index.ts";
import {
  COMPRESSIONS,
  PREFIX_BYTES_MAX,
  PREFIX_LENGTHS,
  PREFIX_LENGTHS_MAX,
  ZSTD_NODE,
  arePrefixLengths,
  isAvailable,
} from "../sstable/index.ts";
import type { Compression, TableWriterOptions } from "../sstable/index.ts";
import { LSM_LIMITS, RECENT_COMMITS_BYTES_MAX, TRANSACTION_MILLIS_MAX } from "./limits.ts";
import type { CompactionProfile, LsmOptions } from "./options.ts";

const KIB = 1_024;
const MIB = 1_024 * KIB;

/** All options but path and host, complete and checked. */
export type LsmSettings = Required<
  Omit<
    LsmOptions,
    "path" | "host" | "limits" | "onEvent" | "readOnly" | "profile" | "maxSstables" | "changeLog"
  >
> & {
  readonly limits: Limits;
  /** undefined: nothing is kept. */
  readonly changeLog: ChangeLogLimits | undefined;
};

/** So many tables in level 0 begin to slow commits down: a multiple of the trigger. */
export const L0_SLOW_FACTOR = 3;
/** So many tables in level 0 stop flushes, and so writers, until compaction has caught up: a multiple of the trigger. */
export const L0_STOP_FACTOR = 5;

type NumberName = {
  [Name in keyof LsmSettings]: LsmSettings[Name] extends number ? Name : never;
}[keyof LsmSettings];

const bounds: Readonly<Record<NumberName, readonly [min: number, usual: number, max: number]>> = {
  flushBytesMax: [1 * KIB, 16 * MIB, 512 * MIB],
  closeFlushBytesMax: [0, 64 * MIB, 4_096 * MIB],
  walFileBytes: [512, 20 * MIB, 1_024 * MIB],
  slowReadMicros: [0, 200, 1_000_000],
  quickSyncMicros: [0, 500, 1_000_000],
  openTablesMax: [8, 500, 1_000_000],
  blockCacheBytesMax: [64 * KIB, 32 * MIB, 64 * 1_024 * MIB],
  l0TablesTrigger: [2, 10, 64],
  minCompactionFiles: [2, 4, 64],
  fifoBytesMax: [1 * KIB, 1_024 * MIB, Number.MAX_SAFE_INTEGER],
  tombstoneDensePercent: [1, 5, 100],
  periodicMillis: [0, 0, Number.MAX_SAFE_INTEGER],
  levelBaseBytes: [1 * KIB, 64 * MIB, 1_024 * 1_024 * MIB],
  levelFanOut: [2, 10, 100],
  tableBytesTarget: [1 * KIB, 8 * MIB, 1_024 * MIB],
  blockBytes: [128, 8 * KIB, 8 * KIB],
  transactionMillisMax: [1, TRANSACTION_MILLIS_MAX, 3_600_000],
  recentCommitsBytesMax: [1, RECENT_COMMITS_BYTES_MAX, 1_024 * MIB],
  loadBytesMax: [1 * KIB, 32 * MIB, 1_024 * MIB],
  sliceMillis: [0, 2, 100],
  backgroundThreadBytesMin: [0, 4 * MIB, 1_024 * 1_024 * MIB],
  compactionDebtBytesSlow: [64 * KIB, 1_024 * MIB, 1_024 * 1_024 * MIB],
};

const POLICIES: readonly CompactionPolicy[] = ["leveled", "lazy-leveled", "tiered", "fifo"];

/** Sooner than this a table would be rewritten again while others of its level still are. */
const PERIODIC_MILLIS_MIN = 1_000;

/** Where a profile differs from the usual values. */
const profiles: Readonly<Record<CompactionProfile, Readonly<Partial<Record<NumberName, number>>>>> =
  {
    balanced: {},
    "write-heavy": { l0TablesTrigger: 20, minCompactionFiles: 8, levelBaseBytes: 256 * MIB },
    "read-heavy": { l0TablesTrigger: 5, minCompactionFiles: 2 },
    "memory-constrained": {
      l0TablesTrigger: 3,
      minCompactionFiles: 2,
      flushBytesMax: 4 * MIB,
      blockCacheBytesMax: 8 * MIB,
      levelBaseBytes: 16 * MIB,
    },
  };

const PROFILES = Object.keys(profiles) as CompactionProfile[];
const THREADS: readonly LsmSettings["backgroundThread"][] = ["auto", "off"];
const RECOVERIES: readonly RecoveryMode[] = ["strict", "point-in-time", "salvage"];
const DURABILITIES: readonly Durability[] = ["durable", "buffered", "memory"];

/** Fills in defaults. A value out of its bounds is a RangeError that names the option: a mistake of the program. */
export function settingsOf(options: LsmOptions): LsmSettings {
  const chosen = {
    durability: oneOf("durability", options.durability ?? "durable", DURABILITIES),
    recovery: oneOf("recovery", options.recovery ?? "strict", RECOVERIES),
    policy: oneOf("policy", options.policy ?? "leveled", POLICIES),
    backgroundThread: oneOf("backgroundThread", options.backgroundThread ?? "auto", THREADS),
    compression: compressionOf("compression", options.compression ?? "fast"),
    bottomCompression: compressionOf("bottomCompression", options.bottomCompression ?? "fast"),
  };
  const limits = limitsOf(options);
  const numbers = numbersOf(options, limits);
  return {
    ...chosen,
    ...numbers,
    changeLog: changeLogOf(options),
    prefixFilterBytes: prefixFilterBytesOf(options),
    limits: { ...limits, transactionMillis: numbers.transactionMillisMax },
  };
}

function oneOf<T extends string>(name: string, value: T, all: readonly T[]): T {
  if (all.includes(value)) return value;
  throw new RangeError(`${name} must be one of ${all.join(", ")}`);
}

function numbersOf(options: LsmOptions, limits: Limits): Record<NumberName, number> {
  const profile = oneOf("profile", options.profile ?? "balanced", PROFILES);
  const number = (name: NumberName, other?: number): number => {
    const [min, usual, max] = bounds[name];
    const value = options[name] ?? other ?? profiles[profile][name] ?? usual;
    if (typeof value === "number" && value >= min && value <= max) return value;
    throw new RangeError(`${name} must be a number from ${min} to ${max}, not ${String(value)}`);
  };
  const names = Object.keys(bounds) as NumberName[];
  const numbers = Object.fromEntries(names.map((name) => [name, number(name)] as const));
  const l0TablesTrigger = number("l0TablesTrigger", options.maxSstables);
  const minCompactionFiles = number("minCompactionFiles");
  if (options.minCompactionFiles !== undefined && minCompactionFiles > l0TablesTrigger) {
    throw new RangeError(`minCompactionFiles must be at most the trigger, ${l0TablesTrigger}`);
  }
  const periodicMillis = number("periodicMillis");
  if (periodicMillis > 0 && periodicMillis < PERIODIC_MILLIS_MIN) {
    throw new RangeError(`periodicMillis must be 0 or at least ${PERIODIC_MILLIS_MIN}`);
  }
  const walFileBytes = Math.min(64 * MIB, number("flushBytesMax") * 1.25);
  return {
    ...(numbers as Record<NumberName, number>),
    l0TablesTrigger,
    minCompactionFiles: Math.min(minCompactionFiles, l0TablesTrigger),
    walFileBytes: Math.ceil(number("walFileBytes", walFileBytes)),
    transactionMillisMax: number("transactionMillisMax", limits.transactionMillis),
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

function compressionOf(name: string, value: Compression): Compression {
  if (!COMPRESSIONS.includes(value)) {
    throw new RangeError(`${name} must be one of ${COMPRESSIONS.join(", ")}`);
  }
  if (!isAvailable(value)) throw new RangeError(`${name} "${value}" needs Node ${ZSTD_NODE}`);
  return value;
}

function prefixFilterBytesOf({
  prefixFilterBytes = PREFIX_LENGTHS,
}: LsmOptions): readonly number[] {
  if (arePrefixLengths(prefixFilterBytes)) return [...prefixFilterBytes];
  throw new RangeError(
    `prefixFilterBytes must be at most ${PREFIX_LENGTHS_MAX} rising numbers from 1 to ${PREFIX_BYTES_MAX}`,
  );
}

/** How a table is written. `isBottom`: no level below it will hold data when it is done. */
export function tableOptions(settings: LsmSettings, isBottom: boolean): TableWriterOptions {
  const { blockBytes, bottomCompression, compression, prefixFilterBytes } = settings;
  return { blockBytes, compression: isBottom ? bottomCompression : compression, prefixFilterBytes };
}
