// Files of the archive: what each holds is in its name, so that a listing of the store is the archive's index, for any
// process and any program. Which files take another one's place, and which are to be merged.
//
//   archive/<project>/<created at>/installation.json    whose it is: others may have a project of the name
//   archive/<project>/<created at>/<kind>/day=<date>/
//     <p>.<log>_<first>_<next>_<level>_<rows>_<event times: from>_<to>_<written: from>_<to>_<bytes>.parquet
//
// A file holds all rows of its project in the offsets [first, next) of partition p; `log` counts how often the topic
// was deleted and created again. So a file is the same whoever writes it, a file whose offsets lie in those of another
// one is not needed, and offsets below the newest file's need not be archived again.

export type ArchiveKind = 'predictions' | 'labels';

const ARCHIVE_KINDS: readonly ArchiveKind[] = ['predictions', 'labels'];

/** Of the store. */
export const ARCHIVE_FOLDER = 'archive';

/** Of one life of a project: another one of its name has another time of creation. */
export interface ArchiveOf {
  project: string;
  createdAtMs: number;
}

/** One log of messages, in the order of offsets. */
export interface ArchiveLog extends ArchiveOf {
  kind: ArchiveKind;
  partition: number;
  log: number;
}

export interface ArchiveFile extends ArchiveLog {
  day: string;
  first: number;
  /** Offset after the last one. */
  next: number;
  /** How often its rows were merged. */
  level: number;
  rows: number;
  /** Event times of its rows. */
  fromMs: number;
  toMs: number;
  /** When its messages were written, as Kafka says. */
  writtenFromMs: number;
  writtenToMs: number;
  bytes: number;
}

/** So many files of a level become one of the next. */
const FAN_IN = 16;
/** A lookup reads one row group of a file: larger files gain nothing, and are slow to merge. */
const FILE_BYTES_MAX = 256 * 1_048_576;
const DAY_MS = 86_400_000;

const NAME = /^(\d+)\.(\d+)_(\d+)_(\d+)_(\d+)_(\d+)_(-?\d+)_(-?\d+)_(\d+)_(\d+)_(\d+)\.parquet$/;

export function dayOf(atMs: number): string {
  return new Date(Math.floor(atMs / DAY_MS) * DAY_MS).toISOString().slice(0, 10);
}

export function folderOf({ project, createdAtMs }: ArchiveOf): string {
  return `${ARCHIVE_FOLDER}/${project}/${createdAtMs}`;
}

/** Below the folder of a project's life. */
export const OWNER_FILE = 'installation.json';

export interface ArchiveOwner {
  installation: string;
}

export function pathOf(file: ArchiveFile): string {
  const { kind, day, partition, log, first, next, level, rows, fromMs, toMs } = file;
  const figures = [first, next, level, rows, fromMs, toMs, file.writtenFromMs, file.writtenToMs, file.bytes];
  return `${folderOf(file)}/${kind}/day=${day}/${partition}.${log}_${figures.join('_')}.parquet`;
}

/** `path`: below the folder of the project's life; undefined: of another program. */
export function fileOf(of: ArchiveOf, path: string): ArchiveFile | undefined {
  const [kind = '', folder = '', name = ''] = path.split('/');
  const match = NAME.exec(name);
  if (match === null || !folder.startsWith('day=') || !ARCHIVE_KINDS.includes(kind as ArchiveKind)) return undefined;
  const [partition, log, first, next, level, rows, fromMs, toMs, writtenFromMs, writtenToMs, bytes] = match
    .slice(1)
    .map(Number) as [number, number, number, number, number, number, number, number, number, number, number];
  const { project, createdAtMs } = of;
  return {
    ...{ project, createdAtMs, kind: kind as ArchiveKind, day: folder.slice('day='.length), partition, log },
    ...{ first, next, level, rows, fromMs, toMs, writtenFromMs, writtenToMs, bytes },
  };
}

/** Files by log, each in the order of offsets; of two that begin alike the longer one is first. */
export function byLog(files: readonly ArchiveFile[]): ArchiveFile[][] {
  const logs = new Map<string, ArchiveFile[]>();
  for (const file of files) {
    const key = `${file.project}/${file.createdAtMs}/${file.kind}/${file.partition}.${file.log}`;
    const known = logs.get(key);
    if (known === undefined) logs.set(key, [file]);
    else known.push(file);
  }
  return [...logs.values()].map((log) =>
    log.sort((a, b) => a.first - b.first || b.next - a.next || b.level - a.level || a.rows - b.rows),
  );
}

/**
 * Of one log in its order: files that are needed, and those whose offsets lie in those of another one. A merged file
 * is there before its parts go; a process that was replaced may write one more file before it knows.
 */
export function needed(log: readonly ArchiveFile[]): { kept: ArchiveFile[]; superseded: ArchiveFile[] } {
  const kept: ArchiveFile[] = [];
  const superseded: ArchiveFile[] = [];
  let coveredTo = Number.NEGATIVE_INFINITY;
  for (const file of log) {
    if (file.next <= coveredTo) superseded.push(file);
    else {
      kept.push(file);
      coveredTo = file.next;
    }
  }
  return { kept, superseded };
}

/**
 * Neighbours of one log (kept ones, in order) that are to become one file; undefined: none. Of the same day, so that
 * what is old can go by days: FAN_IN of one level, all of a day that is over, or two that share offsets.
 */
export function nextMerge(kept: readonly ArchiveFile[], today: string): ArchiveFile[] | undefined {
  for (let at = 0; at + 1 < kept.length; at++) {
    const [a, b] = [kept[at] as ArchiveFile, kept[at + 1] as ArchiveFile];
    if (b.first < a.next) return [a, b];
  }
  for (let at = 0; at < kept.length; ) {
    const run = runFrom(kept, at, today);
    if (run.length >= (isOver(run[0] as ArchiveFile, today) ? 2 : FAN_IN)) return run;
    at += run.length;
  }
  return undefined;
}

const isOver = ({ day }: ArchiveFile, today: string) => day < today;

function runFrom(kept: readonly ArchiveFile[], at: number, today: string): ArchiveFile[] {
  const first = kept[at] as ArchiveFile;
  const run: ArchiveFile[] = [];
  let bytes = 0;
  for (const file of kept.slice(at)) {
    bytes += file.bytes;
    const isAlike = file.day === first.day && (isOver(first, today) || file.level === first.level);
    const isFull = run.length > 0 && (bytes > FILE_BYTES_MAX || (run.length === FAN_IN && !isOver(first, today)));
    if (!isAlike || isFull) break;
    run.push(file);
  }
  return run;
}

/** The name of what these become, but for its bytes. */
export function mergedName(files: readonly ArchiveFile[]): Omit<ArchiveFile, 'bytes' | 'rows'> {
  const [first] = files as [ArchiveFile, ...ArchiveFile[]];
  const least = (of: (file: ArchiveFile) => number) => Math.min(...files.map(of));
  const most = (of: (file: ArchiveFile) => number) => Math.max(...files.map(of));
  const { project, createdAtMs, kind, partition, log } = first;
  return {
    ...{ project, createdAtMs, kind, partition, log },
    day:
      files
        .map(({ day }) => day)
        .sort()
        .at(-1) ?? first.day,
    first: least((file) => file.first),
    next: most((file) => file.next),
    level: most((file) => file.level) + 1,
    fromMs: least((file) => file.fromMs),
    toMs: most((file) => file.toMs),
    writtenFromMs: least((file) => file.writtenFromMs),
    writtenToMs: most((file) => file.writtenToMs),
  };
}
