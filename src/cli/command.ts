/** What every command gets to work with, and how it reaches a database. */
import { openLsmEngine } from "../engine/index.ts";
import type { Host, LsmEngine, LsmOptions } from "../engine/index.ts";
import type { UrlEngines } from "./copy/engine-place.ts";
import { WrongUsage } from "./exit-code.ts";
import type { ExitCode } from "./exit-code.ts";
import type { LoadModule } from "./program-definitions.ts";
import type { Terminal } from "./terminal.ts";

export interface CommandContext {
  readonly terminal: Terminal;
  readonly host: Host;
  /** For commands that work with other engines than that of a folder. */
  readonly urlEngines: UrlEngines;
  /** For commands that work with a program's definitions. */
  readonly load: LoadModule;
}

/** Options that every command has. */
export interface CommonOptions {
  readonly json?: boolean;
}

/** Runs one command; gives its exit code, or throws what failed. */
export type Command<A extends readonly unknown[], O extends CommonOptions> = (
  context: CommandContext,
  args: A,
  options: O,
) => Promise<ExitCode>;

/** Opens the database to read it, lets `work` use it, and closes it in any case. */
export async function withReader<T>(
  { host }: CommandContext,
  path: string,
  work: (engine: LsmEngine) => Promise<T>,
): Promise<T> {
  return withEngine({ path, host, readOnly: true }, work);
}

/**
 * Opens the database to change it. It is opened for reading first: that makes no new database of a mistyped path, and
 * refuses damage before anything is changed.
 */
export async function withWriter<T>(
  context: CommandContext,
  path: string,
  work: (engine: LsmEngine) => Promise<T>,
): Promise<T> {
  await withReader(context, path, async () => undefined);
  return withEngine({ path, host: context.host }, work);
}

async function withEngine<T>(
  options: LsmOptions,
  work: (engine: LsmEngine) => Promise<T>,
): Promise<T> {
  const engine = await openLsmEngine(options);
  try {
    return await work(engine);
  } finally {
    await engine.close();
  }
}

/** Bytes from hexadecimal text, with or without 0x and spaces. */
export function bytesOfHex(option: string, text: string): Uint8Array {
  const digits = text.replace(/^0x/i, "").replaceAll(/\s/g, "");
  if (digits.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(digits)) {
    throw new WrongUsage("A key is written as pairs of hexadecimal digits.", { [option]: text });
  }
  return new Uint8Array(Buffer.from(digits, "hex"));
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

/** Bytes of a key or value for people: hexadecimal, cut where it gets long. */
export function shownHex(bytes: Uint8Array): string {
  const SHOWN_MAX = 64;
  if (bytes.length === 0) return "(empty)";
  if (bytes.length <= SHOWN_MAX) return hexOf(bytes);
  return `${hexOf(bytes.subarray(0, SHOWN_MAX))}… (${bytes.length} bytes)`;
}
