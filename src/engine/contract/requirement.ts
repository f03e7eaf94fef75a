/** Whether what a commit requires of a key is so. Shared by engines. */
import { equalBytes } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import type { Requirement } from "./storage-engine.ts";

/** `value`: what the key holds; undefined if nothing. */
export function requirementHolds(requirement: Requirement, value: Bytes | undefined): boolean {
  if (requirement.is === "absent") return value === undefined;
  return value !== undefined && equalBytes(value, requirement.value);
}
