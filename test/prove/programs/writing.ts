/** What each write does: to the database, and what it must answer and leave by the model. */
import { inc, push } from "kotobadb";
import type { Edition, Input } from "./collections.ts";
import { stored, versionOf } from "./collections.ts";
import { expectSame, expectTag, expectThat, Mismatch, shown, valueOf } from "./compare.ts";
import type { Judge } from "./compare.ts";
import { outcomeOf, tagOf } from "./loose.ts";
import type { Loose, LooseCollection, Outcome } from "./loose.ts";
import { collectionNames, PlainCollection, Refused, uniqueKey } from "./plain.ts";
import type { Model } from "./plain.ts";
import { isNotReady, NOTHING_UNREADY } from "./readiness.ts";
import type { NotReady, Unready } from "./readiness.ts";
import type { Of, Write } from "./program.ts";
import { compact, filterObject, fits } from "./values.ts";
import type { Doc, Fields, Filter } from "./values.ts";
import { writeIn } from "./versions.ts";

/** Only the commit of a transaction can tell that a key is taken: what it reads after that means nothing. */
export class Doomed extends Error {}

export interface Written {
  readonly judge: Judge;
  /** Ids that the database made up. */
  readonly freshIds: readonly string[];
  readonly outcome: Outcome<unknown>;
}

interface WriteContext {
  /** Not in a transaction. */
  readonly isDirect: boolean;
  /** Others write at the same time: who held a key may be gone when it is asked for. */
  readonly meets?: boolean;
  readonly edition: Edition;
  /**
   * Indexes may be under way. One that is newly unique does not know a key yet that a document has where the build has not
   * been: whether it is taken is told by the build. So whatever takes one is left out.
   */
  readonly isBuilding?: boolean;
  /** What was not ready in the state that is written to, or a little before, where nothing can be waited for. */
  readonly unready?: Unready;
  /** See Life. */
  readonly held?: PlainCollection | undefined;
}

/** Performs a write; picks name documents of `model`, which is the state that the database shows here. */
export async function write(
  drawn: Of<Write>,
  on: Loose,
  model: Model,
  context: WriteContext,
): Promise<Written> {
  const { edition, isBuilding = false, isDirect, meets = false } = context;
  const name = collectionNames[drawn.on];
  const version = versionOf(name, edition);
  const step = writeIn(drawn, version);
  const targets = targetsOf(step, model[name]);
  const effect = (plain: PlainCollection): Effect =>
    effectOf(step, targets, plain, { schema: edition.schema, version });
  if (isBuilding && takesUnproven(() => effect(model[name])))
    return { judge: () => undefined, outcome: { value: undefined }, freshIds: [] };
  const outcome = await outcomeOf(() => perform(step, targets, on[name]));
  const judge: Judge = (state) => {
    if (isByQuery(step) && "error" in outcome && tagOf(outcome.error) === "FullScan") return;
    const plain = state[name];
    if ("error" in outcome && isNotReady(outcome.error)) {
      const { error } = outcome;
      return expectThat(
        mayLack(error, step, plain, effect, context),
        () => `${step.do}: nothing is to be waited for: ${String(error)}`,
      );
    }
    let wanted: Effect;
    try {
      wanted = effect(plain);
    } catch (refused) {
      if (!(refused instanceof Refused)) throw refused;
      if (!isDirect && "value" in outcome && refused.tag === "UniqueViolation") throw new Doomed();
      return expectRefusal(outcome, refused, step, isDirect && !meets);
    }
    apply(wanted, valueOf(outcome, `${step.do} ${targets.join()}`), plain, step.do);
  };
  return { judge, outcome, freshIds: freshIdsOf(step, outcome) };
}

/** A key of the only index that becomes unique among documents that may stand against it. */
function takesUnproven(effect: () => Effect): boolean {
  try {
    effect();
    return false;
  } catch (refused) {
    if (!(refused instanceof Refused)) throw refused;
    return refused.holders.has("onceN");
  }
}

/**
 * May the write be refused because an index is not ready? Only if that is so, and the write asks it for documents; or takes
 * a key of it that one of an earlier version may have, which is still to be written anew.
 */
function mayLack(
  { collection, index: name }: NotReady,
  step: Of<Write>,
  plain: PlainCollection,
  effect: (plain: PlainCollection) => Effect,
  { held, unready = NOTHING_UNREADY }: WriteContext,
): boolean {
  if (collection !== collectionNames[step.on] || !unready.has(collection, name)) return false;
  if (isByQuery(step)) return true;
  if (step.do === "upsert" && name === { key: "byKey", pair: "byPair", id: "" }[step.by])
    return true;
  const index = plain.indexes[name];
  if (index?.unique !== true || collection !== "things") return false;
  let changes: Effect;
  try {
    changes = effect(new PlainCollection({}, plain.documents));
  } catch (refused) {
    // An id that is taken: the transaction would be told at its end.
    return refused instanceof Refused && refused.tag === "UniqueViolation";
  }
  return [...changes.kept, ...changes.fresh].some((fields) => {
    const key = uniqueKey(index, fields as Doc);
    const before = plain.documents.get(fields["id"] as string);
    if (key === undefined || (before && uniqueKey(index, before)) === key) return false;
    if (held === undefined) return true;
    return [...held.documents.values()].some((document) => uniqueKey(index, document) === key);
  });
}

