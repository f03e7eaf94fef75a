/** What is said of a row beside its figures, on the terminal and on the page. */
import type { LatencyMicros } from "../kit/index.ts";
import { figure, percent, times } from "./figures.ts";
import { bestPeer } from "./judge.ts";
import { limitOf } from "./limits.ts";
import { OURS, ratioOf } from "./results.ts";
import type { ResultRow, RunFile, StoreFacts } from "./results.ts";

export function ratioText(row: ResultRow, run: RunFile): string {
  const ours = row.cells.get(OURS);
  const peer = bestPeer(row, "persistent", run);
  if (ours === undefined || peer === undefined) return "";
  return times(ratioOf(row.better, ours.median, peer.cell.median));
}

/** How many times the processor time of the same peer we could spend and be even with it. */
export function cpuText(row: ResultRow, run: RunFile): string {
  const ours = row.cells.get(OURS)?.cpuMicros;
  const peers = bestPeer(row, "persistent", run)?.cell.cpuMicros;
  return ours === undefined || peers === undefined ? "" : times(peers / ours);
}

export function shareText(row: ResultRow, rows: readonly ResultRow[]): string {
  const ours = row.cells.get(OURS);
  const limit = limitOf(row.suite, row.workload, rows);
  return ours === undefined || limit === undefined ? "" : percent(ours.median / limit.allows);
}

/** Below 1 the cache can hold it all. */
export function dataText({ dataToCache }: ResultRow): string {
  return dataToCache === undefined ? "" : times(dataToCache);
}

export function latencyText(latency: LatencyMicros | undefined): string {
  if (latency === undefined) return "-";
  const { max, p50, p99, p999 } = latency;
  return [p50, p99, p999, max].map((micros) => figure(micros, "µs")).join(" / ");
}

/** A share that was chosen, as it was: 25 %. */
export function partText(share: number): string {
  return `${Number((share * 100).toPrecision(3))} %`;
}

/** Which of these stores were asked for less than the others, and for how much; undefined: none. */
export function sharesText(stores: readonly StoreFacts[]): string | undefined {
  const shares = stores.flatMap(({ name, share }) =>
    share === undefined ? [] : [`${name} ${partText(share)}`],
  );
  if (shares.length === 0) return undefined;
  return `Asked for a share of the single operations: ${shares.join(", ")}.`;
}
