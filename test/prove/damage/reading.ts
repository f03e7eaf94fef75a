/**
 * Everything that can be asked of a store, each question by every path that leads to its answer. Two readings of equal
 * data are equal text for text, whatever is on the disk.
 */
import { collection, KotobaError } from "kotobadb";
import type { Db } from "kotobadb";
import { z } from "zod";
import { StorageError } from "kotobadb/engine";
import type { LsmEngine, Page, Version } from "kotobadb/engine";
import { turns } from "../kit/turns.ts";

const person = {
  email: z.string(),
  seat: z.number(),
  row: z.string(),
  city: z.string(),
  age: z.number().optional(),
  grown: z.boolean(),
  tags: z.array(z.string()),
  bio: z.string().optional(),
};

export const collections = {
  people: collection("people", z.object(person), {
    indexes: {
      byEmail: { on: ["email"], unique: true },
      bySeat: { on: ["row", "-seat"], unique: true },
      byCity: ["city", "-age"],
      byTag: ["tags[]"],
      grownOnes: { on: ["city"], where: { grown: true } },
      lean: { on: ["row"], include: ["city"] },
    },
  }),
  notes: collection("notes", z.object({ about: z.string(), text: z.string() }), {
    indexes: { byAbout: ["about"] },
  }),
};
export type Data = Db<typeof collections>;
export const cities = ["Oslo", "Rome", "Kyoto"];
export const tagWords = ["red", "green", "blue"];

/** What to ask for by name: everything that ever was, and what never was. */
export interface Questions {
  readonly people: readonly string[];
  readonly emails: readonly string[];
  readonly notes: readonly string[];
  readonly rawKeys: readonly Uint8Array[];
  /** After which commits changes are asked for; empty where the store keeps none. */
  readonly changesAfter: readonly number[];
}

interface Refusal {
  readonly question: string;
  readonly error: unknown;
}
export interface Reading {
  readonly questions: readonly string[];
  /** undefined: refused. */
  readonly answers: readonly (string | undefined)[];
  readonly refusals: readonly Refusal[];
}

export async function readAll(db: Data, engine: LsmEngine, questions: Questions): Promise<Reading> {
  const asked = new Asked();
  await askPeople(db, asked, questions);
  await askNotes(db, asked, questions);
  await askEngine(engine, asked, questions);
  return asked;
}

class Asked implements Reading {
  readonly questions: string[] = [];
  readonly answers: (string | undefined)[] = [];
  readonly refusals: Refusal[] = [];

  async ask(question: string, work: () => unknown): Promise<void> {
    this.questions.push(question);
    try {
      this.answers.push(shown(await work()));
    } catch (error) {
      if (!(error instanceof KotobaError)) throw foreign(question, error);
      this.answers.push(undefined);
      this.refusals.push({ question, error });
    }
  }
}

export function foreign(where: string, error: unknown): Error {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new Error(`${where} failed with no error of KotobaDB: ${text}`, { cause: error });
}

function shown(answer: unknown): string {
  return typeof answer === "string" ? answer : (JSON.stringify(answer) ?? "nothing");
}

async function askPeople(db: Data, asked: Asked, { emails, people }: Questions): Promise<void> {
  const all = db.people;
  await asked.ask("people", () => all.all());
  await asked.ask("people counted", () => all.count());
  await asked.ask("people by age", () => all.orderBy("age", "desc").limit(7).all());
  await asked.ask("a page of people", () => all.page({ size: 4 }));
  for (const id of people) await asked.ask(`person ${id}`, () => all.get(id as never));
  for (const email of emails) await asked.ask(`person ${email}`, () => all.find({ email }));
  for (const city of cities) {
    await asked.ask(`people of ${city}`, () => all.index("byCity", city).all());
    // Which plan answers, and so the order, follows from estimates, which damage may change.
    await asked.ask(`grown people of ${city}`, async () =>
      (await all.where({ city, grown: true }).all()).toSorted(byId),
    );
    await asked.ask(`people of ${city} counted`, () => all.where({ city }).count());
  }
  for (const tag of tagWords)
    await asked.ask(`people with ${tag}`, () => all.index("byTag", tag).all());
  await asked.ask("people by city, backward", () => all.index("byCity").reverse().all());
  await asked.ask("seats", () => all.index("bySeat").all());
  await asked.ask("rows, covered", () => all.index("lean").select("row", "city").all());
}

function byId(a: { readonly id: string }, b: { readonly id: string }): number {
  return a.id < b.id ? -1 : 1;
}

async function askNotes(db: Data, asked: Asked, { notes }: Questions): Promise<void> {
  await asked.ask("notes", () => db.notes.all());
  await asked.ask("notes by subject", () => db.notes.index("byAbout").all());
  await asked.ask("many notes", () => db.notes.getMany(notes as never));
}

const EVERYTHING = { start: new Uint8Array(0), end: undefined };

async function askEngine(engine: LsmEngine, asked: Asked, questions: Questions): Promise<void> {
  const { changesAfter, rawKeys } = questions;
  const snapshot = engine.snapshot();
  const scanned = async (reverse: boolean): Promise<string> => {
    const scan = snapshot.scan(EVERYTHING, { reverse, expect: "all" });
    try {
      let rows = "";
      for (;;) {
        const page = await scan.next();
        rows += rowsOf(page);
        if (page.done) return rows;
      }
    } finally {
      scan.close();
    }
  };
  await asked.ask("all rows, forward", () => scanned(false));
  await asked.ask("all rows, backward", () => scanned(true));
  await asked.ask("many rows", async () => (await snapshot.getMany(rawKeys)).map(latin));
  for (const key of rawKeys)
    await asked.ask(`row ${latin(key)}`, async () => latin(await snapshot.get(key)));
  snapshot.close();
  for (const after of changesAfter)
    await asked.ask(`changes after ${after}`, () => changesOf(engine, after));
}

function latin(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined
    ? undefined
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

function rowsOf({ buffer, keyEnd, keyStart, rows, valueEnd, valueStart }: Page): string {
  const text = latin(buffer)!;
  let shownRows = "";
  for (let i = 0; i < rows; i++)
    shownRows += `${text.slice(keyStart[i], keyEnd[i])}=${text.slice(valueStart[i], valueEnd[i])}\n`;
  return shownRows;
}

/** The commits there are after this one: what comes without waiting. */
async function changesOf(engine: LsmEngine, after: number): Promise<string> {
  const aborter = new AbortController();
  if (engine.changes === undefined) throw new StorageError("NotSupported", { what: "changes" });
  const changes = engine.changes(String(after) as Version, { signal: aborter.signal });
  const reader = changes[Symbol.asyncIterator]();
  let text = "";
  for (;;) {
    const next = reader.next();
    const batch = await Promise.race([next, turns(1)]);
    if (batch === undefined) {
      aborter.abort();
      await next.catch(() => undefined);
      return text;
    }
    if (batch.done === true) return text;
    for (const { ops, version } of batch.value)
      text += `${version}:${JSON.stringify(ops, (_, value: unknown) =>
        value instanceof Uint8Array ? latin(value) : value,
      )}\n`;
  }
}
