// Wiring of the archive: what of a process's reading is kept, its files and their upkeep, and the search in them.

import { join } from 'node:path';
import type { ArtifactStore } from '@millrace/artifacts';
import type { HoldProgress } from '@millrace/contracts';
import { PlatformError } from '@millrace/domain';
import type { ServiceContext, Tick } from '@millrace/service';
import { counter, gauge, logger } from '@millrace/telemetry';
import type { MonitorConfig } from '../config.js';
import type { MetadataCache } from '../metadata/metadata-cache.js';
import { ArchivedQuality } from '../windows/archived-quality.js';
import type { Engine } from '../windows/engine.js';
import type { Positions } from '../windows/positions.js';
import { Archive } from './archive.js';
import { ARCHIVE_FOLDER, type ArchiveKind, type ArchiveOf } from './archive-file.js';
import { DuckDbArchiveFiles } from './archive-files.duckdb.js';
import { ArchiveHolds } from './archive-holds.js';
import { ArchiveSearch } from './archive-search.js';
import { ArchiveUpkeep } from './archive-upkeep.js';
import { ArchivedLives } from './archived-lives.js';
import { DeletedArchives } from './deleted-archives.js';

const SETTLE_EVERY_MS = 500;
const UPKEEP_EVERY_MS = 30_000;
const LATE_LABELS_EVERY_MS = 1_000;
/** Looks at nothing unless a project was deleted. */
const DELETED_EVERY_MS = 2_000;

const archived = counter('millrace.monitor.archived');
const failures = counter('millrace.monitor.archive_failures');
const cuts = counter('millrace.monitor.archive_cut');
const lost = counter('millrace.monitor.archive_lost');

export interface ArchiveOfProcess {
  archive: Archive;
  files: DuckDbArchiveFiles;
  search: ArchiveSearch;
  /** The project's life, whether anything is archived of it or not; undefined: there is none of this name. */
  life(project: string): ArchiveOf | undefined;
  /** Retention has passed messages that were not archived. */
  startsAt(kind: ArchiveKind, partition: number, start: number): void;
  applied(project: string): void;
  removed(project: string): void;
  /** The group has said which partition numbers this process holds. */
  assigned(): void;
  holds: ArchiveHolds;
  /** Was read. */
  hold(hold: HoldProgress): void;
  ticks: readonly Tick[];
}

export interface ArchiveSharing {
  isHeld(partition: number): boolean;
  judges(project: string): boolean;
  /** Projects are all known. */
  isReady(): boolean;
  /** As of ArchiveUpkeep. */
  holdsKnown(): Promise<void>;
  /** What tells this installation from others that have the same store. */
  installation(): string;
}

