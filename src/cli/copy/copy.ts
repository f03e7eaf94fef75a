/** kotoba copy: everything of one database into an empty place, which may be of another engine, and proof of it. */
import { hex } from "../../base/index.ts";
import { compareEngines, copyEngine, refuseFilledTarget } from "../../engine/index.ts";
import type { CopyProgress, CopyResult, EngineComparison, RowFigures } from "../../engine/index.ts";
import type { Command, CommandContext, CommonOptions } from "../command.ts";
import { EnginePlace } from "./engine-place.ts";
import { EXIT, WrongUsage } from "../exit-code.ts";
import type { ExitCode } from "../exit-code.ts";
import { progressBar } from "../print/progress-bar.ts";
import type { ProgressBar } from "../print/progress-bar.ts";
import { countText, sizeText } from "../print/table-text.ts";

export interface CopyCommandOptions extends CommonOptions {
  readonly verifyOnly?: boolean;
}

const PHASE_TEXT: Readonly<Record<CopyProgress["phase"], string>> = {
  measuring: "looking whether it fits",
  resuming: "looking at what is copied",
  copying: "copying",
  verifying: "verifying",
};

export const copy: Command<[from: string, to: string], CopyCommandOptions> = async (
  context,
  [from, to],
  { json, verifyOnly },
) => {
  if (from === to) throw new WrongUsage("A copy has another place than its source.", { from, to });
  const { host, terminal, urlEngines } = context;
  const source = new EnginePlace(from, host, urlEngines);
  const target = new EnginePlace(to, host, urlEngines);
  const bars = phaseBars(context, json !== true);
  const run = verifyOnly === true ? compared : copied;
  const { exit, figures, text } = await run(source, target, bars).finally(() => bars.stop());
  await terminal.out(json === true ? `${JSON.stringify(figures)}\n` : text);
  return exit;
};

interface Outcome {
  readonly exit: ExitCode;
  readonly figures: object;
  readonly text: string;
}

async function copied(source: EnginePlace, target: EnginePlace, bars: Bars): Promise<Outcome> {
  const result = await source.with({ readOnly: true }, (from) =>
    target.withNew(refuseFilledTarget, (to) => copyEngine(from, to, { onProgress: bars.update })),
  );
  return { exit: EXIT.fine, figures: result, text: resultText(target.shown, result) };
}

async function compared(source: EnginePlace, target: EnginePlace, bars: Bars): Promise<Outcome> {
  const readOnly = { readOnly: true };
  const comparison = await source.with(readOnly, (from) =>
    target.with(readOnly, (to) => {
      const rowsTotal = from.estimateRows?.({ start: new Uint8Array(0), end: undefined });
      const onRows = (rowsDone: number): Promise<void> =>
        bars.update({ phase: "verifying", rowsDone, rowsTotal });
      return compareEngines(from, to, { onRows });
    }),
  );
  const { first, isUnfinished } = comparison;
  const isSame = first === undefined && !isUnfinished;
  const shownFirst = first === undefined ? null : { ...first, key: hex(first.key, Infinity) };
  return {
    exit: isSame ? EXIT.fine : EXIT.problems,
    figures: { ok: isSame, ...comparison, first: shownFirst },
    text: comparisonText(source.shown, target.shown, comparison),
  };
}

function resultText(target: string, { beganAnew, rowsResumed, ...figures }: CopyResult): string {
  const resumed =
    rowsResumed === 0
      ? ""
      : `went on behind ${countText(rowsResumed, "row")} that were there from an earlier copy\n`;
  const anew = beganAnew
    ? "began anew: what was there came from another state of the source, or from another one\n"
    : "";
  return `${resumed}${anew}${target}: ${figuresText(figures)}, copied and verified\n`;
}

function comparisonText(
  source: string,
  target: string,
  { copy: found, differences, first, isUnfinished, source: given }: EngineComparison,
): string {
  const unfinished = isUnfinished ? `${target}: a copy that has not come to its end\n` : "";
  if (first === undefined) return `${unfinished}the same: ${figuresText(given)}\n`;
  const what = {
    missing: `is not in ${target}`,
    extra: `is in ${target} only`,
    value: "has another value",
  }[first.what];
  return (
    `${unfinished}${countText(differences, "key")} differ, the first: ${hex(first.key)} ${what}\n` +
    `${source}: ${figuresText(given)}\n${target}: ${figuresText(found)}\n`
  );
}

function figuresText({ bytes, checksum, rows }: RowFigures): string {
  return `${countText(rows, "row")}, ${sizeText(bytes)}, checksum ${checksum}`;
}

interface Bars {
  /** Draws, and lets others have their turn: a signal of the terminal, for one. */
  readonly update: (progress: CopyProgress) => Promise<void>;
  readonly stop: () => void;
}

/** A bar for each phase, one after the other. */
function phaseBars({ host, terminal }: CommandContext, isShown: boolean): Bars {
  let bar: ProgressBar | undefined;
  let shownPhase: CopyProgress["phase"] | undefined;
  return {
    update: ({ phase, rowsDone, rowsTotal }) => {
      if (phase !== shownPhase) {
        bar?.stop();
        bar = progressBar(terminal, PHASE_TEXT[phase], isShown, (rows) => countText(rows, "row"));
        shownPhase = phase;
      }
      // A guess may be too low.
      bar?.update(rowsDone, rowsTotal === undefined ? undefined : Math.max(rowsDone, rowsTotal));
      return host.timers.pause();
    },
    stop: () => bar?.stop(),
  };
}
