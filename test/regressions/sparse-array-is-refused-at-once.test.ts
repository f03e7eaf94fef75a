/** An array may have billions of holes: nothing that looks through an input goes through them. */
import { expect, test } from "vitest";
import * as z from "zod";
import { ValidationError, open } from "../../src/index.ts";

const huge = (): never => Object.assign([], { length: 2 ** 32 - 1 }) as never;
const secondsMax = 2_000;

const schemas = {
  "an open field": z.object({ list: z.any() }),
  "an array of strings": z.object({ list: z.array(z.string()) }),
  "an array in an array": z.object({ list: z.array(z.array(z.string())) }),
  "a choice of arrays": z.object({ list: z.union([z.array(z.string()), z.string()]) }),
  "the input of a codec": z.object({
    list: z.codec(z.array(z.string()), z.string(), {
      decode: (list) => list.join(" "),
      encode: (text) => text.split(" "),
    }),
  }),
};

test.each(Object.entries(schemas))("%s", { timeout: secondsMax }, async (name, schema) => {
  await using db = await open(":memory:");
  const things = db.collection("things", schema as (typeof schemas)["an open field"]);
  const list = name === "an array in an array" ? [huge()] : huge();
  await expect(things.insert({ list })).rejects.toThrow(/a hole in an array cannot be stored/);
  await expect(things.insertMany(huge())).rejects.toBeInstanceOf(ValidationError);
  await expect(things.getMany(huge())).rejects.toBeInstanceOf(ValidationError);
});
