/** What callers hand to export(), import() and load(), looked at before anything is done with it. */
import { EXPORT_FORMATS, isTextSource } from "../../collections/index.ts";
import type { ExportFormat, ImportOptions, TextSource } from "../../collections/index.ts";
import { checkKnown, InvalidOption } from "../options.ts";

export interface ExportOptions {
  /** 'ndjson' (default): one document a line. 'json': one array. */
  readonly format?: ExportFormat;
}

/** @throws InvalidOption. */
export function formatOf(options: ExportOptions): ExportFormat {
  checkKnown(options, ["format"]);
  const { format = "ndjson" } = options;
  checkOneOf("format", format, EXPORT_FORMATS);
  return format;
}

/** @throws InvalidOption. */
export function checkImport(source: TextSource, options: ImportOptions): void {
  if (!isTextSource(source))
    throw new InvalidOption("source", "chunks of text: strings or Uint8Arrays", source);
  checkKnown(options, [
    "lineBytesMax",
    "onBadLine",
    "onExisting",
    "onProgress",
    "partial",
    "signal",
  ]);
  const { lineBytesMax, onBadLine, onExisting, onProgress, partial, signal } = options;
  checkOneOf("onExisting", onExisting ?? "error", ["error", "replace", "skip"]);
  checkOneOf("onBadLine", onBadLine ?? "error", ["error", "skip"]);
  if (partial !== undefined && typeof partial !== "boolean")
    throw new InvalidOption("partial", "true or false", partial);
  if (lineBytesMax !== undefined && !(Number.isSafeInteger(lineBytesMax) && lineBytesMax > 0))
    throw new InvalidOption("lineBytesMax", "a whole number of bytes above 0", lineBytesMax);
  checkWatching(onProgress, signal);
}

/** The options of everything that may take long. */
export function checkWatching(onProgress: unknown, signal: unknown): void {
  if (onProgress !== undefined && typeof onProgress !== "function")
    throw new InvalidOption("onProgress", "a function of the progress", onProgress);
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw new InvalidOption("signal", "an AbortSignal", signal);
}

function checkOneOf(option: string, value: unknown, allowed: readonly string[]): void {
  if (!(allowed as readonly unknown[]).includes(value))
    throw new InvalidOption(option, allowed.join(", "), value);
}
