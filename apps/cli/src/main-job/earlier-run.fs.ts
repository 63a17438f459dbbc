// What an earlier main job left in this home. The replay sends the same records at the same event times, so on the
// state of an earlier run every row would be a repeated one: a new run begins with that state set aside.

import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ARTIFACTS_FOLDER, isInHome, openArtifactStore, type StoreSettings } from '@millrace/artifacts';
import { PlatformError } from '@millrace/domain';

/** 'begun' = it did not come to its end. */
export type EarlierRun = 'none' | 'begun' | 'done';

const MARK = 'main-job.json';
const SUMMARY = 'summary.json';
const ASIDE = 'previous';
/** Logs and the supervisor's own folder stay. */
const STATE = [
  ...[ARTIFACTS_FOLDER, 'ingest', 'kafka', 'monitor', 'redis', 'router', 'serving', 'trainer'],
  ...[MARK, SUMMARY, 'bad-rows.ndjson'],
];

/** `projects`: those that have something in this home. */
export function earlierRun(home: string, project: string, projects: readonly string[]): EarlierRun {
  try {
    const mark = JSON.parse(readFileSync(join(home, MARK), 'utf8')) as { state?: string };
    return mark.state === 'done' ? 'done' : 'begun';
  } catch {
    // No mark: this project may have got its data in another way, which a replay would repeat as well.
    return projects.includes(project) ? 'begun' : 'none';
  }
}

export function markRun(home: string, project: string, state: Exclude<EarlierRun, 'none'>): void {
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, MARK), `${JSON.stringify({ project, state })}\n`);
}

/**
 * Moves the state to <home>/previous, in place of what was there. Only while nothing runs in the home. Refused
 * (`conflict`) where it would take other projects along, or where topics or artifacts are on servers that are not ours
 * to empty.
 */
export function setAside(
  settings: StoreSettings,
  project: string,
  projects: readonly string[],
  ownBrokers: boolean,
): string {
  const { home } = settings;
  if (!isInHome(settings)) {
    throw new PlatformError(
      'conflict',
      'the main job ran here before, and its artifacts are in your own bucket: set another MILLRACE_HOME and another ' +
        'prefix in MILLRACE_ARTIFACTS_URL',
    );
  }
  const others = projects.filter((name) => name !== project);
  if (others.length > 0) {
    throw new PlatformError(
      'conflict',
      `${home} also holds ${others.join(', ')}: give the main job a home of its own with MILLRACE_HOME`,
    );
  }
  if (ownBrokers) {
    throw new PlatformError(
      'conflict',
      `the main job ran here before, and its topics are on your own brokers: set another MILLRACE_HOME and MILLRACE_TOPIC_PREFIX`,
    );
  }
  const aside = join(home, ASIDE);
  rmSync(aside, { recursive: true, force: true });
  mkdirSync(aside, { recursive: true });
  for (const name of STATE) if (existsSync(join(home, name))) renameSync(join(home, name), join(aside, name));
  return aside;
}

export function writeSummary(home: string, summary: object): string {
  mkdirSync(home, { recursive: true });
  const file = join(home, SUMMARY);
  writeFileSync(file, `${JSON.stringify(summary, null, 2)}\n`);
  return file;
}

/** Projects with artifacts in the store of this home. */
export async function projectsIn(settings: StoreSettings): Promise<string[]> {
  const store = openArtifactStore(settings);
  const paths = [...(await store.list('datasets')), ...(await store.list('models'))];
  return [...new Set(paths.map((path) => path.split('/')[0] as string))].sort();
}
