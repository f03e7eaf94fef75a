/**
 * Where an engine is: a folder, or a URL, whose scheme says which engine. This is the one place that knows the engines
 * behind URLs.
 */
import { KotobaError } from "../../base/index.ts";
import { StorageError, openLsmEngine } from "../../engine/index.ts";
import type { Host, StorageEngine } from "../../engine/index.ts";
import type { initTable, tableDefinition } from "../../engine/postgres/index.ts";

/** What the engine is opened for. */
export interface PlaceOptions {
  /** It has to be there, and nothing in it is changed. */
  readonly readOnly: boolean;
}
/** Opens what a URL names, or says what must be installed for that. */
export type OpenUrl = (url: string, options: PlaceOptions) => Promise<StorageEngine>;
/** By the scheme of the URL, without the colon. */
export type UrlEngines = Readonly<Record<string, OpenUrl>>;

/** How long a server waits for the other side of a copy, and for a statement to come over a slow line. */
export interface CopyWaits {
  readonly transactionMillis: number;
  readonly statementMillis: number;
}

/**
 * While one side is read or written the other one does nothing: its state has to be held for longer than a program would
 * hold one. What a copy has on its way is some megabytes, so that this is enough for a line of some kilobytes a second.
 */
const COPY_WAITS: CopyWaits = { transactionMillis: 3_600_000, statementMillis: 900_000 };

/** Not to be changed means that the table has to be there, and is not made. */
export function postgresOpener(waits: CopyWaits = COPY_WAITS): OpenUrl {
  return async (url, { readOnly }) => {
    const { postgres } = await import("../../engine/postgres/index.ts");
    return postgres({ url, makeTable: !readOnly, ...waits });
  };
}

/** For the command that is about that engine alone. */
export function postgresTools(): Promise<PostgresTools> {
  return import("../../engine/postgres/index.ts");
}
export interface PostgresTools {
  readonly initTable: typeof initTable;
  readonly tableDefinition: typeof tableDefinition;
}

const openPostgres = postgresOpener();

/** The engines of this build. */
export const URL_ENGINES: UrlEngines = { postgres: openPostgres, postgresql: openPostgres };

/** A URL whose scheme no engine of this build has. */
class NoEngineForUrl extends KotobaError<"NoEngineForUrl"> {
  readonly _tag = "NoEngineForUrl" as const;
  constructor(scheme: string, known: readonly string[]) {
    super({
      sentence: "This build of KotobaDB has no engine for such a URL.",
      remedy: "Name a folder, or install a version of kotobadb that has the engine.",
      details: {
        scheme,
        known: ["folders", ...known.map((name) => `${name}://…`)].join(", "),
      },
    });
  }
}

/** What a database leaves in its folder when it was made, or half made. */
const OWN_NAME = /^(?:LOCK|MANIFEST-\d+|marker\.manifest\..+|\d+\.(?:log|sst|spare))$/;

export class EnginePlace {
  /** For people: without what a URL says of users and passwords. */
  readonly shown: string;
  readonly #text: string;
  readonly #host: Host;
  readonly #openUrl: OpenUrl | undefined;

  /** @throws NoEngineForUrl. */
  constructor(text: string, host: Host, engines: UrlEngines) {
    this.#text = text;
    this.#host = host;
    this.shown = text.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, "$1");
    const [, scheme] = /^([a-z][a-z0-9+.-]+):\/\//i.exec(text) ?? [];
    if (scheme === undefined) return;
    const name = scheme.toLowerCase();
    if (!Object.hasOwn(engines, name)) throw new NoEngineForUrl(name, Object.keys(engines));
    this.#openUrl = engines[name];
  }

  /** Opens the engine, lets `work` use it, and closes it in any case. */
  async with<T>(options: PlaceOptions, work: (engine: StorageEngine) => Promise<T>): Promise<T> {
    const engine = await this.#open(options);
    try {
      return await work(engine);
    } finally {
      await engine.close();
    }
  }

  /**
   * The same for what may hold nothing yet. What is there is shown to `look` first, opened for reading only: if that
   * throws, nothing has changed.
   *
   * @throws StorageError 'NotEmpty' for a folder with files of others.
   */
  async withNew<T>(
    look: (engine: StorageEngine) => Promise<void>,
    work: (engine: StorageEngine) => Promise<T>,
  ): Promise<T> {
    if (this.#openUrl === undefined) {
      try {
        await this.with({ readOnly: true }, look);
      } catch (error) {
        if (!(error instanceof StorageError) || error.code !== "NoDatabase") throw error;
        this.#refuseFiles();
      }
    }
    return this.with({ readOnly: false }, work);
  }

  #refuseFiles(): void {
    const { files } = this.#host;
    if (!files.exists(this.#text)) return;
    const found = files.list(this.#text).find((name) => !OWN_NAME.test(name));
    if (found !== undefined) throw new StorageError("NotEmpty", { path: this.#text, found });
  }

  async #open(options: PlaceOptions): Promise<StorageEngine> {
    if (this.#openUrl !== undefined) return this.#openUrl(this.#text, options);
    return openLsmEngine({ path: this.#text, host: this.#host, ...options });
  }
}
