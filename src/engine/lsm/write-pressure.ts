/**
 * When writing has to wait, and for what: room in memory, or compaction that has fallen behind.
 *
 * Always true: at most IMMUTABLES_MAX memtables wait for their flush, beside the one that takes writes; that one grows to
 * twice its size at most, plus one commit.
 */
import type { WriteOp } from "../contract/index.ts";
import { WritePace, writeRate } from "./commit/index.ts";
import { compactionDebtBytes, levelTargets } from "./compaction/index.ts";
import type { Version } from "./compaction/index.ts";
import type { Host } from "./host/index.ts";
import type { Tree } from "./read/index.ts";
import { L0_SLOW_FACTOR, L0_STOP_FACTOR } from "./settings/index.ts";
import type { LsmSettings } from "./settings/index.ts";

/** Besides the memtable that takes writes. */
const IMMUTABLES_MAX = 2;

export interface WritePressureParts {
  readonly host: Host;
  readonly settings: LsmSettings;
  readonly tree: Tree;
  /** After a failure or close() nothing waits any more: what comes next says why. */
  readonly isEnded: () => boolean;
}

export class WritePressure {
  readonly #parts: WritePressureParts;
  readonly pace: WritePace;
  /** The rate of commits, for the version that it was worked out from. */
  #paced: { readonly version: Version; readonly rate: number } | undefined;

  constructor(parts: WritePressureParts) {
    this.#parts = parts;
    this.pace = new WritePace(parts.host.clock, () => this.#rate());
  }

  /** No commit may be taken until a memtable was set aside or has left. */
  get isFull(): boolean {
    const { isEnded, settings, tree } = this.#parts;
    if (isEnded()) return false;
    const { active, immutables } = tree;
    if (active.bytes < settings.flushBytesMax) return false;
    return immutables.length >= IMMUTABLES_MAX || active.bytes >= 2 * settings.flushBytesMax;
  }

  /** Bytes of memory whose commits are in no table yet; 0: there are none. */
  get bytesToFlush(): number {
    const { active, immutables } = this.#parts.tree;
    let bytes = active.isEmpty ? 0 : active.bytes;
    for (const { memtable } of immutables) bytes += memtable.bytes;
    return bytes;
  }

  /** Whether the memtable is to be set aside; `isAsked`: somebody wants it flushed, full or not. */
  wantsNextLog(isAsked: boolean): boolean {
    const { settings, tree } = this.#parts;
    const { active, immutables } = tree;
    if (active.isEmpty || immutables.length >= IMMUTABLES_MAX) return false;
    return isAsked || active.bytes >= settings.flushBytesMax;
  }

  /** About how many bytes compaction has to write until the tree is in shape. */
  get debtBytes(): number {
    const { settings, tree } = this.#parts;
    // Where runs are gathered, their number is the measure; no level has a size to keep.
    if (settings.policy !== "leveled") return 0;
    const { version } = tree;
    return compactionDebtBytes(version, settings.l0TablesTrigger, levelTargets(version, settings));
  }

  /** HOT: bench/micro/lsm-engine.ts. A commit was taken. */
  took(ops: readonly WriteOp[]): void {
    if (this.#rate() !== Infinity) this.pace.took(bytesOf(ops));
  }

  /** HOT: bench/micro/lsm-engine.ts. Asked for each commit, worked out once for each version of the tree. */
  #rate(): number {
    const { isEnded, settings, tree } = this.#parts;
    const { version } = tree;
    if (isEnded()) return Infinity;
    if (this.#paced?.version === version) return this.#paced.rate;
    const rate = writeRate({
      // What is dropped from its end never catches up, and need not.
      level0Tables: settings.policy === "fifo" ? 0 : version.levels[0]!.length,
      level0Slow: settings.l0TablesTrigger * L0_SLOW_FACTOR,
      level0Stop: settings.l0TablesTrigger * L0_STOP_FACTOR,
      debtBytes: this.debtBytes,
      debtBytesSlow: settings.compactionDebtBytesSlow,
    });
    this.#paced = { version, rate };
    return rate;
  }
}

/** About how much a commit adds to memory and so to the work of compaction. */
function bytesOf(ops: readonly WriteOp[]): number {
  let bytes = 0;
  for (const op of ops) {
    if (op.op === "delRange") bytes += op.range.start.length + (op.range.end?.length ?? 0);
    else bytes += op.key.length + (op.op === "put" ? op.value.length : 0);
  }
  return bytes;
}
