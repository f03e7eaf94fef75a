/** A piece of text that is no document of its collection: why, and where in it. Told to the caller as a bad line. */
export class Unreadable extends Error {
  constructor(path: readonly (string | number)[], what: string) {
    super(path.length === 0 ? what : `${path.slice(0, SHOWN_PARTS_MAX).join(".")}: ${what}`);
  }
}

const SHOWN_PARTS_MAX = 12;
