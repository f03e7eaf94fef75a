/** Tells the database's listener of the builds of one collection: of those that go on in the background, and of failures. */
import { KotobaError } from "../../base/index.ts";
import { StorageError } from "../../engine/contract/index.ts";
import type { StoreHost } from "../catalog/catalog.ts";
import type { StoredCollection } from "../stored-collection.ts";
import type { BuildEventBody } from "./build-event.ts";
import type { DocumentPass } from "./document-pass.ts";

/** Progress is told at most so often. */
const PROGRESS_MILLIS = 1_000;

export class BuildReport {
  readonly #host: StoreHost;
  readonly #collection: StoredCollection;
  /** The pass whose beginning was told. */
  #pass: number | undefined;
  #startMillis = 0;
  #toldMillis = 0;

  constructor(host: StoreHost, collection: StoredCollection) {
    this.#host = host;
    this.#collection = collection;
  }

  /** A batch has ended, and its pass has not. */
  done(pass: DocumentPass, documents: number): void {
    const nowMillis = this.#host.transactionHost.nowMillis();
    if (this.#pass !== pass.number) {
      this.#pass = pass.number;
      this.#startMillis = this.#toldMillis = nowMillis;
      return this.#tell({ type: "index-build-begin", ...this.#what(pass), documents });
    }
    if (nowMillis - this.#toldMillis < PROGRESS_MILLIS) return;
    this.#toldMillis = nowMillis;
    this.#tell({ type: "index-build-progress", ...this.#what(pass), documents });
  }

  ended(pass: DocumentPass, documents: number): void {
    // What was ready at once was never building for anybody.
    if (this.#pass !== pass.number) return;
    const millis = this.#host.transactionHost.nowMillis() - this.#startMillis;
    this.#tell({ type: "index-build-end", ...this.#what(pass), documents, millis });
  }

  failed(pass: DocumentPass, cause: unknown): void {
    if (this.#pass === pass.number) this.#pass = undefined;
    const error =
      cause instanceof KotobaError
        ? cause
        : new StorageError("Io", { error: String(cause) }, { cause });
    this.#tell({ type: "index-build-failure", ...this.#what(pass), error });
  }

  #what({ indexes, tallies }: DocumentPass): Pick<BuildEventBody, "collection" | "indexes"> {
    return {
      collection: this.#collection.name,
      indexes: [
        ...indexes.map(({ index }) => index.name),
        ...tallies.map(({ tally }) => tally.name),
      ],
    };
  }

  #tell(event: BuildEventBody): void {
    this.#host.tellBuild?.(event);
  }
}
