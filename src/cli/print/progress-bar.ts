/** A bar on the standard error while something takes long; nothing where nobody looks. */
import { SingleBar } from "cli-progress";
import type { Terminal } from "../terminal.ts";
import { sizeText } from "./table-text.ts";

export interface ProgressBar {
  /** `total` undefined: nobody knows. */
  update(done: number, total: number | undefined): void;
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
  let bar: SingleBar | undefined;
  return {
    update: (done, total) => {
      const size = { size: shownTotal(total ?? done) };
      if (bar === undefined) {
        const share = total === undefined ? "{size}" : "{bar} {percentage}% of {size}";
        const format = `${what} ${share}`;
        bar = new SingleBar({ format, clearOnComplete: true, hideCursor: true, stream: progress });
        bar.start(total ?? done, done, size);
      } else {
        bar.setTotal(total ?? done);
        bar.update(done, size);
      }
    },
    stop: () => bar?.stop(),
  };
}
