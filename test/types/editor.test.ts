/**
 * What an editor shows: hovers that name what there is and no machinery, and completions at each place where a name of the
 * program's own is due. Asked of TypeScript's own language server, and compared with a golden text.
 */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { LanguageServer } from "./language-server.ts";
import type { Position } from "./language-server.ts";

const file = "test/types/editor/program.ts";
/** A hover of a value that needs more is none that anybody reads. */
const VALUE_LETTERS_MAX = 500;
/** Those of handles (15 and 16) name the whole definition, indexes and all: that is how the compiler shows an interface. */
const HANDLE_LETTERS_MAX = 1_500;
const FIRST_HANDLE = 15;

function marks(): ReadonlyMap<string, Position> {
  const found = new Map<string, Position>();
  for (const [line, text] of readFileSync(file, "utf8").split("\n").entries())
    for (const match of text.matchAll(/\/\*(\d+|[a-z])\*\//g))
      found.set(match[1]!, { line, character: match.index + match[0].length });
  return found;
}

test(
  "hovers are short and exact, and completions offer what there is",
  { timeout: 120_000 },
  async () => {
    const server = await LanguageServer.open(file);
    const lines: string[] = [];
    try {
      for (const [mark, position] of marks()) {
        if (/\d/.test(mark)) {
          const hover = await server.hover(file, position);
          const max = Number(mark) < FIRST_HANDLE ? VALUE_LETTERS_MAX : HANDLE_LETTERS_MAX;
          expect(hover.length, hover).toBeLessThanOrEqual(max);
          expect(hover).not.toMatch(/\bany\b/);
          lines.push(`${mark}: ${hover.replaceAll("\n", "\n    ")}`);
        } else {
          const labels = await server.completions(file, position);
          lines.push(`${mark}: ${labels.join(", ")}`);
        }
      }
    } finally {
      server.close();
    }
    await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot("golden/editor.golden.txt");
  },
);
