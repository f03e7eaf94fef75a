/**
 * A small database of every kind of file, made through the public API, with all that it must answer afterwards.
 *
 * A store has lives: it is opened, written to, flushed, compacted, loaded and closed some times, and at last closed or cut
 * off by a power cut. What it looked like on the way is kept, as are the files of a sibling with another identity and
 * of a twin: a copy that went its own way.
 */
import { open } from "kotobadb";
import { openLsmEngine } from "kotobadb/engine";
import type { LsmEngine } from "kotobadb/engine";
import type { SimulatedHost } from "kotobadb/testing";
import { seededRandom } from "../../../src/testing/kit/index.ts";
import type { SeededRandom } from "../../../src/testing/kit/index.ts";
import type { LsmOptions } from "../../../src/engine/lsm/index.ts";
import { diskOf, hostOf, kindOf, numberOf, PATH, recordsOf } from "./disk.ts";
import type { Disk } from "./disk.ts";
import { cities, collections, readAll, tagWords } from "./reading.ts";
import type { Data, Questions, Reading } from "./reading.ts";

type Recipe = "plain" | "levels" | "log" | "changes" | "large" | "cut" | "cut early";
export const recipes: readonly Recipe[] = [
  "plain",
  "levels",
  "log",
  "changes",
  "large",
  "cut",
  "cut early",
];

type StoreOptions = Omit<LsmOptions, "path" | "host">;

/** So small that every kind of file is there after some dozens of commits, and every byte can be damaged once. */
const TINY: StoreOptions = {
  flushBytesMax: 1_500,
  walFileBytes: 2_048,
  closeFlushBytesMax: 0,
  l0TablesTrigger: 3,
  levelBaseBytes: 4_096,
  levelFanOut: 2,
  tableBytesTarget: 2_000,
  blockCacheBytesMax: 64 * 1_024,
  blockBytes: 400,
  sliceMillis: 0,
  backgroundThread: "off",
};

export interface Store {
  readonly recipe: Recipe;
  readonly seed: number;
  readonly options: StoreOptions;
  readonly disk: Disk;
  readonly isClosed: boolean;
  readonly questions: Questions;
  /** What the whole store answers. */
  readonly whole: Reading;
  /** The log that commits went to last, where it was cut off. */
  readonly newestLog: string | undefined;
  /** What it must answer when its newest log ends after so many records. */
  readonly afterRecords: (count: number) => Promise<Reading>;
  /** Moments on the way, oldest first. */
  readonly moments: readonly Disk[];
  /** A copy that went its own way from one of the moments on. */
  readonly twin: Disk;
}

function optionsOf(recipe: Recipe, random: SeededRandom): StoreOptions {
  const compression = random.oneIn(2) ? "none" : "fast";
  const bottomCompression = random.oneIn(3) ? "dense" : compression;
  const options = { ...TINY, compression, bottomCompression } as const;
  switch (recipe) {
    case "plain":
      return { ...options, prefixFilterBytes: [], flushBytesMax: 64 * 1_024 };
    case "levels":
      return {
        ...options,
        flushBytesMax: 1_024,
        l0TablesTrigger: 2,
        policy: random.oneIn(3) ? "tiered" : "leveled",
      };
    case "changes":
      return { ...options, changeLog: { bytesMax: 1024 * 1024 } };
    case "large":
      return { ...options, flushBytesMax: 8_192, blockBytes: 200, closeFlushBytesMax: 64 * 1_024 };
    default:
      return options;
  }
}

export async function openStore(
  host: SimulatedHost,
  options: StoreOptions,
): Promise<{ readonly db: Data; readonly engine: LsmEngine }> {
  const engine = await openLsmEngine({ ...options, path: PATH, host });
  try {
    return { db: await open({ engine }, { collections, host }), engine };
  } catch (error) {
    await engine.close();
    throw error;
  }
}

