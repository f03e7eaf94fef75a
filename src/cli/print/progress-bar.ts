/** A bar on the standard error while something takes long; nothing where nobody looks. */
import { SingleBar } from "cli-progress";
import type { Terminal } from "../terminal.ts";
import { sizeText } from "./table-text.ts";

export interface ProgressBar {
  update(done: number, total: number): void;
  stop(): void;
}

const NOTHING: ProgressBar = { update: () => undefined, stop: () => undefined };

/** `isShown`: false for machine-readable output. `shownTotal` says how much there is; default: as bytes. */
export function progressBar(
  terminal: Terminal,
  what: string,
  isShown: boolean,
  shownTotal: (total: number) => string = sizeText,
): ProgressBar {
  const { progress } = terminal;
  if (progress === undefined || !isShown) return NOTHING;
  const bar = new SingleBar({
    format: `${what} {bar} {percentage}% of {size}`,
    clearOnComplete: true,
    hideCursor: true,
    stream: progress,
  });
  let isStarted = false;
  return {
    update: (done, total) => {
      const size = { size: shownTotal(total) };
      if (!isStarted) bar.start(total, done, size);
      else {
        bar.setTotal(total);
        bar.update(done, size);
      }
      isStarted = true;
    },
    stop: () => {
      if (isStarted) bar.stop();
    },
  };
}
