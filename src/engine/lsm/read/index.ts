// What is readable now
export { Tree } from "./tree.ts";

// Reading one state of it
export { SequenceView } from "./sequence-view.ts";
export type { ChosenState, ViewSource } from "./sequence-view.ts";
