/**
 * How much of a build is done at a time, in documents, and how long others have their turn between. Nobody sets it but
 * proofs over few documents, in which each of them should meet what otherwise only large collections do.
 */
export interface BuildPace {
  /** Done before the first use: a moment's work, and yet all of most collections. */
  firstDocumentsMax: number;
  /** A commit should be worth it. */
  batchDocumentsMin: number;
  batchDocumentsMax: number;
  batchDocumentsStart: number;
  /** A clock of whole milliseconds says 0 of a short batch, hence the least. */
  pauseMillisMin: number;
  pauseMillisMax: number;
}

export const buildPace: BuildPace = {
  firstDocumentsMax: 1_000,
  batchDocumentsMin: 16,
  batchDocumentsMax: 1_024,
  batchDocumentsStart: 64,
  pauseMillisMin: 1,
  pauseMillisMax: 50,
};
