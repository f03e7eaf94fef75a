/** A document as the floors below the types know it: what the schema gave, and its id behind it. */
export type Document = Readonly<Record<string, unknown>> & { readonly id: string };
