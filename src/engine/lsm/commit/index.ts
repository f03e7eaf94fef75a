// The order of commits
export { WriteRoom } from "./write-room.ts";
export { WritePace, writeRate } from "./write-pace.ts";
export { Committer } from "./committer.ts";
export { CommitWakes } from "./commit-wakes.ts";
// Validation
export { KeptSequence, OpenViews } from "./open-views.ts";
export { RecentCommits } from "./recent-commits.ts";
export type { Verdict } from "./recent-commits.ts";
export { disjointRanges } from "./read-ranges.ts";
// Group commit
export { CommitLog } from "./commit-log.ts";
export { Admission, versionOfSequence } from "./admission.ts";
export type { CommittingTransaction } from "./admission.ts";
