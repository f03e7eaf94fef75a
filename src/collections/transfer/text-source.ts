/**
 * Where a text to import comes from, as a sequence of chunks of bytes.
 *
 * Always true:
 * (1) A string's lone surrogates, for which UTF-8 has no form, become a byte that no UTF-8 has: so the document they stand
 *     in is refused like any other that is no UTF-8. A pair that two chunks share stays a pair.
 * (2) Whoever waits for a chunk is told at once when the signal aborts; the source is then told that no more is wanted.
 */
import { concatBytes, EMPTY_BYTES } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import { ValidationError } from "../collection-error.ts";
import { isWellFormed } from "../key/value-order.ts";

/**
 * A text in chunks of any size: what fs.createReadStream(), the body of a fetch() and export() give. Bytes are UTF-8. A
 * string or a Uint8Array alone is a text of one chunk.
 */
export type TextSource =
  | string
  | Uint8Array
  | Iterable<string | Uint8Array>
  | AsyncIterable<string | Uint8Array>;

export function isTextSource(source: unknown): source is TextSource {
  return typeof source === "string" || isIterable(source);
}

/** May it be iterated over, at once or later? */
export function isIterable(source: unknown): source is Iterable<unknown> | AsyncIterable<unknown> {
  if (typeof source !== "object" || source === null) return false;
  const { [Symbol.asyncIterator]: later, [Symbol.iterator]: atOnce } = source as Record<
    symbol,
    unknown
  >;
  return typeof later === "function" || typeof atOnce === "function";
}

const encoder = new TextEncoder();
/** Is never a part of UTF-8. */
const NO_UTF8: Bytes = Uint8Array.of(0xff);
const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

/**
 * The chunks as bytes; `collection` is where they go.
 *
 * @throws ValidationError for a chunk that is neither text nor bytes.
 */
export async function* bytesOfSource(
  collection: string,
  source: TextSource,
  signal: AbortSignal | undefined,
): AsyncGenerator<Bytes> {
  let half = "";
  for await (const chunk of chunksOf(source, signal)) {
    if (chunk instanceof Uint8Array) {
      if (half !== "") yield NO_UTF8;
      half = "";
      yield chunk;
    } else if (typeof chunk === "string") {
      const text = half + chunk;
      const last = text.charCodeAt(text.length - 1);
      const isHalf = last >= 0xd800 && last <= 0xdbff;
      half = isHalf ? text.slice(-1) : "";
      yield bytesOfText(isHalf ? text.slice(0, -1) : text);
    } else {
      const message = "a chunk of the text is neither a string nor a Uint8Array";
      throw new ValidationError(collection, [{ path: ["source"], message }]);
    }
  }
  if (half !== "") yield NO_UTF8;
}

function bytesOfText(text: string): Bytes {
  if (isWellFormed(text)) return encoder.encode(text);
  const parts = text.split(LONE_SURROGATE);
  return concatBytes(
    ...parts.flatMap((part, i) => [i === 0 ? EMPTY_BYTES : NO_UTF8, encoder.encode(part)]),
  );
}

async function* chunksOf(
  source: TextSource,
  signal: AbortSignal | undefined,
): AsyncGenerator<unknown> {
  if (typeof source === "string" || source instanceof Uint8Array) {
    yield source;
    return;
  }
  yield* heeding(source, signal);
}

/** The values of the source, until the signal aborts; then its reason is thrown, also while a value is waited for. */
export async function* heeding<T>(
  source: Iterable<T> | AsyncIterable<T>,
  signal: AbortSignal | undefined,
): AsyncGenerator<T> {
  const later = (source as Partial<AsyncIterable<T>>)[Symbol.asyncIterator];
  const iterator: Iterator<T> | AsyncIterator<T> =
    typeof later === "function" ? later.call(source) : (source as Iterable<T>)[Symbol.iterator]();
  let isDone = false;
  try {
    for (;;) {
      const step = await orAborted(iterator.next(), signal);
      isDone = step.done === true;
      if (step.done === true) return;
      yield step.value;
    }
  } catch (error) {
    isDone ||= signal?.aborted !== true;
    throw error;
  } finally {
    // Not awaited: it may wait for something that never comes.
    if (!isDone) void endQuietly(iterator);
  }
}

async function endQuietly(iterator: Iterator<unknown> | AsyncIterator<unknown>): Promise<void> {
  try {
    await iterator.return?.();
  } catch {
    // What ended the reading is the error to tell.
  }
}

async function orAborted<T>(value: T | Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return value;
  signal.throwIfAborted();
  let abort = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason as Error);
    signal.addEventListener("abort", abort, { once: true });
  });
  try {
    return await Promise.race([value, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
