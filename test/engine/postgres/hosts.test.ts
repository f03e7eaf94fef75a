/** Urls of several hosts, as one url each. */
import { describe, expect, it } from "vitest";
import { Hosts, hostPlaces } from "../../../src/engine/postgres/connection/index.ts";

function urlsOf(url: string): readonly string[] | string {
  const found = hostPlaces(url);
  return "expected" in found ? found.expected : found.places.map((place) => place.url);
}

describe("a url of hosts", () => {
  it("of one host is left as it is, whatever it says", () => {
    const odd = "postgresql://a%20b:p,w@one:5433/app?sslmode=verify-full&x=%2f#part";
    expect(urlsOf(odd)).toEqual([odd]);
    expect(urlsOf("postgres:///app")).toEqual(["postgres:///app"]);
  });

  it.each([
    [
      "postgres://app:s%40cret,x@one,two:5433,[::1]:5434/app?sslmode=require",
      [
        "postgres://app:s%40cret,x@one/app?sslmode=require",
        "postgres://app:s%40cret,x@two:5433/app?sslmode=require",
        "postgres://app:s%40cret,x@[::1]:5434/app?sslmode=require",
      ],
    ],
    [
      "postgres://app@one,two/app?target_session_attrs=read-write",
      ["postgres://app@one/app", "postgres://app@two/app"],
    ],
    ["postgres://one?target_session_attrs=primary", ["postgres://one"]],
    [
      "postgres://app@/app?host=%2Frun%2Fa,%2Frun%2Fb&port=5432,5433",
      [
        "postgres://app@/app?host=%2Frun%2Fa&port=5432",
        "postgres://app@/app?host=%2Frun%2Fb&port=5433",
      ],
    ],
    [
      "postgres://app@/app?host=one,two&port=5433",
      ["postgres://app@/app?host=one&port=5433", "postgres://app@/app?host=two&port=5433"],
    ],
  ])("%s is one url for each", (url, urls) => {
    expect(urlsOf(url)).toEqual(urls);
  });

  it.each([
    ["mysql://one/app", "a url that begins with postgres://"],
    ["postgres://one,,two/app", "a host between two commas"],
    ["postgres://app@/app?host=one,two,three&port=1,2", "one port for all hosts, or one for each"],
    [
      "postgres://one,two/app?target_session_attrs=standby",
      "target_session_attrs=read-write: it writes; snapshot({ stale: true }) uses standbys",
    ],
  ])("%s is refused", (url, expected) => {
    expect(urlsOf(url)).toBe(expected);
  });

  it("is shown without its user and password", () => {
    const found = hostPlaces("postgres://app:secret@one,two:5433,/app?application_name=secret");
    expect(found).toEqual({ expected: "a host between two commas" });
    const two = hostPlaces("postgres://app:secret@one,two:5433/app");
    expect("places" in two && two.places.map(({ shown }) => shown)).toEqual(["one", "two:5433"]);
  });
});

describe("hosts", () => {
  const places = ["a", "b", "c"].map((name) => ({ url: name, shown: name }));
  const names = (list: readonly { readonly url: string }[]): string =>
    list.map(({ url }) => url).join("");

  it("are asked in their order, from the one that was found last", () => {
    const hosts = new Hosts(places);
    expect(names(hosts.inOrder())).toBe("abc");
    hosts.found(places[1]!);
    expect(names(hosts.inOrder())).toBe("bca");
  });

  it("are asked from any one on, by chance", () => {
    const hosts = new Hosts(places);
    expect([0, 0.34, 0.99].map((chance) => names(hosts.fromAny(chance)))).toEqual([
      "abc",
      "bca",
      "cab",
    ]);
  });
});