export function archiveOfProcess(
  { config, clock, shutdown }: ServiceContext<MonitorConfig>,
  store: ArtifactStore,
  metadata: MetadataCache,
  positions: () => Positions,
  sharing: ArchiveSharing,
): ArchiveOfProcess {
  const log = logger('archive');
  const life = (project: string): ArchiveOf | undefined => {
    const createdAtMs = metadata.createdAtMs(project);
    return createdAtMs === undefined ? undefined : { project, createdAtMs };
  };
  const archives = lastAsked((project: string) => {
    const spec = metadata.project(project);
    return spec !== undefined && spec.monitoring.archive.keepMs > 0 ? life(project) : undefined;
  }, metadata);
  const files = new DuckDbArchiveFiles(store, {
    scratch: join(config.home, 'monitor', config.replica, 'archive'),
    memoryMax: config.archiveMemory,
    installation: sharing.installation,
  });
  shutdown.onClose('archive files', () => files.close());
  const holds = new ArchiveHolds((project, version) => metadata.model(project, version)?.createdAtMs);
  const held = { holdsKnown: sharing.holdsKnown, heldFromMs: (project: string) => holds.heldFromMs(project) };
  const lives = new ArchivedLives(life, archives, held);
  const archive = new Archive(
    { bytesMax: config.archiveBufferBytesMax, flushAfterMs: config.archiveFlushAfter },
    {
      files,
      archives: (project, writtenAtMs) => lives.of(project, writtenAtMs),
      keeps: (of) => lives.keeps(of),
      end: (kind, partition) => positions().end(kind, partition),
      written: (kind, rows) => archived.add(rows, { kind }),
      failed: (error) => {
        failures.add(1);
        log.error('predictions are not archived; they wait in memory, then in Kafka', {}, error);
      },
      lost: (kind, messages, why) => {
        lost.add(messages, { kind });
        log.error('messages are not archived', { kind, messages, why });
      },
    },
    clock,
  );
  gauge('millrace.monitor.archive_waiting').observe(() => archive.bytes);
  const upkeep = new ArchiveUpkeep(
    files,
    {
      projects: () =>
        metadata.projectNames().flatMap((project) => {
          const of = life(project);
          const spec = metadata.project(project)?.monitoring.archive;
          return of === undefined || spec === undefined ? [] : { ...of, ...spec };
        }),
      isHeld: sharing.isHeld,
      judges: sharing.judges,
      ...held,
      cut: ({ project }, rows) => {
        cuts.add(rows, { project });
        log.warn("a project's archive takes more than its quota: the oldest went before their time", { project, rows });
      },
      failed: ({ project }, files, error) => {
        failures.add(1);
        const { reason } = PlatformError.from(error);
        log.warn('files of the archive stay as they are; it is tried again', {
          project,
          files: files.join(' '),
          reason,
        });
      },
    },
    clock,
  );
  const folders = {
    list: (path: string) => store.list(path),
    read: (path: string) => store.read(path),
    remove: async (path: string) => {
      await store.remove(path);
      files.disowned(path);
    },
  };
  const deleted = new DeletedArchives(folders, life, sharing.judges, held, sharing.installation, clock);
  /** What fails is tried again with the next tick. */
  const tried = (work: () => Promise<void>, what: string) => async () => {
    if (!sharing.isReady()) return;
    await work().catch((error: unknown) => log.warn(what, { reason: PlatformError.from(error).reason }));
  };
  return {
    archive,
    files,
    search: new ArchiveSearch(files, {
      predictions: (of, id) => archive.waitingPredictions(of, id),
      labels: (of, id) => archive.waitingLabels(of, id),
    }),
    life,
    startsAt: (kind, partition, start) => {
      const gone = archive.startsAt(kind, partition, start);
      if (gone === 0) return;
      lost.add(gone, { kind });
      log.error('messages were gone before they were archived', { kind, partition, messages: gone });
    },
    applied: (project) => lives.applied(project),
    removed: (project) => {
      lives.removed(project);
      files.disowned(`${ARCHIVE_FOLDER}/${project}`);
      deleted.removed(project);
    },
    assigned: () => deleted.assigned(),
    holds,
    hold: (hold) => {
      holds.put(hold);
      if (hold.removedAtMs > 0) files.disowned(`${ARCHIVE_FOLDER}/${hold.project}`);
      deleted.holdChanged(hold);
    },
    ticks: [
      { name: 'archive', everyMs: SETTLE_EVERY_MS, work: () => archive.settle() },
      {
        name: 'archive upkeep',
        everyMs: UPKEEP_EVERY_MS,
        work: tried(() => upkeep.once(), 'files of the archive stay as they are'),
      },
      {
        name: 'deleted archives',
        everyMs: DELETED_EVERY_MS,
        work: tried(() => deleted.sweep(), 'the archive of a deleted project is there still'),
      },
    ],
  };
}

/** Quality of windows that are over, by labels that came since. */
export function lateLabels(
  engine: Engine,
  { files }: ArchiveOfProcess,
  group: Pick<ArchiveSharing, 'isReady'>,
  { config, clock }: ServiceContext<MonitorConfig>,
): Tick {
  const settledMs = Math.max(config.labelIdleMs, 2 * config.archiveFlushAfter);
  const log = logger('archive');
  const quality = new ArchivedQuality(engine, files, clock, settledMs, (project, startMs, error) => {
    const { reason } = PlatformError.from(error);
    log.warn('late labels of a window are not joined now; it is tried again', { project, startMs, reason });
  });
  const work = async (): Promise<void> => {
    if (!group.isReady()) return;
    await quality.once().catch((error: unknown) => {
      const { reason } = PlatformError.from(error);
      log.warn('late labels are not joined now; it is tried again', { reason });
    });
  };
  return { name: 'late labels', everyMs: LATE_LABELS_EVERY_MS, work };
}

/** Asked of every message: the last answer holds for as long as the project is the same. */
function lastAsked(
  ask: (project: string) => ArchiveOf | undefined,
  metadata: MetadataCache,
): (project: string) => ArchiveOf | undefined {
  let [name, spec, last]: [string, unknown, ArchiveOf | undefined] = ['', undefined, undefined];
  return (project) => {
    const now = metadata.project(project);
    if (now === undefined) return undefined;
    if (project !== name || now !== spec) [name, spec, last] = [project, now, ask(project)];
    return last;
  };
}
