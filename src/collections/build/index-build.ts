/**
 * Builds what indexes of one collection lack, and writes documents of earlier versions anew, pass by pass, while the
 * collection is read and written.
 *
 * Always true:
 * (1) One batch at a time. What one batch can do is done before the collection is used for the first time, so that the
 *     indexes of a small one are ready at once; from then on there is a pause before each, in which others have their turn.
 * (2) A batch that loses against writers is run again with fewer documents, and at last alone with as many as at first: it
 *     cannot starve, nor fall behind those who insert where it should end.
 * (3) What a batch takes of the thread, or of a server, is measured, and the next one is made larger or smaller by it.
 * (4) A build that fails changes nothing for readers and writers: every write keeps the index, and no query reads it.
 *     built() begins it again where it stopped. The other indexes are built.
 * (5) An index counts as ready when the commit that says so is acknowledged: every view that is begun later shows it.
 */
import { Closed } from "../../base/index.ts";
import type { Awaitable } from "../../base/index.ts";
import { StorageError } from "../../engine/contract/index.ts";
import { transact } from "../../transaction/index.ts";
import type { StoreHost } from "../catalog/catalog.ts";
import { LIBRARY_CODE } from "../catalog/finish-collection.ts";
import { UniqueViolation } from "../collection-error.ts";
import type { StoredCollection } from "../stored-collection.ts";
import { buildPace } from "./build-pace.ts";
import { BuildReport } from "./build-report.ts";
import { nextPass, passBatch, setApart } from "./document-pass.ts";
import type { BatchResult, DocumentPass } from "./document-pass.ts";

/** Of documents and entries, in a batch: little enough for every engine's transactions. */
const BATCH_BYTES_MAX = 512 * 1_024;
/** How long a batch may keep the thread: whoever comes meanwhile waits no longer than for a disk. */
const BATCH_MILLIS = 4;
/** Where it waits for a server most of that time is no time of the thread, and others have their turn all along. */
const REMOTE_BATCH_MILLIS = 200;
/** Of so many attempts each has half as many documents as the one before. */
const SHRINKING_ATTEMPTS = 3;
/** So many times as long as a batch took, for its commit takes about as long again: others have half of the time. */
const PAUSE_FACTOR = 2;

export class IndexBuild {
  readonly #host: StoreHost;
  readonly #collection: StoredCollection;
  readonly #report: BuildReport;
  #running: Promise<void> | undefined;
  /** The engine takes no writes: somebody else will have to build. */
  #isReadOnly = false;
  #isStopped = false;
  /** Ends the pause that is under way. */
  #wake: (() => void) | undefined;
  /** How often built() was called, and how many of those calls wait. */
  #asked = 0;
  #waiting = 0;
  #documentsMax = buildPace.batchDocumentsStart;
  #batchMillis = 0;

  constructor(host: StoreHost, collection: StoredCollection) {
    this.#host = host;
    this.#collection = collection;
    this.#report = new BuildReport(host, collection);
  }

  /** Builds what one batch can, and goes on in the background where that is not all. Settles when the batch has; never fails. */
  begin(): Promise<void> {
    return new Promise((resolve) => {
      void this.#start(resolve);
    });
  }

  /**
   * Waits until all indexes are ready, or this one; begins again what had failed.
   *
   * @throws UniqueViolation where two stored documents have one key; Closed; what the engine throws.
   */
  built(index?: string): Awaitable<void> {
    if (this.#isBuilt(index)) return undefined;
    this.#asked++;
    this.#waiting++;
    const running = this.#running ?? this.#start(() => undefined);
    return running
      .catch((error: unknown) => {
        if (!this.#isBuilt(index)) throw error;
      })
      .finally(() => {
        this.#waiting--;
      });
  }

  /** No batch begins any more; one that is under way ends by itself, or by the end of its engine. */
  stop(): void {
    this.#isStopped = true;
    this.#wake?.();
  }

  #isBuilt(index: string | undefined): boolean {
    const { unready } = this.#collection;
    if (unready === undefined || this.#isReadOnly) return true;
    if (index === undefined) return false;
    return !unready.indexes.some(({ maker }) => maker.index.name === index);
  }

  #start(usable: () => void): Promise<void> {
    const running = this.#run(usable).finally(() => {
      this.#running = undefined;
      usable();
    });
    this.#running = running;
    running.catch((error: unknown) => this.#reportUnheard(error));
    return running;
  }

