/** What the three programs say of a city. Each version leads on from the one before; the steps stay for ever. */
import { collection } from "kotobadb";
import { z } from "zod";

/** As it was imported: a line of a table. */
export const First = collection(
  "cities",
  z.object({ name: z.string(), country: z.string(), population: z.number(), lat: z.number() }),
  { indexes: { byCountry: ["country"] } },
);

/** A better name for a field, and a place for what belongs together. */
export const Second = First.evolve(
  z.object({
    name: z.string(),
    people: z.number().int().nonnegative(),
    place: z.object({ country: z.string(), lat: z.number() }),
  }),
  ({ country, lat, name, population }) => ({
    name,
    people: Math.max(0, Math.round(population)),
    place: { country, lat },
  }),
  { indexes: { byPlace: ["place.country", "-people"] } },
);

/** A field that is worked out of others, and counts for each of its values. */
export const Third = Second.evolve(
  z.object({
    name: z.string(),
    people: z.number().int().nonnegative(),
    place: z.object({ country: z.string(), lat: z.number() }),
    size: z.enum(["village", "town", "city"]),
    twins: z.array(z.string()).default([]),
  }),
  (old) => ({
    ...old,
    size: old.people >= 100_000 ? "city" : old.people >= 10_000 ? "town" : "village",
  }),
  {
    indexes: {
      byPlace: ["place.country", "-people"],
      perSize: { count: true, by: ["size"] },
      people: { sum: "people", by: ["place.country"] },
    },
  },
);
