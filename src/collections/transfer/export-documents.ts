/**
 * The documents of a collection as text, in chunks: one document a line (NDJSON), or one JSON array with a document on
 * each of its lines.
 *
 * Always true: documents come in the order of their ids, from one view; one page of rows is in memory at a time.
 */
import { andThen } from "../../base/index.ts";
import type { Awaitable, BatchCursor } from "../../base/index.ts";
import type { Page, Scan } from "../../engine/contract/index.ts";
import type { Document } from "../document/document.ts";
import type { ObjectShape } from "../schema/field-shape.ts";
import { documentJson } from "./document-json.ts";

export const EXPORT_FORMATS = ["ndjson", "json"] as const;
/** ndjson: a document a line. json: one array. */
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** A chunk is given once it has so many characters: few enough to hold many, enough that a chunk costs nothing. */
const CHUNK_LENGTH = 65_536;

export interface ExportSource {
  /** Over all documents of the collection. */
  readonly scan: Scan;
  readonly documentAt: (page: Page, row: number) => Document;
  readonly shape: ObjectShape;
  readonly format: ExportFormat;
  /** Told how many documents were written so far, after each page. */
  readonly onPage?: (documents: number) => void;
}

export function exportCursor(source: ExportSource): BatchCursor<string> {
  return new ExportCursor(source);
}

class ExportCursor implements BatchCursor<string> {
  readonly #source: ExportSource;
  #documents = 0;
  #isDone = false;

  constructor(source: ExportSource) {
    this.#source = source;
  }

  next(): Awaitable<readonly string[] | undefined> {
    if (this.#isDone) return undefined;
    return andThen(this.#source.scan.next(), (page) => this.#chunks(page));
  }

  close(): void {
    this.#isDone = true;
    this.#source.scan.close();
  }

  #chunks(page: Page): readonly string[] {
    const { documentAt, format, onPage, shape } = this.#source;
    const isArray = format === "json";
    const chunks: string[] = [];
    let text = "";
    for (let row = 0; row < page.rows; row++) {
      if (isArray) text += this.#documents === 0 ? "[\n" : ",\n";
      text += documentJson(documentAt(page, row), shape);
      if (!isArray) text += "\n";
      this.#documents++;
      if (text.length < CHUNK_LENGTH) continue;
      chunks.push(text);
      text = "";
    }
    if (page.done) {
      this.#isDone = true;
      if (isArray) text += this.#documents === 0 ? "[]\n" : "\n]\n";
    }
    if (text !== "") chunks.push(text);
    onPage?.(this.#documents);
    return chunks;
  }
}
