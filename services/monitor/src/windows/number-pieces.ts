// The state of a partition number in pieces that change apart, so that a checkpoint writes what has changed since the
// one before, however much there is: of each window what was counted, its quality, and chunks of its rows that wait for
// labels. The rest is small.

import { type JoinChunk, type JoinHead, joinState } from '../quality/label-join.js';
import type { QualityBucketState } from '../quality/quality-history.js';
import type { NumberState, PartOfProject } from './number-state.js';
import type { PartitionPart, PartState } from './partition-part.js';
import type { WindowShareState } from './window-share.js';

export interface Piece<T> {
  /** Of the number. */
  key: string;
  /** The same for as long as its value is. */
  version: string;
  value(): T;
}

interface WindowOf<C, Q, H, R> {
  counts: C;
  quality: Q;
  joinHead: H;
  joinChunks: R[];
}

type Life = Omit<PartOfProject, 'part'>;

interface PartOf<W> extends Life {
  head: Omit<PartState, 'windows' | 'quality'>;
  windows: W[];
}

interface NumberOf<W> extends Omit<NumberState, 'parts'> {
  parts: PartOf<W>[];
  /** Of projects that were not asked for yet, as they were read. */
  unopened: PartOfProject[];
}

type Counts = Omit<WindowShareState, 'join'>;

export type NumberPieces = NumberOf<
  WindowOf<Piece<Counts>, Piece<QualityBucketState[]>, Piece<JoinHead>, Piece<JoinChunk>>
>;

/** Where pieces lie; plain JSON. */
export type PlacedPieces<Place> = NumberOf<WindowOf<Place, Place, Place, Place>>;

export function partPieces(life: Life, part: PartitionPart): NumberPieces['parts'][number] {
  const { project, createdAtMs, windowMs, task } = life;
  const windows = part.shares().map((share) => {
    const { startMs, join } = share;
    const piece = <T>(name: string, version: string | number, value: () => T): Piece<T> => ({
      key: `${project}/${createdAtMs}/${windowMs}/${task}/${startMs}/${name}`,
      version: String(version),
      value,
    });
    return {
      counts: piece('counts', share.countsVersion, () => share.counts()),
      quality: piece('quality', share.labels, () => part.qualityOf(startMs)),
      joinHead: piece('join', `${share.givenUp}/${join.headChanges}`, () => join.head()),
      joinChunks: Array.from({ length: join.chunks }, (_, chunk) =>
        piece(`join/${chunk}`, `${share.givenUp}/${join.chunkVersion(chunk)}`, () => join.chunk(chunk)),
      ),
    };
  });
  return { ...life, head: part.head(), windows };
}

/** `place`: called for every piece, in one go. */
export function placed<Place>(
  { parts, ...rest }: NumberPieces,
  place: (piece: Piece<unknown>) => Place,
): PlacedPieces<Place> {
  return {
    ...rest,
    parts: parts.map(({ windows, ...part }) => ({
      ...part,
      windows: windows.map(({ counts, quality, joinHead, joinChunks }) => ({
        ...{ counts: place(counts), quality: place(quality), joinHead: place(joinHead) },
        joinChunks: joinChunks.map(place),
      })),
    })),
  };
}

/** Every place in it. */
export function placesOf<Place>({ parts }: PlacedPieces<Place>): Place[] {
  return parts.flatMap(({ windows }) =>
    windows.flatMap(({ counts, quality, joinHead, joinChunks }) => [counts, quality, joinHead, ...joinChunks]),
  );
}

/** `at`: what lies at a place. */
export function assembled<Place>(
  { parts, unopened, ...rest }: PlacedPieces<Place>,
  at: (place: Place) => unknown,
): NumberState {
  const read = parts.map(({ head, windows, ...life }): PartOfProject => {
    const found = windows.map(({ counts, quality, joinHead, joinChunks }) => ({
      share: {
        ...(at(counts) as Counts),
        join: joinState(
          at(joinHead) as JoinHead,
          joinChunks.map((chunk) => at(chunk) as JoinChunk),
        ),
      },
      quality: at(quality) as QualityBucketState[],
    }));
    const part = {
      ...head,
      windows: found.map(({ share }) => share),
      quality: found.flatMap(({ quality }) => quality),
    };
    return { ...life, part };
  });
  return { ...rest, parts: [...read, ...unopened] };
}
