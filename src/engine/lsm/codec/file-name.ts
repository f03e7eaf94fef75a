/**
 * The names of a database's files. All numbers are drawn from one counter and never used twice, so a name says which
 * file it is for ever:
 *
 *   000012.log                                 write-ahead log 12
 *   000012.spare                               room on the disk for a log to come; what it holds means nothing
 *   000013.sst                                 table 13
 *   MANIFEST-000007                            manifest 7
 *   marker.manifest.000003.MANIFEST-000007     says that manifest 7 rules; of several markers the highest count wins
 *   LOCK                                       who has the database open, for people to read
 *
 * Numbers have at least six digits, more when they need them, and no other leading zeros.
 */

export type FileKind = "wal" | "spare" | "table" | "manifest";
export interface FileName {
  readonly kind: FileKind;
  readonly number: number;
}

export function walName(number: number): string {
  return `${digits(number)}.log`;
}

export function spareName(number: number): string {
  return `${digits(number)}.spare`;
}

export function tableName(number: number): string {
  return `${digits(number)}.sst`;
}

export function manifestName(number: number): string {
  return `MANIFEST-${digits(number)}`;
}

/** The marker that says, with the `count`-th move, that manifest `number` rules. */
export function markerName(count: number, number: number): string {
  return `marker.manifest.${digits(count)}.${manifestName(number)}`;
}

const kindOfEnding: Readonly<Record<string, FileKind>> = {
  log: "wal",
  spare: "spare",
  sst: "table",
};
const spelling: Readonly<Record<FileKind, (number: number) => string>> = {
  wal: walName,
  spare: spareName,
  table: tableName,
  manifest: manifestName,
};

/** What a file of this name is; undefined for names that are not ours, or not spelled as we spell them. */
export function parseFileName(name: string): FileName | undefined {
  const match = /^(?:(\d{6,15})\.(log|spare|sst)|MANIFEST-(\d{6,15}))$/.exec(name);
  if (match === null) return undefined;
  const kind = kindOfEnding[match[2] ?? ""] ?? "manifest";
  const number = Number(match[1] ?? match[3]);
  return spelling[kind](number) === name ? { kind, number } : undefined;
}

export function parseMarkerName(
  name: string,
): { readonly count: number; readonly manifestNumber: number } | undefined {
  const match = /^marker\.manifest\.(\d{6,15})\.MANIFEST-(\d{6,15})$/.exec(name);
  if (match === null) return undefined;
  const marker = { count: Number(match[1]), manifestNumber: Number(match[2]) };
  return markerName(marker.count, marker.manifestNumber) === name ? marker : undefined;
}

/** The path of a name in a directory. Forward slashes work on every system that Node runs on. */
export function pathIn(directory: string, name: string): string {
  return directory.endsWith("/") ? `${directory}${name}` : `${directory}/${name}`;
}

function digits(number: number): string {
  return String(number).padStart(6, "0");
}
