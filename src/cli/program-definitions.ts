/**
 * The collections that a program defines: what its module exports, by itself or in an object or list. A module that also
 * does something when it is loaded does it here too, so definitions had better stand in a module of their own.
 *
 * Always true: of definitions of one name, where one leads on from the others, it is the one that counts.
 */
import { KotobaError } from "../base/index.ts";
import type { CollectionDefinition } from "../collections/index.ts";
import { WrongUsage } from "./exit-code.ts";

/** Loads a module of JavaScript, or of what else the runtime loads, by its path. */
export type LoadModule = (path: string) => Promise<object>;

/** The module is not there, cannot be read by this runtime, or failed while it was loaded. */
class ModuleNotLoaded extends KotobaError<"ModuleNotLoaded"> {
  readonly _tag = "ModuleNotLoaded" as const;
  constructor(path: string, cause: unknown) {
    super({
      sentence: "The module with the definitions could not be loaded.",
      remedy:
        "Give a module that this Node loads: JavaScript, or TypeScript where Node or a loader such as tsx reads it.",
      details: { module: path, reason: cause instanceof Error ? cause.message : String(cause) },
      cause,
    });
  }
}

/** By their names, in the order of these. @throws ModuleNotLoaded, WrongUsage where it exports none, or two of one name. */
export async function programDefinitions(
  load: LoadModule,
  path: string,
): Promise<readonly CollectionDefinition[]> {
  const exported = await load(path).catch((cause: unknown) => {
    throw new ModuleNotLoaded(path, cause);
  });
  const byName = new Map<string, CollectionDefinition>();
  for (const found of definitionsIn(exported)) {
    const known = byName.get(found.name);
    byName.set(found.name, known === undefined ? found : later(path, known, found));
  }
  if (byName.size === 0) {
    throw new WrongUsage("The module exports no collection().", { module: path });
  }
  const inOrder = [...byName].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return inOrder.map(([, definition]) => definition);
}

function* definitionsIn(exported: object): Generator<CollectionDefinition> {
  for (const value of Object.values(exported) as unknown[]) {
    const own = definitionOf(value);
    if (own !== undefined) yield own;
    else if (typeof value === "object" && value !== null) {
      for (const one of Object.values(value) as unknown[]) {
        const inner = definitionOf(one);
        if (inner !== undefined) yield inner;
      }
    }
  }
}

/** By its members and not by its class: the module may have its own copy of the library. */
function definitionOf(value: unknown): CollectionDefinition | undefined {
  if (typeof value !== "object" || value === null || !("definition" in value)) return undefined;
  const definition = value.definition as Partial<CollectionDefinition> | undefined;
  const isWhole =
    typeof definition?.name === "string" &&
    Array.isArray(definition.past) &&
    typeof definition.schema?.validate === "function";
  return isWhole ? (definition as CollectionDefinition) : undefined;
}

function later(
  path: string,
  a: CollectionDefinition,
  b: CollectionDefinition,
): CollectionDefinition {
  if (a === b || b.past.some(({ schema }) => schema === a.schema)) return b;
  if (a.past.some(({ schema }) => schema === b.schema)) return a;
  throw new WrongUsage("The module exports two definitions of one name.", {
    module: path,
    collection: a.name,
  });
}
