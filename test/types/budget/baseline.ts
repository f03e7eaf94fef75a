import { z } from "zod";
import { open } from "../../../src/index.ts";
export const schema = z.object({ name: z.string() });
export const opened = open;
