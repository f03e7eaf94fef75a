/** A database as a service: its collections are on the service, its life is a Layer's. */
import * as Context from "effect/Context";
import * as Layer from "effect/Layer";
import type { Defs, OpenError, OpenOptions, OpenTarget } from "../database/index.ts";
import { openScoped } from "./open-effect.ts";
import type { EffectDb } from "./open-effect.ts";

export interface ServiceClass<Self, Id extends string, Ds> extends Context.ServiceClass<
  Self,
  Id,
  EffectDb<Ds>
> {
  /** Opens the database when the layer is built, and closes it with the layer's scope. */
  readonly layer: (
    target: OpenTarget,
    options?: Omit<OpenOptions<Defs>, "collections">,
  ) => Layer.Layer<Self, OpenError>;
  /** The same in memory: for tests. */
  readonly layerMemory: Layer.Layer<Self>;
}

/**
 * Makes the class of a service.
 *
 * @example
 * class AppDb extends Service<AppDb>()("app/Db", { users: Users }) {}
 * const program = Effect.gen(function* () {
 *   const db = yield* AppDb;
 *   return yield* db.users.count();
 * });
 * await Effect.runPromise(Effect.provide(program, AppDb.layer("./data")));
 */
export function Service<Self>(): <const Id extends string, const Ds extends Defs>(
  id: Id,
  collections: Ds,
) => ServiceClass<Self, Id, Ds> {
  return <const Id extends string, const Ds extends Defs>(id: Id, collections: Ds) => {
    const tag = Context.Service<Self, EffectDb<Ds>>()(id);
    const layer = (
      target: OpenTarget,
      options?: Omit<OpenOptions<Defs>, "collections">,
    ): Layer.Layer<Self, OpenError> =>
      Layer.effect(tag, openScoped<Ds>(target, { ...options, collections }));
    return Object.assign(tag, { layer, layerMemory: Layer.orDie(layer(":memory:")) });
  };
}
