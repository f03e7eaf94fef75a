/** A database as a service: its collections are on the service, its life is a Layer's. */
import * as Context from "effect/Context";
import * as Layer from "effect/Layer";
import type {
  Defs,
  ExactRelations,
  OpenError,
  OpenOptions,
  OpenTarget,
  RelationSpecs,
} from "../database/index.ts";
import { openScoped } from "./open-effect.ts";
import type { EffectDb } from "./open-effect.ts";

export interface ServiceClass<Self, Id extends string, Ds, Rs = {}> extends Context.ServiceClass<
  Self,
  Id,
  EffectDb<Ds, Rs>
> {
  /** Opens the database when the layer is built, and closes it with the layer's scope. */
  readonly layer: (
    target: OpenTarget,
    options?: Omit<OpenOptions<Defs>, "collections" | "relations">,
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
export function Service<Self>(): <
  const Id extends string,
  const Ds extends Defs,
  const Rs extends RelationSpecs<Ds> = {},
>(
  id: Id,
  collections: Ds,
  relations?: Rs & ExactRelations<Ds, Rs>,
) => ServiceClass<Self, Id, Ds, Rs> {
  return <const Id extends string, const Ds extends Defs, const Rs extends RelationSpecs<Ds> = {}>(
    id: Id,
    collections: Ds,
    // That nothing in it is too much is what the caller's side is typed for.
    relations?: Rs,
  ) => {
    const tag = Context.Service<Self, EffectDb<Ds, Rs>>()(id);
    const layer = (
      target: OpenTarget,
      options?: Omit<OpenOptions<Defs>, "collections" | "relations">,
    ): Layer.Layer<Self, OpenError> =>
      Layer.effect(
        tag,
        openScoped<Ds, Rs>(target, {
          ...options,
          collections,
          ...(relations === undefined ? {} : { relations }),
        }),
      );
    return Object.assign(tag, { layer, layerMemory: Layer.orDie(layer(":memory:")) });
  };
}
