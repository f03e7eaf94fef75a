/** Programs over the public API, as values: they are drawn at random (draw.ts), shrink and print. */
import type { Durability } from "kotobadb/engine";
import type { RandomOptions } from "../../engine/lsm/random-options.ts";
import type { Edition, Input } from "./collections.ts";
import type { Pace } from "./pace.ts";
import type { Asked } from "./plain.ts";
import type { Filter } from "./values.ts";
import type { Failing } from "./versions.ts";

/** Which document: its place among those there are, or none of them. */
type Pick = number;

export type Write =
  | { readonly do: "insert"; readonly input: Input; readonly id: string | undefined }
  | { readonly do: "insertMany"; readonly inputs: readonly Input[] }
  | {
      readonly do: "update";
      readonly pick: Pick;
      readonly patch: Partial<Input>;
      readonly gone: readonly string[];
    }
  | { readonly do: "updateBy"; readonly pick: Pick; readonly by: number }
  | { readonly do: "inc"; readonly pick: Pick; readonly field: "n" | "m"; readonly by: number }
  | { readonly do: "push"; readonly pick: Pick; readonly tags: readonly string[] }
  | { readonly do: "replace"; readonly pick: Pick; readonly input: Input }
  | {
      readonly do: "upsert";
      readonly by: "key" | "pair" | "id";
      readonly input: Input;
      readonly id: string;
    }
  | { readonly do: "delete"; readonly pick: Pick }
  | { readonly do: "updateWhere"; readonly filter: Filter; readonly by: number }
  | { readonly do: "deleteWhere"; readonly filter: Filter }
  | { readonly do: "insertWrong"; readonly input: Input; readonly how: number }
  /** Two documents give each other their unique key: only a transaction makes it one step. */
  | { readonly do: "swap"; readonly pick: Pick; readonly other: Pick };

export type End =
  | "figures"
  | "all"
  | "first"
  | "one"
  | "count"
  | "exists"
  | "pages"
  | "stream"
  | "explain";
export type Read =
  | { readonly do: "query"; readonly asked: Asked; readonly end: End }
  | { readonly do: "get"; readonly picks: readonly Pick[] }
  | { readonly do: "find"; readonly key: string; readonly a: number; readonly b: string }
  | { readonly do: "readWrong"; readonly how: number };

/** On one of the two collections. */
export type Of<T> = T & { readonly on: 0 | 1 };
export type Operation = Of<Write> | Of<Read>;

export interface Body {
  readonly steps: readonly Operation[];
  readonly throws: boolean;
  readonly readOnly: boolean;
  readonly durability: Durability | undefined;
}

/** How the database is opened. */
export interface Opening {
  /** Undefined: by its path alone, with the options that users get. */
  readonly options: RandomOptions | undefined;
  readonly durability: Durability | undefined;
  readonly fullScan: "allow" | "warn" | "error";
  /** How long a read of the disk takes. */
  readonly readMillis: number;
  /** Collections are registered at their first use, not at once. */
  readonly lazy: boolean;
}

/** As another program, or as the same one once more. */
export interface Reopening {
  readonly edition: Omit<Edition, "version">;
  /** So many versions of the schema on, or back. */
  readonly by: number;
  /** The last step to the next version fails for some documents. */
  readonly fails: Failing | undefined;
  /** What is being built is waited for before it is closed. */
  readonly settles: boolean;
  readonly opening: Opening;
}

/** To be read only. */
export interface ReadingOpening {
  /** By a program that knows so many more versions of the schema. */
  readonly by: number;
  readonly settles: boolean;
  readonly opening: Opening;
}

export type Step =
  | Operation
  | { readonly do: "transaction"; readonly body: Body }
  /** Bodies that take turns, and writes of their own between them: `turns` says who is next. */
  | {
      readonly do: "race";
      readonly bodies: readonly Body[];
      readonly direct: readonly Of<Write>[];
      readonly turns: readonly number[];
    }
  /** Writes that are begun before the first of them has ended. */
  | { readonly do: "burst"; readonly writes: readonly Of<Write>[] }
  | { readonly do: "snapshot" | "closeSnapshot" | "verify" | "stats" | "ready" }
  | { readonly do: "readSnapshot"; readonly pick: Pick; readonly read: Of<Read> }
  /** Reads so many rows and one more, and goes on later. */
  | Of<{ readonly do: "openStream"; readonly asked: Asked; readonly rows: number }>
  | { readonly do: "endStream"; readonly whole: boolean }
  /** Reads one page, and goes on from its cursors later. */
  | Of<{ readonly do: "openPages"; readonly asked: Asked; readonly size: number }>
  | { readonly do: "turnPage"; readonly pick: Pick; readonly back: boolean }
  | {
      readonly do: "upkeep";
      readonly what: "compact" | "flush" | "cleanupWal";
      readonly waits: boolean;
    }
  | {
      readonly do: "checkpoint";
      readonly settles: boolean;
      readonly opening: Opening;
      readonly write: Of<Write>;
    }
  /** And so it goes on at once, while there may be something to be built. */
  | ({ readonly do: "reopen"; readonly meanwhile: readonly Step[] } & Reopening)
  | ({
      readonly do: "readOnly";
      readonly reads: readonly Of<Read>[];
      readonly write: Of<Write>;
    } & ReadingOpening)
  | {
      readonly do: "powerCut";
      readonly unsynced: "lost" | "kept" | "seeded";
      readonly opening: Opening;
    }
  /** The clock of the wall is set, forwards or back. */
  | { readonly do: "setClock"; readonly byMillis: number }
  /** The same, and all that is due then is deleted. */
  | { readonly do: "expire"; readonly byMillis: number }
  | { readonly do: "sleep"; readonly millis: number }
  | { readonly do: "pause"; readonly turns: number };

export interface Program {
  /** Of builds; undefined: as for users. */
  readonly pace: Pace | undefined;
  readonly engine: "memory" | "lsm";
  readonly seed: number;
  readonly opening: Opening;
  readonly edition: Edition;
  readonly steps: readonly Step[];
}
