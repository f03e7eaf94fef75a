/** What a role is given of the table, and of its log where there is one. */
import { logGrantTexts } from "../log/index.ts";
import { grantTexts } from "../table/index.ts";
import type { TableName } from "../table/index.ts";

export function rightsTexts(name: TableName, hasLog: boolean, role: string): readonly string[] {
  return [...grantTexts(name, role), ...(hasLog ? logGrantTexts(name.table, role) : [])];
}
