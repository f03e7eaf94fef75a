/** A database that is wrong on purpose, in one way, for as long as a catcher looks for it. */
import type { StorageEngine } from "kotobadb/engine";
import type { Plant } from "../histories/machine.ts";
import type { CatcherName } from "./catchers.ts";

/** Undoes what was planted into a class. */
export type Restore = () => void;

export interface Planting extends Plant {
  /** Changes classes of the product itself; everything that runs until it is undone is wrong. */
  readonly patch?: () => Restore;
  /** An engine that is wrong by itself, in place of ours. */
  readonly make?: () => StorageEngine;
}

export interface Defect {
  /** What is wrong, in words. */
  readonly name: string;
  /** Where it is planted. */
  readonly where: string;
  /** Who must notice it. */
  readonly caughtBy: CatcherName;
  readonly planting: Planting;
}

/** A method of a class, replaced until the restore that is returned is called. */
export function patched<T extends object, K extends keyof T & string>(
  prototype: T,
  name: K,
  make: (original: T[K]) => T[K],
): Restore {
  const descriptor = Object.getOwnPropertyDescriptor(prototype, name);
  if (typeof descriptor?.value !== "function")
    throw new Error(`there is no method ${name} to plant in`);
  Object.defineProperty(prototype, name, { ...descriptor, value: make(descriptor.value as T[K]) });
  return () => void Object.defineProperty(prototype, name, descriptor);
}

/** A getter of a class, replaced likewise. */
export function patchedGetter<T extends object, K extends keyof T & string>(
  prototype: T,
  name: K,
  get: (this: T) => T[K],
): Restore {
  const descriptor = Object.getOwnPropertyDescriptor(prototype, name);
  if (descriptor?.get === undefined) throw new Error(`there is no getter ${name} to plant in`);
  Object.defineProperty(prototype, name, { ...descriptor, get });
  return () => void Object.defineProperty(prototype, name, descriptor);
}

/** Several patches that come and go together. */
export function together(...patches: readonly (() => Restore)[]): () => Restore {
  return () => {
    const restores = patches.map((patch) => patch());
    return () => {
      for (const restore of restores.toReversed()) restore();
    };
  };
}
