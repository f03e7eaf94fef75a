/**
 * A failing program without the parts that it does not need. fast-check shrinks values well, but of long lists of steps
 * it tries mostly those that leave out a beginning; here each step, document and operation is left out by itself.
 */
import type { Program } from "./program.ts";

/** The lists in a program of which each element may be left out. */
const LISTS: ReadonlySet<string> = new Set([
  "steps",
  "inputs",
  "bodies",
  "direct",
  "writes",
  "reads",
  "meanwhile",
]);

/** `fails` says whether a program still fails; asked until `millisMax` are over. */
export async function shortened(
  program: Program,
  fails: (shorter: Program) => Promise<boolean>,
  millisMax: number,
): Promise<Program> {
  const endMillis = Date.now() + millisMax;
  let best = program;
  for (let hasChanged = true; hasChanged;) {
    hasChanged = false;
    // The steps come first, then what is in them.
    for (let i = 0; i < countOf(best);) {
      if (Date.now() > endMillis) return best;
      const shorter = without(best, { left: i }) as Program;
      if (await fails(shorter)) {
        best = shorter;
        hasChanged = true;
      } else i++;
    }
  }
  return best;
}

function countOf(value: unknown): number {
  let count = 0;
  for (const [name, part] of partsOf(value)) {
    if (Array.isArray(part) && LISTS.has(name)) count += part.length;
    count += countOf(part);
  }
  return count;
}

/** A copy without one element: that which is reached when `left` have been passed by. */
function without(value: unknown, passed: { left: number }): unknown {
  if (Array.isArray(value)) return value.map((element) => without(element, passed));
  if (!isPlain(value)) return value;
  return Object.fromEntries(
    partsOf(value).map(([name, part]) => {
      if (!Array.isArray(part) || !LISTS.has(name)) return [name, without(part, passed)];
      const list = part.filter(() => passed.left-- !== 0);
      return [name, list.map((element: unknown) => without(element, passed))];
    }),
  );
}

function partsOf(value: unknown): readonly (readonly [string, unknown])[] {
  if (Array.isArray(value)) return value.map((element) => ["", element] as const);
  return isPlain(value) ? Object.entries(value) : [];
}
function isPlain(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
