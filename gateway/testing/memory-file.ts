import { InFlightJournal, type RecordFile } from "../in-flight/journal.ts";
import { Places } from "../in-flight/places.ts";
import { blankFile, decodeFile } from "../in-flight/records.ts";
import { FakeClock } from "./fake-clock.ts";

/** A file that outlives the lives of a gateway within a test. */
export class MemoryFile {
  bytes: Buffer;
  writes = 0;
  failing = false;

  constructor(places = 4) {
    this.bytes = blankFile(places);
  }

  /** As one life of a gateway has it open: it writes nothing more once it has ended. */
  open(): RecordFile {
    let closed = false;
    return {
      write: (bytes, position) => {
        if (this.failing || closed) throw new Error("cannot be written");
        const grown = Buffer.alloc(Math.max(this.bytes.length, position + bytes.length));
        this.bytes.copy(grown);
        grown.set(bytes, position);
        this.bytes = grown;
        this.writes++;
      },
      close: () => {
        closed = true;
      },
    };
  }
}

/** A life that begins with what the file holds. */
export function reopened(memory: MemoryFile, clock: FakeClock = new FakeClock()) {
  const contents = decodeFile(memory.bytes);
  if (contents.kind !== "records") throw new Error(`the file is ${contents.kind}`);
  const troubles: unknown[] = [];
  const { places, marked } = contents;
  const journal = new InFlightJournal({
    file: memory.open(),
    places: new Places(places, new Set(marked.values())),
    left: marked,
    clock,
    onTrouble: (error) => troubles.push(error),
  });
  return { journal, troubles };
}
