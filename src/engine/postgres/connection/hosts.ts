/**
 * The hosts that a url names, as one url for each, since the package takes one: in the form of libpq,
 *
 *   postgres://app@one:5432,two:5432/app?target_session_attrs=read-write
 *   postgres://app@/app?host=%2Frun%2Fone,%2Frun%2Ftwo&port=5432,5433
 *
 * Pure: a text in, texts out. A url of one host is left as it is.
 */

export interface HostPlace {
  readonly url: string;
  /** For people: without what a url says of users and passwords. */
  readonly shown: string;
}

/** `expected`: what is wrong with the url, as what it should have been. */
export type HostPlaces = { readonly places: readonly HostPlace[] } | { readonly expected: string };

const URL_PARTS = /^(postgres(?:ql)?:\/\/)([^/?#]*)([^?#]*)(?:\?([^#]*))?/;
const TARGET = "target_session_attrs";
/** What writes goes to the primary whatever the url says, so these say nothing new. */
const PRIMARY: ReadonlySet<string> = new Set(["any", "primary", "read-write"]);

export function hostPlaces(url: string): HostPlaces {
  const parts = URL_PARTS.exec(url);
  if (parts === null) return { expected: "a url that begins with postgres://" };
  const [, scheme = "", authority = "", path = "", query = ""] = parts;
  const userEnd = authority.lastIndexOf("@") + 1;
  const named = authority.slice(userEnd).split(",");
  const parameters = new URLSearchParams(query);
  const target = parameters.get(TARGET);
  if (target !== null && !PRIMARY.has(target))
    return { expected: `${TARGET}=read-write: it writes; snapshot({ stale: true }) uses standbys` };
  const hosts = parameters.get("host")?.split(",");
  const ports = parameters.get("port")?.split(",");
  const count = hosts?.length ?? named.length;
  if (ports !== undefined && ports.length > 1 && ports.length !== count)
    return { expected: "one port for all hosts, or one for each" };
  if (count > 1 && (hosts ?? named).includes("")) return { expected: "a host between two commas" };
  if (count === 1 && target === null)
    return { places: [{ url, shown: shownPlace(hosts?.[0] ?? named[0]!, ports?.[0]) }] };
  parameters.delete(TARGET);
  const places = Array.from({ length: count }, (_, at): HostPlace => {
    const host = hosts?.[at] ?? named[at]!;
    const port = ports?.[at] ?? ports?.[0];
    if (hosts !== undefined) parameters.set("host", host);
    if (port !== undefined) parameters.set("port", port);
    const user = authority.slice(0, userEnd);
    const place = hosts === undefined ? host : named[0]!;
    const rest = parameters.size === 0 ? "" : `?${parameters.toString()}`;
    return { url: `${scheme}${user}${place}${path}${rest}`, shown: shownPlace(host, port) };
  });
  return { places };
}

function shownPlace(host: string, port: string | undefined): string {
  const name = host === "" ? "localhost" : host;
  return port === undefined ? name : `${name}:${port}`;
}

/** The hosts of one engine, for all of its pools: who connects next begins where the last one has found what it sought. */
export class Hosts {
  readonly #places: readonly HostPlace[];
  #first = 0;

  constructor(places: readonly HostPlace[]) {
    this.#places = places;
  }

  /** All of them, the last one found first. */
  inOrder(): readonly HostPlace[] {
    return this.#from(this.#first);
  }

  /** All of them, from any one on. `chance` is at least 0 and less than 1. */
  fromAny(chance: number): readonly HostPlace[] {
    return this.#from(Math.floor(chance * this.#places.length));
  }

  found(place: HostPlace): void {
    this.#first = this.#places.indexOf(place);
  }

  #from(first: number): readonly HostPlace[] {
    return [...this.#places.slice(first), ...this.#places.slice(0, first)];
  }
}
