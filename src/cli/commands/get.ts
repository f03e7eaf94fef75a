/** kotoba get: one document by collection and id, or one value by its raw key. */
import type { StoredDocuments } from "../../collections/index.ts";
import { documentJson, storedCollections } from "../../collections/index.ts";
import type { ReadView } from "../../engine/index.ts";
import { bytesOfHex, hexOf, withReader } from "../command.ts";
import type { Command, CommonOptions } from "../command.ts";
import { EXIT, NothingThere, WrongUsage } from "../exit-code.ts";
import type { Terminal } from "../terminal.ts";

export interface GetOptions extends CommonOptions {
  readonly key?: string;
}

export const get: Command<
  [path: string, collection: string | undefined, id: string | undefined],
  GetOptions
> = async (context, [path, collection, id], { json, key }) => {
  if ((key === undefined) === (id === undefined)) {
    throw new WrongUsage("Name a collection and an id, or a key with --key.", { collection, key });
  }
  const text = await withReader(context, path, async (engine) => {
    const view = engine.snapshot();
    if (key !== undefined) return valueText(view, bytesOfHex("key", key), json === true);
    const documents = await requireCollection(view, collection!);
    return documentText(context.terminal, view, documents, id!, json === true);
  });
  await context.terminal.out(text);
  return EXIT.fine;
};

/** @throws NothingThere */
export async function requireCollection(view: ReadView, name: string): Promise<StoredDocuments> {
  const all = await storedCollections(view);
  const found = all.find((one) => one.name === name);
  if (found === undefined) throw new NothingThere("collection", { collection: name });
  return found;
}

async function valueText(view: ReadView, key: Uint8Array, json: boolean): Promise<string> {
  const value = await view.get(key);
  if (value === undefined) throw new NothingThere("key", { key: hexOf(key) });
  return json
    ? `${JSON.stringify({ key: hexOf(key), value: hexOf(value) })}\n`
    : `${hexOf(value)}\n`;
}

async function documentText(
  terminal: Terminal,
  view: ReadView,
  collection: StoredDocuments,
  id: string,
  json: boolean,
): Promise<string> {
  const key = collection.keyOf(id);
  const bytes = key === undefined ? undefined : await view.get(key);
  if (bytes === undefined) {
    throw new NothingThere("document", { collection: collection.name, id });
  }
  const reader = await collection.reader(view);
  const version = reader.versionOf(bytes);
  if (version < collection.version) {
    terminal.err(`of version ${version} of the schema, of ${collection.version}\n`);
  }
  const shape = collection.shapeOf(version);
  return `${documentJson(reader.decode(id, bytes), shape, json ? undefined : 2)}\n`;
}
