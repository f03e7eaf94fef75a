/**
 * What --workloads can name: a part of the suite (import, read, open, hold, live, buffered, ingest, durable, large), or one workload
 * by its words before the first comma. Loading is always done.
 */
import type { Scope } from "../kit/index.ts";

export type Part =
  | "import"
  | "read"
  | "open"
  | "hold"
  | "live"
  | "buffered"
  | "ingest"
  | "durable"
  | "large";

export function isWanted(scope: Scope, part: Part, workload: string): boolean {
  return scope.wants(part) || scope.wants(workload.split(",")[0]!);
}
