/** kotoba check: holds the definitions of a program against what is stored, for a build that is to be released. */
import { outlookOf, storedCollections } from "../../collections/index.ts";
import type { CollectionDefinition, Outlook } from "../../collections/index.ts";
import type { ReadView } from "../../engine/index.ts";
import { withReader } from "../command.ts";
import type { Command, CommonOptions } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { countText } from "../print/table-text.ts";
import { programDefinitions } from "../program-definitions.ts";

/** What becomes of a collection of the program, or of the database alone. */
export interface NamedOutlook {
  readonly name: string;
  readonly outlook: Outlook | { readonly kind: "undefined" };
}

export const check: Command<[path: string, module: string], CommonOptions> = async (
  context,
  [path, module],
  { json },
) => {
  const definitions = await programDefinitions(context.load, module);
  const found = await withReader(context, path, (engine) =>
    outlooks(engine.snapshot(), definitions),
  );
  await context.terminal.out(json === true ? jsonOf(found) : textOf(found));
  return isRefused(found) ? EXIT.problems : EXIT.fine;
};

export function isRefused(found: readonly NamedOutlook[]): boolean {
  return found.some(({ outlook }) => outlook.kind === "refused");
}

/** In the order of the names; at the end what the program does not define. */
export async function outlooks(
  view: ReadView,
  definitions: readonly CollectionDefinition[],
): Promise<readonly NamedOutlook[]> {
  const found: NamedOutlook[] = [];
  for (const definition of definitions) {
    found.push({ name: definition.name, outlook: await outlookOf(view, definition) });
  }
  const defined = new Set(definitions.map(({ name }) => name));
  for (const { name } of await storedCollections(view)) {
    if (!defined.has(name)) found.push({ name, outlook: { kind: "undefined" } });
  }
  return found;
}

function jsonOf(found: readonly NamedOutlook[]): string {
  const collections = found.map(({ name, outlook }) => ({ name, ...outlook }));
  return `${JSON.stringify({ collections })}\n`;
}

export function textOf(found: readonly NamedOutlook[]): string {
  const width = Math.max(...found.map(({ name }) => name.length));
  const lines = found.flatMap(({ name, outlook }) => {
    const [first, ...rest] = outlookLines(outlook);
    const indent = " ".repeat(width + 2);
    return [`${name.padEnd(width)}  ${first}`, ...rest.map((line) => `${indent}${line}`)];
  });
  return `${lines.join("\n")}\n`;
}

function outlookLines(outlook: NamedOutlook["outlook"]): readonly string[] {
  switch (outlook.kind) {
    case "new":
      return ["new: not stored yet"];
    case "same":
      return ["same: nothing to be done"];
    case "undefined":
      return ["stored, and not defined in the module"];
    case "refused": {
      const { missingStep, text } = outlook.difference;
      const step = missingStep === undefined ? [] : ["the missing step:", `  ${missingStep}`];
      return [`refused: ${text}`, ...step];
    }
    case "compatible":
      return [`compatible: ${workText(outlook)}`];
    case "step": {
      const { defined, past, stored } = outlook;
      const from = stored === defined ? `to version ${defined}` : `${stored} to ${defined}`;
      return [`step ${from}: ${countText(past, "document")} to upgrade${andWork(outlook)}`];
    }
  }
}

type Work = Extract<Outlook, { readonly kind: "step" | "compatible" }>;

function andWork(work: Work): string {
  const text = workText(work);
  return text === "" ? "" : `, ${text}`;
}

function workText({ builds, documents, drops, fills }: Work): string {
  return [
    ...(fills ? [`defaults to fill in, ${countText(documents, "document")}`] : []),
    ...(builds.length > 0 ? [`indexes to build: ${builds.join(", ")}`] : []),
    ...(drops.length > 0 ? [`indexes to drop: ${drops.join(", ")}`] : []),
  ].join(", ");
}
