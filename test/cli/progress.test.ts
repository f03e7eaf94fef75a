/** Bars are drawn on a terminal, for people, and nowhere else. */
import { Readable, Writable } from "node:stream";
import { expect, test } from "vitest";
import { progressBar } from "../../src/cli/print/progress-bar.ts";

/** A terminal that keeps what was drawn, as far as the bar asks for one. */
class Screen extends Writable {
  readonly isTTY = true;
  readonly columns = 80;
  text = "";
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString("utf8");
    done();
  }
  cursorTo(): boolean {
    return true;
  }
  moveCursor(): boolean {
    return true;
  }
  clearLine(): boolean {
    return true;
  }
}

function drawn(isShown: boolean, isTerminal: boolean, isKnown = true): string {
  const screen = new Screen();
  const bar = progressBar(
    {
      out: () => undefined,
      err: () => undefined,
      input: Readable.from([]),
      progress: isTerminal ? (screen as unknown as NodeJS.WriteStream) : undefined,
      isClosed: false,
    },
    "verifying",
    isShown,
  );
  const total = isKnown ? 2_048 : undefined;
  bar.update(0, total);
  bar.update(2_048, total);
  bar.stop();
  return screen.text;
}

test("a bar says what is done, how far it is and of how much", () => {
  const text = drawn(true, true);
  expect(text).toContain("verifying ");
  expect(text).toContain("100% of 2.0 KiB");
});

test("where nobody knows how much there is, it says what is done", () => {
  const text = drawn(true, true, false);
  expect(text).toContain("verifying 0 bytes");
  expect(text).toContain("verifying 2.0 KiB");
  expect(text).not.toContain("%");
});

test("nothing is drawn for a program, nor where no terminal is", () => {
  expect([drawn(false, true), drawn(true, false), drawn(false, false)]).toEqual(["", "", ""]);
});
