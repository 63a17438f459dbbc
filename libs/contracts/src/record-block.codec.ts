// Records of one project on their way to records.v1, checked, as one array of bytes: of each its key, then its message,
// the same as encodeRecord writes. What all of them have in common (project, names of columns, schema, source) is
// encoded once; a record costs neither an object nor an array of its own.

import type { Scalar } from '@millrace/domain';
import { WireWriter } from '@millrace/wire';
import { writeScalar } from './topic-wire.js';
import { messageKey } from './topics.js';

/** What all records of a block have in common. */
export interface RecordBlockHead {
  readonly project: string;
  readonly schemaHash: string;
  readonly source: string;
  /** Columns that are written, by their places in a row. */
  readonly columns: readonly { readonly place: number; readonly name: string; readonly isTimestamp: boolean }[];
}

/** Of each message the end of its key, then the end of its value, which begins there; the next one follows. */
export interface EncodedRecords {
  readonly bytes: Uint8Array;
  readonly ends: readonly number[];
}

const writer = WireWriter.growing(65_536);

function encoded(write: () => void): Uint8Array {
  writer.reset();
  write();
  return writer.finish();
}

interface Column {
  readonly place: number;
  readonly isTimestamp: boolean;
  /** The name's field of a map entry. */
  readonly name: Uint8Array;
}

export class RecordBlock {
  private readonly keyHead: Uint8Array;
  private readonly head: Uint8Array;
  private readonly tail: Uint8Array;
  private readonly columns: readonly Column[];
  private ends: number[] = [];
  private ingestedAtMs = 0;

  constructor({ project, schemaHash, source, columns }: RecordBlockHead) {
    this.keyHead = Buffer.from(messageKey(project, ''));
    this.head = encoded(() => writer.text(1, project));
    this.tail = encoded(() => {
      writer.text(6, schemaHash);
      writer.text(7, source);
    });
    this.columns = columns.map(({ place, name, isTimestamp }) => ({
      place,
      isTimestamp,
      name: encoded(() => writer.textAlways(1, name)),
    }));
  }

  /** Of an empty block; whatever was added and not finished is forgotten. */
  begin(ingestedAtMs: number): void {
    writer.reset();
    this.ends = [];
    this.ingestedAtMs = ingestedAtMs;
  }

  /** `row`: values by their places; null is left out. Records of one block at a time. */
  add(recordId: string, entity: string, eventTimeMs: number, row: readonly Scalar[]): void {
    const { columns, ends } = this;
    writer.raw(this.keyHead);
    // Without an entity its id spreads the records over the partitions.
    writer.rawText(entity === '' ? recordId : entity);
    ends.push(writer.at);
    writer.raw(this.head);
    writer.text(2, recordId);
    writer.text(3, entity);
    writer.int(4, eventTimeMs);
    for (let index = 0; index < columns.length; index++) {
      const { place, name, isTimestamp } = columns[index] as Column;
      const value = row[place] as Scalar;
      if (value === null) continue;
      const entry = writer.begin(5);
      writer.raw(name);
      writeScalar(writer, 2, value, isTimestamp);
      writer.end(entry);
    }
    writer.raw(this.tail);
    writer.int(8, this.ingestedAtMs);
    ends.push(writer.at);
  }

  finish(): EncodedRecords {
    return { bytes: writer.finish(), ends: this.ends };
  }
}
