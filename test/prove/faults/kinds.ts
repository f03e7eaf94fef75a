/**
 * The kinds of faults that the proof tries: errors of the operating system before, in the middle of and after the work,
 * and lies of the disk; each in one call, and from that call on.
 */
import { faultFits } from "kotobadb/testing";
import type { Fault, FaultCode, IoCall, Lie, SimulatedHost, Unsynced } from "kotobadb/testing";

const CODES: readonly FaultCode[] = [
  "EACCES",
  "EAGAIN",
  "EBUSY",
  "EDQUOT",
  "EFBIG",
  "EINTR",
  "EIO",
  "EMFILE",
  "ENFILE",
  "ENOENT",
  "ENOMEM",
  "ENOSPC",
  "EPERM",
  "EROFS",
  "ESTALE",
];
const LIES: readonly Lie[] = [
  "short-read",
  "flipped-read",
  "stale-read",
  "misdirected-read",
  "short-write",
  "flipped-write",
  "lost-write",
  "misdirected-write",
  "lying-sync",
  "dropping-sync",
];
export const FAULTS: readonly Fault[] = [
  ...CODES,
  "EIO-part",
  "ENOSPC-part",
  "EDQUOT-part",
  "EFBIG-part",
  "EIO-after",
  "ENOMEM-after",
  "EINTR-after",
  ...LIES,
];
/** Calls that find no room on a full disk; there is room for what is overwritten or only synced. */
const TAKE_ROOM = ["write", "open", "makeDirectory", "link", "rename"];

/** A call of a clean run, which the same seed makes again, and what goes wrong in it. */
export interface Attack {
  readonly at: IoCall;
  readonly fault: Fault;
  /** From this call on, until the faults are lifted. */
  readonly isLasting: boolean;
}

export function attackText({ at, fault, isLasting }: Attack): string {
  return `${fault} ${isLasting ? "from then on, from" : "at"} call ${at.call}, ${at.what} ${at.path}`;
}

/** So many kinds there are for each call. */
export const KINDS: number = FAULTS.length * 2;

/** The `kind`-th thing that can go wrong in this call; undefined where it would be no other than a plainer one. */
export function attackAt(at: IoCall, kind: number): Attack | undefined {
  const fault = FAULTS[kind >> 1]!;
  const isLasting = kind % 2 === 1;
  if (!faultFits(fault, at.what)) return undefined;
  if (fault.endsWith("-part") && at.what !== "write") return undefined;
  if (fault.endsWith("-after") && at.change === undefined) return undefined;
  if (isLasting && isNoRoom(fault) && !takesRoom(at)) return undefined;
  return { at, fault, isLasting };
}

export function isLyingDisk(fault: Fault): boolean {
  return (LIES as readonly Fault[]).includes(fault);
}
/**
 * The disk says nothing, and nothing on it can say that the newest commits are missing. A short read is no such lie: how
 * large the file is says that there was more.
 */
export function mayLoseUnseen(fault: Fault): boolean {
  return isLyingDisk(fault) && fault !== "short-read";
}
/**
 * How many of the commits that were acknowledged before the lie must be there: all but those of the very last sync, which
 * has nothing behind it that tells of it. But a write that went astray may lie over the newest log, and over as many
 * records as it is long; each that could tell of those before it is gone with them. And a disk that lies from then on may
 * take back each of them: a log goes when the manifest says that its table is durable, and both were lies.
 */
export function sureAfterLie(attack: Attack, acknowledged: number, group: number): number {
  const { fault, isLasting } = attack;
  if (isLasting || fault === "misdirected-write") return 0;
  return Math.max(0, acknowledged - group);
}
/** The disk, or the user's share of it, is full, in a call that takes room: a full disk, and nothing else, fails. */
export function findsNoRoom({ at, fault }: Attack): boolean {
  return isNoRoom(fault) && takesRoom(at);
}
function isNoRoom(fault: Fault): boolean {
  return /^(ENOSPC|EDQUOT|EFBIG)(-part)?$/.test(fault);
}
function takesRoom({ change, what }: IoCall): boolean {
  return change !== undefined && TAKE_ROOM.includes(what);
}

function setFault(host: SimulatedHost, { at, fault, isLasting }: Attack): void {
  if (!isLasting) host.failAt(at.call, fault);
  else host.failFrom(at.call, fault, isNoRoom(fault) ? takesRoom : undefined);
}

/** What a power cut a little later leaves, and what had been promised by then. */
export interface LaterCut<Promised> {
  readonly disk: SimulatedHost;
  readonly promised: Promised;
  readonly where: string;
}

const WAYS: readonly Unsynced[] = ["seeded", "journal", "lost", "kept"];

/** Sets the fault, and notes what was promised when it came, and what a power cut so many calls after it leaves. */
export class Watch<Promised> {
  /** When the fault came; undefined: it never did. */
  atFault: Promised | undefined;
  later: LaterCut<Promised> | undefined;

  constructor(
    host: SimulatedHost,
    attack: Attack,
    after: { readonly calls: number; readonly seed: number },
    promised: () => Promised,
  ) {
    setFault(host, attack);
    const way = WAYS[after.seed % WAYS.length]!;
    host.onCall = ({ call }) => {
      if (call === attack.at.call) this.atFault = promised();
      if (call <= attack.at.call + after.calls || this.later !== undefined) return;
      const where = `power cut before call ${call}, ${way}`;
      const disk = host.afterPowerCut(way, after.seed);
      this.later = { disk, promised: promised(), where };
    };
  }
}
