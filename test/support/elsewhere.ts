/**
 * Where the suites of the upper floors make their databases: in memory or in a folder, as each test says; unless a file of
 * test/engine has called runElsewhere() and imports the suite then. So the same tests run on every engine, and none is
 * written twice.
 *
 * Tests that are about memory or the disk alone are marked with `test.skipIf(isElsewhere())`.
 */
import type { StorageEngine } from "../../src/engine/contract/index.ts";
import { MemoryEngine } from "../../src/engine/memory/index.ts";

export interface EngineWishes {
  /** The commits are kept, for feeds; and for live queries, where an engine needs it for them. */
  readonly changeLog?: boolean;
}

/** Gives an engine each time it is asked, always on the same rows: as one program opens them after another. */
export type Place = (wishes: EngineWishes) => StorageEngine;

export interface Elsewhere {
  /** A place with nothing in it. */
  readonly newPlace: () => Place;
  /** The part of all random runs that is tried there. */
  readonly share: number;
}

let elsewhere: Elsewhere | undefined;
const opened: StorageEngine[] = [];

/** Called by the file that imports suites, before it does; after each test it calls closeEngines(). */
export function runElsewhere(there: Elsewhere): void {
  elsewhere = there;
}

/** Closes what was opened elsewhere: tests in memory close nothing. */
export async function closeEngines(): Promise<void> {
  for (const engine of opened.splice(0)) await engine.close();
}

/** Known while tests are collected. */
export function isElsewhere(): boolean {
  return elsewhere !== undefined;
}

/** What open() takes. */
export type Target = string | { readonly engine: StorageEngine };

/** A place with nothing in it, for a test that opens it more than once. */
export function newPlace(): Place {
  if (elsewhere === undefined) {
    const engine = new MemoryEngine();
    return () => engine;
  }
  const place = elsewhere.newPlace();
  return (wishes) => {
    const engine = place(wishes);
    opened.push(engine);
    return engine;
  };
}

/** An engine with nothing in it; in memory, where nothing else was said. */
export function engineHere({ changeLog = false }: EngineWishes = {}): StorageEngine {
  if (elsewhere !== undefined) return newPlace()({ changeLog });
  return new MemoryEngine(changeLog ? { changeLog: {} } : {});
}

/** What open() takes: what the test says itself, unless it runs elsewhere. */
export function here(itself: string, wishes: EngineWishes = {}): Target {
  return elsewhere === undefined ? itself : { engine: engineHere(wishes) };
}

/** How often a random program is tried here. */
export function runsHere(count: number): number {
  return Math.ceil(count * (elsewhere?.share ?? 1));
}

/** The variants of a test: those it says itself, or the one of elsewhere. */
export function variantsHere<V>(itself: readonly V[], there: V): readonly V[] {
  return elsewhere === undefined ? itself : [there];
}
