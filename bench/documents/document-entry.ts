/** What a store of documents says of itself. */
import type { StoreEntry } from "../kit/index.ts";
import type { DocumentStore } from "./document-store.ts";

export interface DocumentEntry extends StoreEntry<DocumentStore> {
  /** At most so many documents, for a store that would take the whole time for itself. */
  readonly documentsMax?: number;
  /** What a program imports to use it, where the key-value suite does not tell how long that takes. */
  readonly specifier?: string;
  /** Only what it writes: reads are as without what this variant adds. */
  readonly onlyWrites?: boolean;
  /** Measured with a million documents too, by full runs. */
  readonly isLarge?: boolean;
}