function expectRefusal(
  outcome: Outcome<unknown>,
  { holders, tag }: Refused,
  step: Write,
  isAlone: boolean,
): void {
  expectTag(outcome, tag, step.do);
  if (tag !== "UniqueViolation" || !("error" in outcome)) return;
  const { existingId, index } = outcome.error as Error & { index: string; existingId: string };
  const possible = holders.get(index);
  if (possible === undefined) throw new Mismatch(`${step.do}: ${index} is not what is taken`);
  if (!isAlone || possible.has(undefined) || possible.has(existingId)) return;
  throw new Mismatch(`${step.do}: the holder is ${[...possible].join(" or ")}, not ${existingId}`);
}

/** Compares what the write answered, and does it to the model. */
function apply(effect: Effect, result: unknown, plain: PlainCollection, what: string): void {
  const { all, deleted, fresh, kept } = effect;
  if (all !== undefined) {
    expectSame(result, all.length, `${what}: number of documents`);
    for (const id of all) plain.documents.delete(id);
    for (const document of kept) plain.put(document as Doc);
    return;
  }
  if (deleted !== undefined)
    return expectSame(result, plain.documents.delete(deleted), `${what} ${deleted}`);
  const documents = (Array.isArray(result) ? result : [result]) as Doc[];
  expectSame(documents.length, fresh.length + kept.length, `${what}: number of documents`);
  for (const [i, fields] of [...kept, ...fresh].entries()) {
    const id = (fields["id"] as string | undefined) ?? documents[i]!.id;
    const wanted = { ...fields, id };
    expectSame(documents[i], wanted, what);
    plain.put(wanted);
  }
}

// ------------------------------------------------------------------ what a write means

/** What it leaves: documents as they must be, those of a new id without one. */
interface Effect {
  readonly kept: readonly Fields[];
  readonly fresh: readonly Fields[];
  readonly deleted?: string;
  /** What a query found: only their number is told. Those that are not kept are deleted. */
  readonly all?: readonly string[];
}

const NOBODY = "nobody";
export function idOf(plain: PlainCollection, pick: number): string {
  if (pick === 40 || plain.documents.size === 0) return NOBODY;
  return plain.list()[pick % plain.documents.size]!.id;
}
function targetsOf(step: Write, plain: PlainCollection): readonly string[] {
  const first = "pick" in step ? [idOf(plain, step.pick)] : [];
  return step.do === "swap" ? [...first, idOf(plain, step.other)] : first;
}

/** Under an id that no other document can have. */
function unborn(fields: Fields, n = 0): Doc {
  return { ...fields, id: (fields["id"] as string | undefined) ?? `? ${n}` };
}

function effectOf(
  step: Write,
  targets: readonly string[],
  plain: PlainCollection,
  { schema, version }: { readonly schema: number; readonly version: number },
): Effect {
  const checked = (fields: Fields): Fields => {
    const whole = stored(compact(fields), schema, version);
    if (whole === undefined) throw new Refused("ValidationError");
    return whole;
  };
  const created = (inputs: readonly Fields[]): Effect => {
    const fresh = inputs.map(checked);
    plain.check(fresh.map(unborn));
    return { kept: [], fresh };
  };
  const changed = (id: string, change: (document: Doc) => Fields): Effect => {
    const fields = compact(change(plain.existing(id)));
    if (typeof fields["n"] !== "number") throw new Refused("ValidationError");
    const after = { ...checked(fields), id };
    plain.check([after], id);
    return { kept: [after], fresh: [] };
  };
  const target = targets[0]!;
  const found = (filter: Filter): Doc[] => plain.list().filter((one) => fits(filter, one));
  switch (step.do) {
    case "insert":
      return created([{ ...step.input, id: step.id }]);
    case "insertMany":
      return created(step.inputs.map((input) => ({ ...input })));
    case "update":
      return changed(target, (document) => ({ ...document, ...step.patch, ...gone(step.gone) }));
    case "updateBy":
      return changed(target, (document) => ({ ...document, ...movedBy(document, step.by) }));
    case "inc":
      return changed(target, (document) => ({
        ...document,
        [step.field]: ((document[step.field] as number | undefined) ?? 0) + step.by,
      }));
    case "push":
      return changed(target, (document) => ({
        ...document,
        tags: [...(document["tags"] as string[]), ...step.tags],
      }));
    case "replace":
      checked({ ...step.input });
      return changed(target, () => ({ ...step.input }));
    case "upsert": {
      const found = [...plain.documents.values()].find((document) => isNamed(document, step));
      const more = (document: Doc): Fields => ({ ...document, n: (document["n"] as number) + 10 });
      if (found !== undefined) return changed(found.id, more);
      return created([step.by === "id" ? { ...step.input, id: step.id } : { ...step.input }]);
    }
    case "swap": {
      const [first, second] = targets.map((id) => plain.existing(id)) as [Doc, Doc];
      if (first.id === second.id) return { kept: [first], fresh: [] };
      const kept = [
        { ...first, key: second["key"] },
        { ...second, key: first["key"] },
      ].map(compact);
      return { kept, fresh: [] };
    }
    case "delete":
      return { kept: [], fresh: [], deleted: target };
    case "updateWhere": {
      const after = found(step.filter).map((document): Doc => ({
        ...checked({ ...document, ...movedBy(document, step.by) }),
        id: document.id,
      }));
      const all = after.map(({ id }) => id);
      plain.check(after, ...all);
      return { kept: after, fresh: [], all };
    }
    case "deleteWhere":
      return { kept: [], fresh: [], all: found(step.filter).map(({ id }) => id) };
    case "insertWrong":
      throw new Refused("ValidationError");
  }
}
function isByQuery(step: Write): boolean {
  return step.do === "updateWhere" || step.do === "deleteWhere";
}
function gone(names: readonly string[]): Fields {
  return Object.fromEntries(names.map((name) => [name, undefined]));
}
function movedBy(document: Doc, by: number): Fields {
  const n = document["n"] as number;
  return { n: n + by, s: String(n) };
}
function isNamed(document: Doc, { by, id, input }: Write & { do: "upsert" }): boolean {
  if (by === "id") return document.id === id;
  if (by === "key") return document["key"] === input.key;
  return document["a"] === input.a && document["b"] === input.b;
}

