/**
 * Engines with one planted defect each, by what is wrong with them: what the contract suite and the history checker are
 * worth shows in whether they notice.
 */
export { brokenCommits } from "./broken-commits.ts";
export { LoadingEngine, brokenLoads } from "./broken-loads.ts";
export { brokenValidation } from "./broken-validation.ts";
export { brokenViews } from "./broken-views.ts";
export { ValidatingEngine } from "./validating-engine.ts";
export { WrappedEngine } from "./wrapped-engine.ts";