  /** A failure of which nobody is told: neither a listener nor who waits, or asks before this turn is over. */
  #reportUnheard(error: unknown): void {
    const { tellBuild, transactionHost } = this.#host;
    const asked = this.#asked;
    if (tellBuild !== undefined || this.#waiting > 0 || error instanceof Closed) return;
    transactionHost.after(0, () => {
      if (this.#asked > asked || this.#isStopped) return;
      transactionHost.report(error, `building indexes of ${this.#collection.name}`);
    });
  }

  async #run(usable: () => void): Promise<void> {
    let isAtOnce = true;
    /** What ended a pass; the others go on. */
    const failures = new Map<number, unknown>();
    for (;;) {
      const pass = nextPass(this.#collection, new Set(failures.keys()));
      if (pass === undefined) break;
      try {
        const documentsMax = isAtOnce ? buildPace.firstDocumentsMax : this.#documentsMax;
        const { documentsDone, ended } = await this.#batch(pass, documentsMax);
        if (ended !== undefined) {
          this.#collection.become(ended);
          this.#report.ended(pass, documentsDone);
          continue;
        }
        this.#report.done(pass, documentsDone);
      } catch (error) {
        if (error instanceof StorageError && error.code === "OpenedReadOnly") {
          this.#isReadOnly = true;
          return;
        }
        if (this.#isStopped || error instanceof Closed) throw error;
        failures.set(await this.#ended(pass, error), error);
      }
      isAtOnce = false;
      usable();
      await this.#pause();
    }
    const [first] = failures.values();
    if (failures.size > 0) throw first;
  }

  /**
   * A batch has failed. Where one index is to blame it is set apart, so that the others of the pass go on. Gives the pass
   * that has ended.
   */
  async #ended(pass: DocumentPass, error: unknown): Promise<number> {
    const { indexes, tallies, upgrades } = pass;
    const blamed =
      error instanceof UniqueViolation
        ? indexes.filter(({ index }) => index.name === error.index)
        : [];
    const isAlone = indexes.length + tallies.length === 1 && !upgrades;
    if (blamed.length === 0 || isAlone) {
      this.#report.failed(pass, error);
      return pass.number;
    }
    const apart = await transact(
      this.#host.transactionHost,
      this.#host.engine,
      (tx) => setApart(this.#collection, pass, (error as UniqueViolation).index, tx),
      LIBRARY_CODE,
    );
    this.#collection.become(apart.row);
    const alone = { number: apart.pass, indexes: blamed, tallies: [], upgrades: false };
    this.#report.failed(alone, error);
    return apart.pass;
  }

  async #batch(pass: DocumentPass, documentsMax: number): Promise<BatchResult> {
    const { engine, transactionHost } = this.#host;
    if (this.#isStopped) throw new Closed("database");
    let millis = 0;
    let documents = 0;
    const result = await transact(
      transactionHost,
      engine,
      async (tx) => {
        const start = transactionHost.nowMillis();
        const halved = tx.attempt > SHRINKING_ATTEMPTS ? 0 : tx.attempt - 1;
        const most = Math.max(buildPace.batchDocumentsMin, documentsMax >> halved);
        const size = { documentsMax: most, bytesMax: BATCH_BYTES_MAX };
        const done = await passBatch(this.#collection, pass.number, tx, size);
        millis = transactionHost.nowMillis() - start;
        documents = done.documents;
        return done;
      },
      LIBRARY_CODE,
    );
    this.#measure(documents, millis);
    return result;
  }

  #measure(documents: number, millis: number): void {
    this.#batchMillis = millis;
    const { remote } = this.#host.engine.capabilities;
    const wanted = remote ? REMOTE_BATCH_MILLIS : BATCH_MILLIS;
    const fitting = millis <= 0 ? Infinity : (documents * wanted) / millis;
    const most = Math.min(fitting, 2 * this.#documentsMax, buildPace.batchDocumentsMax);
    this.#documentsMax = Math.max(buildPace.batchDocumentsMin, Math.floor(most));
  }

  #pause(): Promise<void> {
    if (this.#isStopped) return Promise.resolve();
    const { remote } = this.#host.engine.capabilities;
    const factor = remote ? 0 : PAUSE_FACTOR;
    const wanted = Math.max(buildPace.pauseMillisMin, factor * this.#batchMillis);
    const millis = Math.min(buildPace.pauseMillisMax, wanted);
    return new Promise((resolve) => {
      const cancel = this.#host.transactionHost.after(millis, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }
}
