// Definitions
export { RESERVED_NAMES, collection } from "./collection-definition.ts";
export type { CollectionDefinition, ReservedName, FreeName } from "./collection-definition.ts";
export type {
  CollectionOptions,
  Def,
  Definition,
  DocOf,
  IdOf,
  InputOf,
  InsertOf,
  ObjectSchema,
  OutputOf,
} from "./collection-type.ts";
// Documents
export { documentKey, idOf, isUlid } from "./document/document-key.ts";
export type { Document } from "./document/document.ts";
export { inc, push } from "./document/patch.ts";
export type { Patch } from "./document/patch.ts";
export type { Id, Prop, Scalar, Simplify, WithId } from "./schema/document-type.ts";
export { ref } from "./schema/reference.ts";
export type { FieldShape, ObjectShape } from "./schema/field-shape.ts";
export { membersOf } from "./schema/field-shape.ts";
export { mayBe, shapeAt, typeProblem, withId } from "./schema/shape-lookup.ts";
// In a database
export { Catalog } from "./catalog/catalog.ts";
export type { StoreHost } from "./catalog/catalog.ts";
export { StoredDocuments, storedCollections } from "./catalog/stored-catalog.ts";
export { verifyStored } from "./catalog/verify-stored.ts";
export type { StoredChange } from "./changes/stored-changes.ts";
export { CollectionStore } from "./collection-store.ts";
export type { Change } from "./collection-store.ts";
export type { BuildEventBody } from "./build/build-event.ts";
export type { CollectionLayout } from "./build/index-states.ts";
// Versions of a schema
export { outlookOf, tryStored } from "./evolution/outlook.ts";
export type { Outlook } from "./evolution/outlook.ts";
export { versionOf } from "./evolution/past-version.ts";
// Relations
export { NO_RELATIONS, RelationGraph } from "./relation/relation.ts";
export type { Relation } from "./relation/relation.ts";
export { parseRelations } from "./relation/relation-parser.ts";
export type {
  ExactRelations,
  IsFree,
  RelationSpec,
  RelationSpecs,
} from "./relation/relation-type.ts";
export type { LoadGuard, WriteGuard, WrittenDocument } from "./relation/write-guard.ts";
export type { DocumentChange } from "./document-change.ts";
// Indexes
export { fieldText } from "./index/index-definition.ts";
export type { BoundIndex, IndexDefinition } from "./index/index-definition.ts";
export { dueEntries, firstDueMillis } from "./index/due-entries.ts";
export { dueMillis } from "./index/expiry.ts";
export type {
  IndexName,
  IndexSpec,
  IndexSpecs,
  IndexValues,
  NextOf,
  NumberPath,
  OnOf,
  PrefixOf,
  Strip,
  UniqueIndexName,
} from "./index/index-spec.ts";
export { PartSum } from "./tally/number-parts.ts";
export {
  CELL_ABSENT,
  CELL_COUNT,
  cellKey,
  decodeAmount,
  placeOfCell,
} from "./tally/tally-cells.ts";
export type { BoundTally } from "./tally/tally-definition.ts";
// Paths
export { parsePath, pathOf, valueAt, valuesAt } from "./path/field-path.ts";
export type { FieldPath } from "./path/field-path.ts";
export type { Path, SinglePath, ValueAt } from "./path/path-type.ts";
// Values and their order
export {
  compareStrings,
  compareValues,
  isOrdered,
  isWellFormed,
  typeClass,
} from "./key/value-order.ts";
export type { TypeClass } from "./key/value-order.ts";
export { KeyReader } from "./key/key-reader.ts";
export { KeyWriter } from "./key/key-writer.ts";
export {
  classPartRange,
  encodePart,
  stringPrefixPartRange,
  valuePartRange,
} from "./key/part-range.ts";
export type { PartRange } from "./key/part-range.ts";
// Filters
export { ALL, NONE } from "./filter/filter.ts";
export type { FilterNode } from "./filter/filter.ts";
export { oneOf, simplify } from "./filter/filter-build.ts";
export { compileFilter } from "./filter/filter-compile.ts";
export { implies } from "./filter/filter-implies.ts";
export { matches } from "./filter/filter-match.ts";
export { parseFilter } from "./filter/filter-parser.ts";
export { filterForm, filterText, scalarText } from "./filter/filter-text.ts";
export type { Filter } from "./filter/filter-type.ts";
// Text of documents, in and out
export { documentJson } from "./transfer/document-json.ts";
export { EXPORT_FORMATS, exportCursor } from "./transfer/export-documents.ts";
export type { ExportFormat } from "./transfer/export-documents.ts";
export { importDocuments } from "./transfer/import-documents.ts";
export type { ImportOptions, ImportProgress, ImportResult } from "./transfer/import-documents.ts";
export { importStored } from "./transfer/import-stored.ts";
export { isIterable, isTextSource } from "./transfer/text-source.ts";
export type { TextSource } from "./transfer/text-source.ts";
export type { LoadOptions, LoadResult } from "./load/load.ts";
export { CollectionNotEmpty, ImportFailed } from "./transfer/transfer-error.ts";
export type { BadLine } from "./transfer/transfer-error.ts";
// Errors
export {
  DanglingReference,
  EvolutionFailed,
  IndexNotReady,
  InvalidDefinition,
  InvalidQuery,
  NotFound,
  ReferenceViolation,
  SchemaMismatch,
  UniqueViolation,
  ValidationError,
} from "./collection-error.ts";
export type { MismatchReason, Referrer, ValidationIssue } from "./collection-error.ts";
