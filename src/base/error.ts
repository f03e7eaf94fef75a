/**
 * The root of all errors that KotobaDB raises.
 *
 * Always true:
 * (1) `_tag` is a literal that never changes; match on it, or use `instanceof`.
 * (2) `sentence` is fixed for its class or case; what varies stands in `details`. `message` shows both and the remedy.
 * (3) An error never carries a promise that the work is undone unless `committed` says 'no'.
 */
export interface KotobaErrorParts {
  /** What happened: a fixed sentence without variables. */
  readonly sentence: string;
  /** What the reader can do about it. */
  readonly remedy: string;
  /** Which file, collection, field, key: printed after the sentence as name=value. */
  readonly details?: Readonly<Record<string, unknown>> | undefined;
  readonly cause?: unknown;
}

export abstract class KotobaError<Tag extends string = string> extends Error {
  abstract readonly _tag: Tag;
  readonly sentence: string;
  readonly remedy: string;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(parts: KotobaErrorParts) {
    super(messageOf(parts), parts.cause === undefined ? undefined : { cause: parts.cause });
    this.sentence = parts.sentence;
    this.remedy = parts.remedy;
    this.details = parts.details ?? {};
  }

  override get name(): string {
    return this._tag;
  }

  /** May the same work succeed when it is simply run again? */
  get retryable(): boolean {
    return false;
  }

  /** Whether the commit that failed with this error took effect. */
  get committed(): "no" | "unknown" {
    return "no";
  }

  toJSON(): { readonly _tag: Tag; readonly message: string; readonly details: unknown } {
    return { _tag: this._tag, message: this.message, details: this.details };
  }
}

function messageOf({ details = {}, remedy, sentence }: KotobaErrorParts): string {
  let named = "";
  for (const name of Object.keys(details)) {
    const value = details[name];
    if (value === undefined) continue;
    named += `${named === "" ? "" : ", "}${name}=${typeof value === "string" ? value : shown(value)}`;
  }
  const where = named === "" ? "" : ` (${named})`;
  return `${sentence}${where} ${remedy}`;
}

function shown(value: unknown): string {
  if (typeof value === "bigint") return `${value}n`;
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}

/** The handle was used after close(), or after its transaction ended. */
export class Closed extends KotobaError<"Closed"> {
  readonly _tag = "Closed" as const;
  constructor(what: string) {
    super({
      sentence: "A closed handle was used.",
      remedy: "Keep the database open for as long as it is used.",
      details: { what },
    });
  }
}
