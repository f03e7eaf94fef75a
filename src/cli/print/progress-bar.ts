/** A bar on the standard error while something takes long; nothing where nobody looks. */
import { SingleBar } from "cli-progress";
import type { Terminal } from "../terminal.ts";
import { sizeText } from "./table-text.ts";

export interface ProgressBar {
  update(bytesDone: number, bytesTotal: number): void;
  stop(): void;
}

const NOTHING: ProgressBar = { update: () => undefined, stop: () => undefined };

/** `isShown`: false for machine-readable output. */
export function progressBar(terminal: Terminal, what: string, isShown: boolean): ProgressBar {
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
    update: (bytesDone, bytesTotal) => {
      const size = { size: sizeText(bytesTotal) };
      if (!isStarted) bar.start(bytesTotal, bytesDone, size);
      else {
        bar.setTotal(bytesTotal);
        bar.update(bytesDone, size);
      }
      isStarted = true;
    },
    stop: () => {
      if (isStarted) bar.stop();
    },
  };
}
