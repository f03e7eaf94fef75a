import { z } from "zod";
import { collection, open } from "../../../src/index.ts";
export const schema = z.object({ name: z.string() });
export const opened = open;
export const Users = collection(
  "users",
  z.object({
    email: z.email(),
    name: z.string(),
    age: z.number().optional(),
    tags: z.array(z.string()),
    address: z.object({ city: z.string(), zip: z.number() }),
  }),
  {
    indexes: {
      byEmail: { on: ["email"], unique: true },
      byCity: ["address.city", "-age"],
      byTag: ["tags[]"],
    },
  },
);
