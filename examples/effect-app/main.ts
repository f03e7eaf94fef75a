import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as Console from "effect/Console";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as Layer from "effect/Layer";
import * as Stream from "effect/Stream";
import { acquire, askFor, copiesOut, giveBack, LibraryDb, overdue } from "./library.ts";

const today = new Date("2026-03-01");
const nextMonth = new Date("2026-04-01");
const lastMonth = new Date("2026-02-01");

const program = Effect.gen(function* () {
  yield* acquire("0001", "Faust", 1);
  yield* acquire("0001", "Faust", 1);
  yield* acquire("0002", "Emma", 1);

  // The board over the desk: a live query as a Stream, in a fiber of its own, until it has shown an empty shelf refilled.
  const board = yield* copiesOut.pipe(
    Stream.tap((count) => Console.log(`  [${count} out]`)),
    Stream.takeUntil((count, at) => at > 0 && count === 0),
    Stream.runDrain,
    Effect.forkChild({ startImmediately: true }),
  );

  const desk = (isbn: string, reader: string, due: Date) =>
    Effect.flatMap(askFor(isbn, reader, due), (answer) =>
      Console.log(`${reader} asks for ${isbn}: ${answer}`),
    );
  yield* desk("0001", "Ada", lastMonth);
  yield* desk("0001", "Ada", nextMonth);
  yield* desk("0001", "Grace", nextMonth);
  yield* desk("0001", "Edsger", nextMonth);
  yield* desk("0002", "Edsger", lastMonth);
  yield* desk("0003", "Edsger", nextMonth);

  yield* overdue(today).pipe(
    Stream.runForEach(({ book, reader }) =>
      Console.log(`${reader} should bring back ${book.title}`),
    ),
  );

  // Twenty readers at once, and one copy: one of them gets it.
  yield* acquire("0004", "Ulysses", 1);
  const readers = Array.from({ length: 20 }, (_, n) => `reader ${n}`);
  const answers = yield* Effect.forEach(readers, (reader) => askFor("0004", reader, nextMonth), {
    concurrency: "unbounded",
  });
  const lucky = answers.filter((answer) => answer === "here you are").length;
  yield* Console.log(`${readers.length} readers at once for one copy: ${lucky} got it`);

  const db = yield* LibraryDb;
  yield* db.loans.stream().pipe(Stream.runForEach(giveBack));
  yield* Fiber.join(board);
  const { copies } = yield* db.books.aggregate({ copies: { sum: "copies" } });
  yield* Console.log(`${copies} copies are on the shelves again`);
});

/** A folder for the length of the scope. */
const temporaryFolder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "kotobadb-library-"))),
  (folder) => Effect.promise(() => rm(folder, { recursive: true })),
);
/** The layer opens the database when the program begins, and closes it before the folder goes. */
const LibraryLive = Layer.unwrap(Effect.map(temporaryFolder, (folder) => LibraryDb.layer(folder)));

await Effect.runPromise(Effect.provide(program, LibraryLive));