// ------------------------------------------------------------------ doing it

async function perform(
  step: Write,
  targets: readonly string[],
  collection: LooseCollection,
): Promise<unknown> {
  const target = targets[0]!;
  switch (step.do) {
    case "insert":
      return collection.insert(compact({ ...step.input, id: step.id }));
    case "insertMany":
      return collection.insertMany(step.inputs);
    case "update":
      return collection.update(target, { ...step.patch, ...gone(step.gone) });
    case "updateBy":
      return collection.update(target, (document: Doc) => movedBy(document, step.by));
    case "inc":
      return collection.update(target, { [step.field]: inc(step.by) });
    case "push":
      return collection.update(target, { tags: push(...step.tags) });
    case "replace":
      return collection.replace(target, step.input);
    case "upsert": {
      const { a, b, key } = step.input;
      const where = step.by === "id" ? { id: step.id } : step.by === "key" ? { key } : { a, b };
      return collection.upsert(where, { create: step.input, update: { n: inc(10) } });
    }
    case "swap":
      return swapKeys(collection, target, targets[1]!);
    case "delete":
      return collection.delete(target);
    case "updateWhere":
      return collection
        .where(filterObject(step.filter))
        .update((document: Doc) => movedBy(document, step.by));
    case "deleteWhere":
      return collection.where(filterObject(step.filter)).delete();
    case "insertWrong":
      return insertWrong(collection, step.input, step.how);
  }
}

/** One after the other, over a state in which neither has a key. */
async function swapKeys(
  collection: LooseCollection,
  first: string,
  second: string,
): Promise<Doc[]> {
  const [a, b] = [await collection.getOrThrow(first), await collection.getOrThrow(second)];
  if (first === second) return [a];
  await collection.update(first, { key: undefined });
  const moved = await collection.update(second, { key: a["key"] });
  return [await collection.update(first, { key: b["key"] }), moved];
}

/** What must be refused before anything is written. */
function insertWrong(collection: LooseCollection, input: Input, how: number): Promise<unknown> {
  const wrongs: readonly (() => Promise<unknown>)[] = [
    () => collection.insert({ ...input, n: "no number" }),
    () => collection.insert({ ...input, n: Number.NaN }),
    () => collection.insert({ ...input, s: "\ud800" }),
    () => collection.insert({ ...input, id: "" }),
    () => collection.insert({ ...input, id: 7 }),
    () => collection.insertMany([input, { ...input, flag: undefined }]),
    () => collection.insertMany([input, "no document" as unknown as object]),
    () => collection.insert({ ...input, at: new Date(Number.NaN) }),
    () => collection.upsert({ id: "wrong" }, { create: { ...input, id: "other" }, update: {} }),
    () => collection.replace("wrong", { ...input, id: "other" }),
  ];
  return wrongs[how % wrongs.length]!();
}

function freshIdsOf(step: Write, outcome: Outcome<unknown>): readonly string[] {
  if (!("value" in outcome)) return [];
  if (step.do === "insertMany") return (outcome.value as Doc[]).map(({ id }) => id);
  if (step.do !== "insert" || step.id !== undefined) return [];
  const { id } = outcome.value as Doc;
  if (typeof id !== "string") throw new Mismatch(`an insert without an id: ${shown(outcome)}`);
  return [id];
}
