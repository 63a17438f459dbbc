// Files of the pieces of one number's checkpoints: which lie in the store, and which have to be written because they
// changed. Small pieces stand in the checkpoint itself. Pure but for awaiting the writer.

import type { CheckpointEntry } from '../windows/board.js';
import { type NumberPieces, type Piece, type PlacedPieces, placed, placesOf } from '../windows/number-pieces.js';

/** A piece by itself, or where it lies. */
export type Place = { file: CheckpointEntry } | { value: unknown };

/** A file costs more than that: of a project of few features all that a window counts. */
const INLINE_CHARACTERS = 8_192;
/** Written at the same time: each is synced. */
const WRITES = 8;

interface Kept {
  version: string;
  file: CheckpointEntry;
}

export interface WrittenPieces {
  /** PlacedPieces<Place> as JSON. */
  manifest: string;
  bytes: number;
  kept: Map<string, Kept>;
}

export class PieceFiles {
  /** As the last checkpoint that was told names them. */
  private kept = new Map<string, Kept>();

  /** What has changed, of this moment; written later. */
  take(pieces: NumberPieces) {
    const texts: { text: string; done: (file: CheckpointEntry) => void }[] = [];
    const kept = new Map<string, Kept>();
    const place = ({ key, version, value }: Piece<unknown>): { of(): Place } => {
      const known = this.kept.get(key);
      if (known?.version === version) {
        kept.set(key, known);
        return { of: () => ({ file: known.file }) };
      }
      const text = JSON.stringify(value());
      if (text.length <= INLINE_CHARACTERS) return { of: () => ({ value: JSON.parse(text) }) };
      let file: CheckpointEntry | undefined;
      texts.push({
        text,
        done: (written) => {
          file = written;
          kept.set(key, { version, file: written });
        },
      });
      return { of: () => ({ file: file as CheckpointEntry }) };
    };
    const all = placed(pieces, place);
    // What changes while files are written is not of this checkpoint.
    const rest = JSON.parse(JSON.stringify({ ...all, parts: all.parts.map(({ windows: _, ...part }) => part) }));
    return {
      /** `fresh` gets the files that are written, also where it fails: none comes after that. */
      write: async (
        write: (text: string) => Promise<CheckpointEntry>,
        fresh: CheckpointEntry[],
      ): Promise<WrittenPieces> => {
        let bytes = 0;
        const writeOne = async ({ text, done }: (typeof texts)[number]): Promise<void> => {
          const file = await write(text);
          bytes += text.length;
          fresh.push(file);
          done(file);
        };
        for (let from = 0; from < texts.length; from += WRITES) {
          const written = await Promise.allSettled(texts.slice(from, from + WRITES).map(writeOne));
          for (const one of written) if (one.status === 'rejected') throw one.reason;
        }
        const named: PlacedPieces<Place> = {
          ...rest,
          parts: all.parts.map(({ windows }, i) => ({
            ...rest.parts[i],
            windows: windows.map(({ counts, quality, joinHead, joinChunks }) => ({
              ...{ counts: counts.of(), quality: quality.of(), joinHead: joinHead.of() },
              joinChunks: joinChunks.map((chunk) => chunk.of()),
            })),
          })),
        };
        const manifest = JSON.stringify(named);
        return { manifest, bytes: bytes + manifest.length, kept };
      },
    };
  }

  /** The checkpoint was told: gives the files that it does not name any more. */
  told({ kept }: WrittenPieces): CheckpointEntry[] {
    const named = new Set([...kept.values()].map(({ file }) => file.path));
    const gone = this.all().filter(({ path }) => !named.has(path));
    this.kept = kept;
    return gone;
  }

  all(): CheckpointEntry[] {
    return [...this.kept.values()].map(({ file }) => file);
  }
}

/** Files that a checkpoint names. */
export function filesOf(pieces: PlacedPieces<Place>): CheckpointEntry[] {
  return placesOf(pieces).flatMap((place) => ('file' in place ? place.file : []));
}
