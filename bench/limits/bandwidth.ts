/** So many bytes, moved once. */
import type { Recorder } from "../kit/index.ts";

export function bandwidth(
  recorder: Recorder,
  workload: string,
  bytes: number,
  move: () => void,
): void {
  const start = performance.now();
  move();
  const seconds = (performance.now() - start) / 1_000;
  recorder.value(workload, "MB/s", bytes / 1e6 / seconds, "higher");
}
