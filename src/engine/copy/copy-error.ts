/** Why a copy from engine to engine was refused, or did not come to its end. */
import { KotobaError, hex } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import type { RowDifference } from "./compare-engines.ts";

/** The target holds rows that no unfinished copy has brought. Nothing was changed. */
export class TargetNotEmpty extends KotobaError<"TargetNotEmpty"> {
  readonly _tag = "TargetNotEmpty" as const;
  constructor(firstKey: Bytes) {
    super({
      sentence: "The target of the copy is not empty.",
      remedy:
        "Copy to a place that holds nothing; whether it is a copy already, comparing the two tells. Nothing was changed.",
      details: { firstKey: hex(firstKey) },
    });
  }
}

/** What was read back from the target is not what the source holds. The target stays marked as unfinished. */
export class CopyDiffers extends KotobaError<"CopyDiffers"> {
  readonly _tag = "CopyDiffers" as const;
  constructor({ key, what }: RowDifference, differences: number) {
    super({
      sentence: "The copy is not what its source is.",
      remedy: "Let nobody else write to the target, and copy again: it begins anew.",
      details: { firstKey: hex(key), what, differences },
    });
  }
}

/** Another copy into the same target was begun meanwhile; this one has stopped. */
export class CopyOvertaken extends KotobaError<"CopyOvertaken"> {
  readonly _tag = "CopyOvertaken" as const;
  constructor() {
    super({
      sentence: "Another copy into the same target was begun.",
      remedy: "Let one copy at a time run; begin it again when the other has ended.",
    });
  }
}
