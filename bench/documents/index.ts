import { suiteOf } from "../kit/index.ts";
import type { Suite } from "../kit/index.ts";
import type { DocumentEntry } from "./document-entry.ts";
import type { DocumentStore } from "./document-store.ts";
import { entries } from "./entries.ts";
import { runDocuments } from "./run.ts";

export const documents: Suite = suiteOf<DocumentStore, DocumentEntry>(
  "documents",
  entries,
  runDocuments,
);
