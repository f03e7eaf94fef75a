/**
 * Changes of parts of a document. A patch is an object of new values by top-level field; `inc()` and `push()` stand where
 * the new value follows from the old one. Nested objects are replaced whole.
 *
 * Always true:
 * (1) A field that the patch does not name stays; one that it gives as undefined is removed.
 * (2) The patched document is checked against the schema like a new one: this file only puts it together.
 * (3) What a patch names is stored, or refused. Most schemas leave out in silence what they do not know; for a new document,
 *     and inside the value of a field, that is theirs to decide. But a patch is nothing besides the fields that it names: one
 *     that is left out, because it is misspelt, or belongs to another member of a union, is a change that did not happen.
 */
import { ValidationError } from "../collection-error.ts";
import type { ValidationIssue } from "../collection-error.ts";
import type { AllKeys, Prop } from "../schema/document-type.ts";
import type { Document } from "./document.ts";

declare const operation: unique symbol;

/** Adds to a number or bigint; made by inc(). */
export interface Inc {
  readonly [operation]: "inc";
}
/** Appends to an array; made by push(). */
export interface Push<E> {
  readonly [operation]: "push";
  readonly items: readonly E[];
}

type PatchValue<V> =
  | V
  | (NonNullable<V> extends number | bigint ? Inc : never)
  | (NonNullable<V> extends readonly (infer E)[] ? Push<E> : never);
/**
 * New values by field for documents of type T. Undefined removes an optional field; the id cannot be changed.
 *
 * @example
 * { name: "Ada L.", logins: inc(), tags: push("math"), nickname: undefined }
 */
export type Patch<T> = {
  [K in Exclude<AllKeys<T>, "id">]?:
    | PatchValue<Prop<T, K>>
    | (undefined extends Prop<T, K> ? undefined : never);
};

class Increment {
  readonly by: number | bigint;
  constructor(by: number | bigint) {
    this.by = by;
  }
}
class Append {
  readonly items: readonly unknown[];
  constructor(items: readonly unknown[]) {
    this.items = items;
  }
}

/**
 * Adds `by` (default 1) to a field; a missing or null field counts as 0. Read, added and written in one transaction, so
 * that no increment is lost.
 *
 * @example db.users.update(id, { logins: inc(), credit: inc(-5) })
 */
export function inc(by: number | bigint = 1): Inc {
  return new Increment(by) as unknown as Inc;
}

/**
 * Appends to a field that is an array; a missing or null one counts as empty.
 *
 * @example db.users.update(id, { tags: push("math", "art") })
 */
export function push<const E>(...items: readonly E[]): Push<E> {
  return new Append(items) as unknown as Push<E>;
}

/**
 * The document's fields, without its id, after the patch.
 *
 * @throws ValidationError where the patch is no object, changes the id, or a field is not what inc() or push() needs.
 */
export function applyPatch(
  collection: string,
  document: Document,
  patch: unknown,
): Record<string, unknown> {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) {
    throw new ValidationError(collection, [{ path: [], message: "a patch is an object" }]);
  }
  const { id, ...patched } = document as Record<string, unknown> & { readonly id: string };
  const issues: ValidationIssue[] = [];
  for (const [name, change] of Object.entries(patch as Record<string, unknown>)) {
    if (name === "id") {
      if (change !== undefined && change !== id) {
        issues.push({ path: ["id"], message: "the id of a document cannot be changed" });
      }
    } else if (name === "__proto__") {
      issues.push({ path: [name], message: "a field called __proto__ cannot be stored" });
    } else if (change === undefined) delete patched[name];
    else patched[name] = changed(patched[name], change, name, issues);
  }
  if (issues.length > 0) throw new ValidationError(collection, issues);
  return patched;
}

function changed(
  value: unknown,
  change: unknown,
  name: string,
  issues: ValidationIssue[],
): unknown {
  if (change instanceof Increment) {
    const sum = increased(value, change.by);
    if (sum === undefined) issues.push({ path: [name], message: incProblem(value, change.by) });
    return sum;
  }
  if (change instanceof Append) {
    if (value === undefined || value === null) return [...change.items];
    if (Array.isArray(value)) return [...(value as readonly unknown[]), ...change.items];
    issues.push({ path: [name], message: "push() needs an array" });
    return undefined;
  }
  return change;
}

function incProblem(value: unknown, by: unknown): string {
  if (typeof by !== "number" && typeof by !== "bigint") return "inc() takes a number or a bigint";
  const shown = typeof by === "bigint" ? `${by}n` : String(by);
  if (typeof value !== "number" && typeof value !== "bigint") {
    return `inc(${shown}) needs a number or a bigint to add to`;
  }
  return typeof value === "bigint"
    ? `inc(${shown}) cannot add to a bigint, which takes whole numbers`
    : `inc(${shown}) cannot add a bigint to a number`;
}

/** A whole number may also increase a bigint: inc() need not know which of both the field is. */
function increased(value: unknown, by: number | bigint): number | bigint | undefined {
  // A caller without types may have passed anything.
  if (typeof by !== "number" && typeof by !== "bigint") return undefined;
  if (value === undefined || value === null) return by;
  if (typeof value === "number" && typeof by === "number") return value + by;
  if (typeof value !== "bigint") return undefined;
  if (typeof by === "bigint") return value + by;
  return Number.isSafeInteger(by) ? value + BigInt(by) : undefined;
}
