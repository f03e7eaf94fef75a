/**
 * Where the command prints, and is handed text. What is asked for goes to the standard output; progress and errors to the standard error, so
 * that neither ever stands between the rows of a result.
 */
import { KotobaError } from "../base/index.ts";

export interface Terminal {
  /** Prints; a promise when the reader is slower than we are. */
  out(text: string): Promise<void> | undefined;
  err(text: string): void;
  /** What is handed in, as it comes; read once, and only where a command is told to. */
  readonly input: AsyncIterable<Uint8Array>;
  /** Where a progress bar may be drawn; undefined where nobody looks. */
  readonly progress: NodeJS.WriteStream | undefined;
  /** Is what is printed seen where a bar would be drawn? Default: no. */
  readonly printsToScreen?: boolean;
  /** The reader has gone (`| head`): what is printed from now on is for nobody. */
  readonly isClosed: boolean;
}

/** The terminal of this process. */
export function processTerminal(): Terminal {
  const { stderr, stdout } = process;
  let isClosed = false;
  for (const stream of [stdout, stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
      isClosed = true;
    });
  }
  return {
    out: (text) => {
      if (isClosed || stdout.write(text)) return undefined;
      return new Promise((resolved) => {
        const go = (): void => {
          for (const event of ["drain", "error", "close"]) stdout.off(event, go);
          resolved();
        };
        for (const event of ["drain", "error", "close"]) stdout.on(event, go);
      });
    },
    err: (text) => {
      if (!isClosed) stderr.write(text);
    },
    get input() {
      // Not before it is asked for: a standard input that is looked at keeps the process alive.
      return process.stdin;
    },
    progress: stderr.isTTY ? stderr : undefined,
    printsToScreen: stdout.isTTY,
    get isClosed() {
      return isClosed;
    },
  };
}

/** An error for people: what happened, what to do, and where; or as one JSON object. */
export function errorText(error: unknown, json: boolean): string {
  if (json) {
    const known =
      error instanceof KotobaError
        ? {
            name: error._tag,
            sentence: error.sentence,
            remedy: error.remedy,
            details: error.details,
          }
        : { name: "Defect", sentence: String(error), remedy: "", details: {} };
    return `${JSON.stringify({ error: known }, bigintAsText)}\n`;
  }
  if (!(error instanceof KotobaError)) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return `This is a defect of KotobaDB.\n  Please report it with these lines.\n${text}\n`;
  }
  const details = Object.entries(error.details).filter(([, value]) => value !== undefined);
  const lines = details.map(([name, value]) => `  ${name}: ${String(value)}`);
  return `${[error.sentence, `  ${error.remedy}`, ...lines].join("\n")}\n`;
}

function bigintAsText(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}