async function readStore(
  disk: Disk,
  options: StoreOptions,
  questions: Questions,
): Promise<Reading> {
  const { db, engine } = await openStore(hostOf(disk), options);
  const reading = await readAll(db, engine, questions);
  await db.close();
  return reading;
}

export async function makeStore(recipe: Recipe, seed: number): Promise<Store> {
  const random = seededRandom(seed, 3);
  const options = optionsOf(recipe, random);
  const life = new Lives(recipe, options, random, hostOf(new Map(), seed));
  await life.run(2 + random.below(2));
  const { moments } = life;
  const isCut = recipe === "cut" || recipe === "cut early";
  const disk = isCut ? await life.cut(recipe === "cut early") : moments.at(-1)!;
  const twin = await twinOf(moments[0]!, recipe, options, seed);
  const questions = life.questions;
  const whole = await readStore(disk, options, questions);
  life.check(whole, isCut);
  const newestLog = isCut ? newestLogOf(disk) : undefined;
  const known = new Map<number, Promise<Reading>>();
  const afterRecords = (count: number): Promise<Reading> => {
    let reading = known.get(count);
    if (reading === undefined) {
      reading = readStore(cutAfter(disk, newestLog!, count), options, questions).then((found) => {
        life.check(found, true);
        return found;
      });
      known.set(count, reading);
    }
    return reading;
  };
  return {
    recipe,
    seed,
    options,
    disk,
    isClosed: !isCut,
    questions,
    whole,
    newestLog,
    afterRecords,
    moments,
    twin,
  };
}

/** The last log that holds a record. */
function newestLogOf(disk: Disk): string | undefined {
  return [...disk.keys()]
    .filter((name) => kindOf(name) === "log" && recordsOf(name, disk.get(name)!).length > 0)
    .toSorted((a, b) => numberOf(a) - numberOf(b))
    .at(-1);
}

/** The log ends after so many records, as a power cut before the next one would have left it. */
function cutAfter(disk: Disk, log: string, count: number): Disk {
  const bytes = Uint8Array.from(disk.get(log)!);
  bytes.fill(0, recordsOf(log, bytes)[count]?.start ?? bytes.length);
  return new Map(disk).set(log, bytes);
}

/** A copy of an early state that was written to on another machine, whose clock goes on by itself. */
async function twinOf(
  from: Disk,
  recipe: Recipe,
  options: StoreOptions,
  seed: number,
): Promise<Disk> {
  const host = hostOf(from, seed + 1);
  await host.timers.sleep(12_345);
  const life = new Lives(recipe, options, seededRandom(seed, 4), host, "twin");
  await life.run(2);
  return life.moments.at(-1)!;
}

interface Person {
  readonly id: string;
  readonly email: string;
}
/** What is there after each commit of the program: documents by id, and rows beside them. */
interface State {
  readonly people: ReadonlyMap<string, Person>;
  readonly notes: ReadonlyMap<string, object>;
  readonly rows: ReadonlyMap<string, string>;
}

class Lives {
  readonly host: SimulatedHost;
  readonly moments: Disk[] = [];
  readonly #recipe: Recipe;
  readonly #options: StoreOptions;
  readonly #random: SeededRandom;
  readonly #states: State[] = [{ people: new Map(), notes: new Map(), rows: new Map() }];
  readonly #emails = new Set<string>(["nobody@x.org"]);
  readonly #everPeople = new Set<string>(["01ARZ3NDEKTSV4RRFFQ69G5FAV"]);
  readonly #everNotes = new Set<string>();
  readonly #everRows = new Set<string>(["\xfeabsent"]);
  readonly #prefix: string;
  #serial: number;
  #sequence = 0;

  constructor(
    recipe: Recipe,
    options: StoreOptions,
    random: SeededRandom,
    host: SimulatedHost,
    prefix = "one",
  ) {
    this.#recipe = recipe;
    this.#options = options;
    this.#random = random;
    this.host = host;
    this.#prefix = prefix;
    // Unique values of the twin are its own.
    this.#serial = prefix === "twin" ? 1_000 : 0;
  }

