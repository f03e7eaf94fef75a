export type { ManifestState, TableMeta, VersionEdit } from "./version-edit.ts";
export { readFormerRun, readManifest } from "./manifest-reader.ts";
export type { FormerRun } from "./manifest-reader.ts";
export { ManifestWriter } from "./manifest-writer.ts";
export { EditRecorder } from "./edit-recorder.ts";
export { DATABASE_FORMAT_NEWEST } from "./manifest-format.ts";
export { dumpManifest, dumpManifestFile } from "./dump-manifest.ts";
// Names
