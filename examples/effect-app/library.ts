/** What a library does, as Effects over the database service. Which database that is, a layer says. */
import * as Data from "effect/Data";
import * as Effect from "effect/Effect";
import * as Stream from "effect/Stream";
import { collection, inc, ref } from "kotobadb";
import type { DocOf, ReadError } from "kotobadb";
import { Service } from "kotobadb/effect";
import { z } from "zod";

const Books = collection(
  "books",
  z.object({ isbn: z.string().regex(/^\d{4}$/), title: z.string(), copies: z.number().int() }),
  { indexes: { byIsbn: { on: ["isbn"], unique: true } } },
);
const Loans = collection(
  "loans",
  z.object({ bookId: ref("books"), reader: z.string(), due: z.date() }),
  { indexes: { once: { on: ["bookId", "reader"], unique: true }, byDue: ["due"] } },
);
type Book = DocOf<typeof Books>;
type Loan = DocOf<typeof Loans>;

/** The database as a service: `LibraryDb.layer(folder)` opens it, `LibraryDb.layerMemory` is for tests. */
export class LibraryDb extends Service<LibraryDb>()(
  "example/LibraryDb",
  { books: Books, loans: Loans },
  { loans: { book: { one: "books", via: "bookId", onDelete: "restrict" } } },
) {}

/** Failures of the library's own, beside those of the database. */
class NoSuchBook extends Data.TaggedError("NoSuchBook")<{ readonly isbn: string }> {}
class NoCopyLeft extends Data.TaggedError("NoCopyLeft")<{ readonly title: string }> {}
class HasItAlready extends Data.TaggedError("HasItAlready")<{ readonly reader: string }> {}

export const acquire = Effect.fn(function* (isbn: string, title: string, copies: number) {
  const { books } = yield* LibraryDb;
  return yield* books.upsert(
    { isbn },
    { create: { isbn, title, copies }, update: { copies: inc(copies) } },
  );
});

/** Lends a copy: the book loses one and the loan is written, both or neither. */
const lend = Effect.fn(function* (isbn: string, reader: string, due: Date) {
  const db = yield* LibraryDb;
  const lending = db.transaction((tx) =>
    Effect.gen(function* () {
      const book = yield* tx.books.find({ isbn });
      if (book === undefined) return yield* new NoSuchBook({ isbn });
      if (book.copies === 0) return yield* new NoCopyLeft({ title: book.title });
      yield* tx.books.update(book.id, { copies: book.copies - 1 });
      return yield* tx.loans.insert({ bookId: book.id, reader, due });
    }),
  );
  // The unique index refuses a second copy for the same reader; the library says so in its own words.
  return yield* lending.pipe(
    Effect.catchTag("UniqueViolation", () => Effect.fail(new HasItAlready({ reader }))),
  );
});

/** What the desk says. Whatever is not caught here stays in the type, and is none of the library's. */
export const askFor = (isbn: string, reader: string, due: Date) =>
  lend(isbn, reader, due).pipe(
    Effect.as("here you are"),
    Effect.catchTags({
      NoSuchBook: (error) => Effect.succeed(`we have no ${error.isbn}`),
      NoCopyLeft: ({ title }) => Effect.succeed(`no copy of ${title} is left`),
      HasItAlready: () => Effect.succeed("you have it already"),
    }),
  );

/** Brings a copy back. */
export const giveBack = Effect.fn(function* (loan: Loan) {
  const db = yield* LibraryDb;
  yield* db.transaction((tx) =>
    Effect.gen(function* () {
      yield* tx.loans.delete(loan.id);
      yield* tx.books.update(loan.bookId, { copies: inc() });
    }),
  );
});

/** Loans that should be back by now, the longest overdue first, read as they are consumed. */
export const overdue = (
  now: Date,
): Stream.Stream<Loan & { readonly book: Book }, ReadError, LibraryDb> =>
  Stream.unwrap(
    Effect.map(LibraryDb, ({ loans }) =>
      loans
        .where({ due: { lt: now } })
        .orderBy("due")
        .include("book")
        .stream(),
    ),
  );

/** How many copies are out: now, and again whenever that has changed. */
export const copiesOut: Stream.Stream<number, ReadError, LibraryDb> = Stream.unwrap(
  Effect.map(LibraryDb, ({ loans }) =>
    loans
      .where({})
      .live()
      .pipe(Stream.map(({ rows }) => rows.length)),
  ),
);