  get questions(): Questions {
    return {
      people: [...this.#everPeople],
      emails: [...this.#emails],
      notes: [...this.#everNotes],
      rawKeys: [...this.#everRows].map(bytesOf),
      changesAfter:
        this.#options.changeLog === undefined ? [] : [0, this.#sequence >> 1, this.#sequence],
    };
  }

  async run(lives: number): Promise<void> {
    for (let life = 0; life < lives; life++) {
      const { db, engine } = await openStore(this.host, this.#options);
      await this.#live(db, engine, 6 + this.#random.below(5));
      if (this.#recipe === "levels") await engine.flush();
      if (life === 0 && this.#recipe !== "plain") await engine.compact();
      if (life > 0 && this.#recipe === "log") await this.#live(db, engine, 3);
      this.#sequence = Number(engine.snapshot().version);
      this.moments.push(diskOf(this.host));
      await db.close();
      this.moments.push(diskOf(this.host));
    }
  }

  /** One more life, which ends in a power cut: at rest, or at some change of the disk while there are several logs. */
  async cut(early: boolean): Promise<Disk> {
    const { db, engine } = await openStore(this.host, this.#options);
    let found: Disk | undefined;
    let countdown = 10 + this.#random.below(40);
    if (early)
      this.host.onCall = ({ change }) => {
        if (change === undefined || found !== undefined) return;
        const logs = this.host.paths().filter((path) => path.endsWith(".log"));
        if (--countdown > 0 || (logs.length < 2 && countdown > -60)) return;
        found = diskOf(this.host.afterPowerCut("kept"));
      };
    await this.#live(db, engine, early ? 14 : 5 + this.#random.below(4));
    this.host.onCall = undefined;
    this.#sequence = Number(engine.snapshot().version);
    const way = this.#random.oneIn(2) ? "kept" : "lost";
    found ??= diskOf(this.host.afterPowerCut(way));
    await db.close();
    return found;
  }

  /** What is read must be what was written, to the last commit or, after a power cut, to some commit. */
  check(reading: Reading, isCut: boolean): void {
    if (reading.refusals.length > 0)
      throw new Error(`an undamaged store refuses: ${String(reading.refusals[0]!.error)}`);
    const found = textOfReading(reading);
    const states = isCut ? this.#states : this.#states.slice(-1);
    if (states.some((state) => textOfState(state) === found)) return;
    throw new Error(`an undamaged store answers\n${found}\nnot\n${textOfState(states.at(-1)!)}`);
  }

  async #live(db: Data, engine: LsmEngine, steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) {
      const random = this.#random;
      const kind = random.below(12);
      if (kind < 4) await this.#insertPerson(db);
      else if (kind < 6) await this.#insertNotes(db);
      else if (kind === 6) await this.#deletePerson(db);
      else if (kind < 9) await this.#updatePerson(db);
      else if (kind === 9) await this.#putRows(engine);
      else if (kind === 10) await this.#deleteRows(engine);
      else await engine.flush();
    }
  }

  get #state(): State {
    return this.#states.at(-1)!;
  }
  #then(change: Partial<State>): void {
    this.#states.push({ ...this.#state, ...change });
  }

  async #insertPerson(db: Data): Promise<void> {
    const random = this.#random;
    const serial = ++this.#serial;
    const large = this.#recipe === "large" && random.oneIn(2);
    const email = `${this.#prefix}${serial}@x.org`;
    this.#emails.add(email);
    const made = await db.people.insert({
      email,
      seat: serial,
      row: `r${random.below(3)}`,
      city: cities[random.below(3)]!,
      grown: random.oneIn(2),
      tags: tagWords.filter(() => random.oneIn(2)),
      ...(random.oneIn(3) ? {} : { age: random.below(90) }),
      ...(large
        ? { bio: Buffer.from(random.bytes(600 + random.below(900))).toString("base64") }
        : {}),
    });
    this.#everPeople.add(made.id);
    this.#then({ people: new Map(this.#state.people).set(made.id, made) });
  }

  async #insertNotes(db: Data): Promise<void> {
    const notes = Array.from({ length: 1 + this.#random.below(3) }, () => ({
      about: tagWords[this.#random.below(3)]!,
      text: `note ${++this.#serial} `.repeat(1 + this.#random.below(6)),
    }));
    const all = new Map(this.#state.notes);
    for (const note of await db.notes.insertMany(notes)) {
      this.#everNotes.add(note.id);
      all.set(note.id, note);
    }
    this.#then({ notes: all });
  }

  #somebody(): Person | undefined {
    const all = [...this.#state.people.values()];
    return all[this.#random.below(Math.max(1, all.length))];
  }

  async #deletePerson(db: Data): Promise<void> {
    const somebody = this.#somebody();
    if (somebody === undefined) return;
    await db.people.delete(somebody.id as never);
    const people = new Map(this.#state.people);
    people.delete(somebody.id);
    this.#then({ people });
  }

  async #updatePerson(db: Data): Promise<void> {
    const somebody = this.#somebody();
    if (somebody === undefined) return;
    const city = cities[this.#random.below(3)]!;
    const changed = await db.people.update(somebody.id as never, {
      city,
      age: this.#random.below(90),
      seat: ++this.#serial,
    });
    this.#then({ people: new Map(this.#state.people).set(changed.id, changed) });
  }

  async #putRows(engine: LsmEngine): Promise<void> {
    const rows = new Map(this.#state.rows);
    const ops = Array.from({ length: 1 + this.#random.below(4) }, (_, i) => {
      const key = `\xfe${this.#random.below(8)}${i}`;
      const value = `value ${++this.#serial}`;
      this.#everRows.add(key);
      rows.set(key, value);
      return { op: "put", key: bytesOf(key), value: bytesOf(value) } as const;
    });
    await engine.write({ ops, requires: [] });
    this.#then({ rows });
  }

  async #deleteRows(engine: LsmEngine): Promise<void> {
    const [start, end] = [`\xfe${this.#random.below(5)}`, `\xfe${5 + this.#random.below(3)}`];
    const range = { start: bytesOf(start), end: bytesOf(end) };
    await engine.write({ ops: [{ op: "delRange", range }], requires: [] });
    const rows = [...this.#state.rows].filter(([key]) => key < start || key >= end);
    this.#then({ rows: new Map(rows) });
  }
}

function bytesOf(latin: string): Uint8Array {
  return Uint8Array.from(latin, (letter) => letter.charCodeAt(0));
}

function answerTo(reading: Reading, question: string): string {
  const answer = reading.answers[reading.questions.indexOf(question)];
  if (answer === undefined) throw new Error(`nobody asked for ${question}`);
  return answer;
}

function textOfReading(reading: Reading): string {
  const documents = ["people", "notes"].map((name) =>
    textOfDocuments(JSON.parse(answerTo(reading, name)) as { readonly id: string }[]),
  );
  const rows = answerTo(reading, "all rows, forward")
    .split("\n")
    .filter((row) => row.startsWith("\xfe"));
  return [...documents, ...rows].join("\n");
}

function textOfState({ notes, people, rows }: State): string {
  const documents = [people, notes].map((all) =>
    textOfDocuments([...all.values()] as { readonly id: string }[]),
  );
  const shown = [...rows].map(([key, value]) => `${key}=${value}`).sort();
  return [...documents, ...shown].join("\n");
}

function textOfDocuments(documents: readonly { readonly id: string }[]): string {
  return documents
    .map((document) =>
      JSON.stringify(Object.entries(document).sort(([a], [b]) => (a < b ? -1 : 1))),
    )
    .sort()
    .join("\n");
}
