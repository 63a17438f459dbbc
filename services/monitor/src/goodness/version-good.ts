// "Is version v good", for machines that decide about a rollout: good, bad, or unknown, with what it rests on. Unknown
// is an answer of its own and never counts as good: a version without traffic, without enough rows or not judged for a
// while is one of which nobody knows.
//
//   bad      a drift alarm that blames the version lasts (libs/drift: `blamesVersion`), or the routers count too large
//            a share of failed requests over the last minute
//   unknown  else, where no window of the newest FRESH_WINDOWS has judged something that could have blamed it, the
//            newest such window is too old, or what the asker requires was not judged
//   good     else
//
// Inputs that drift blame no version: the world has changed, for any version. Whether another version is better is not
// asked here. Pure; the caller brings what is known.

import { GOOD_GROUNDS, type GOOD_VERDICTS } from '@millrace/api';
import type { WindowMetrics } from '@millrace/contracts';
import { cohortText } from '@millrace/domain';
import { blamesVersion, SUBJECTS } from '@millrace/drift';
import type { MonitoringSpec } from '@millrace/project';
import type { Episode } from '../alarms/project-alarms.js';
import type { RouterTotals } from '../software/traffic-history.js';

/** Newest closed windows of the project in which a version counts as judged: one may lack rows by chance. */
export const FRESH_WINDOWS = 3;
/** What the routers counted so long: a canary that fails is known before its window closes. */
export const RECENT_MS = 60_000;
export type Verdict = (typeof GOOD_VERDICTS)[number];
/** For a metric: neither 1 nor 0, so that a condition on either leaves it undecided. */
export const VALUES = { good: 1, bad: 0, unknown: -1 } as const satisfies Record<Verdict, number>;

type TestResult = WindowMetrics['tests'][number];
export type Ground = (typeof GOOD_GROUNDS)[number];

const SUBJECT_OF: Readonly<Record<Ground, string>> = {
  software: SUBJECTS.software.name,
  scores: SUBJECTS.score.name,
  quality: SUBJECTS.quality.name,
};

/** Latencies alone, which are known without a router, or a loss without an order are none: nothing of them blames. */
function isGround(ground: Ground, { feature, detector }: TestResult): boolean {
  return feature === SUBJECT_OF[ground] && (ground === 'scores' || blamesVersion(detector));
}

export interface Reason {
  code: 'alarm' | 'failing_now' | 'never_judged' | 'too_few_rows' | 'nothing_blames' | 'too_old' | 'not_judged';
  message: string;
}

/** The version's row of a closed window: its cohort, all slices. */
export interface JudgedRow extends Pick<WindowMetrics, 'predictions' | 'labels' | 'tests' | 'closedAtMs'> {
  startMs: number;
  endMs: number;
  /** 0: its quality waits for labels. */
  revision: number;
}

export interface GoodFacts {
  version: number;
  nowMs: number;
  monitoring: Pick<MonitoringSpec, 'windowMs' | 'allowedLatenessMs' | 'minRows' | 'software'>;
  /** Of the project's newest closed windows, newest first: `null` where the version had no rows. */
  windows: readonly (JudgedRow | null)[];
  /** Of the newest window whose quality was judged; undefined: none, or no labels of the version. */
  quality: JudgedRow | undefined;
  episodes: readonly Episode[];
  /** What the routers counted over RECENT_MS. */
  recent: RouterTotals;
  required: readonly Ground[];
}

export interface Evidence {
  rows: number;
  labels: number;
  /** Of labelled rows, where quality was judged. */
  coverage: number | null;
  windowStartMs: number;
  windowEndMs: number;
  closedAtMs: number;
}

export interface VersionGood {
  verdict: Verdict;
  reasons: Reason[];
  /** What was judged in the windows that the verdict rests on. */
  grounds: Ground[];
  /** The newest window with enough rows of the version. */
  evidence: Evidence | null;
  recent: { requests: number; failures: number; seconds: number };
}

export function versionGood(facts: GoodFacts): VersionGood {
  const judged = facts.windows.flatMap((row) => (row !== null && row.tests.length > 0 ? row : []));
  const rows = facts.quality === undefined ? judged : [...judged, facts.quality];
  const tests = rows.flatMap((row) => row.tests);
  const grounds = GOOD_GROUNDS.filter((ground) => tests.some((test) => isGround(ground, test)));
  const bad = [...alarmReasons(facts, tests), ...failingNow(facts)];
  const wanting = bad.length > 0 ? [] : wantingReasons(facts, judged, tests, grounds);
  return {
    verdict: bad.length > 0 ? 'bad' : wanting.length > 0 ? 'unknown' : 'good',
    reasons: [...bad, ...wanting],
    grounds,
    evidence: evidenceOf(judged[0] ?? facts.quality),
    recent: { ...facts.recent, seconds: RECENT_MS / 1_000 },
  };
}

/** Drift of the version that lasts, also of a slice of its rows. A warning is none yet. */
function alarmReasons({ version, episodes }: GoodFacts, tests: readonly TestResult[]): Reason[] {
  return episodes.flatMap((episode): Reason[] => {
    if (episode.phase !== 'drift' || episode.endedMs !== null || episode.cohort.version !== version) return [];
    // An alarm is named after the test that is farthest above its threshold; another one of it may be the one to blame.
    const named = [episode.current, episode].find(({ detector }) => blamesVersion(detector));
    const ringing = tests.find(
      ({ feature, detector, alarm }) => alarm && feature === episode.subject && blamesVersion(detector),
    );
    const rings = named ?? (ringing && { ...ringing, value: ringing.statistic });
    if (rings === undefined) return [];
    const { detector, value, threshold } = rings;
    const by = `${detector} ${figure(value)} against ${figure(threshold)}`;
    const message = `${episode.subject} of ${cohortText(episode.cohort)} drifts: ${by}, for ${episode.windows} windows`;
    return [{ code: 'alarm', message }];
  });
}

/** As many requests as a window needs rows: of fewer a share says little. */
function failingNow({ recent, monitoring: { minRows, software } }: GoodFacts): Reason[] {
  const share = recent.requests === 0 ? 0 : recent.failures / recent.requests;
  const bound = software.errorShare;
  if (recent.requests < minRows || bound === undefined || share < bound) return [];
  const message = `${recent.failures} of ${recent.requests} requests of the last minute failed: ${figure(share)} against ${figure(bound)}`;
  return [{ code: 'failing_now', message }];
}

function wantingReasons(
  { version, nowMs, monitoring, windows, required }: GoodFacts,
  judged: readonly JudgedRow[],
  tests: readonly TestResult[],
  grounds: readonly Ground[],
): Reason[] {
  const { windowMs, allowedLatenessMs, minRows } = monitoring;
  const [newest] = judged;
  if (newest === undefined) {
    const rows = Math.max(0, ...windows.flatMap((row) => row?.predictions ?? []));
    if (rows > 0)
      return [{ code: 'too_few_rows', message: `at most ${rows} rows a window, ${minRows} (minRows) are needed` }];
    const message = `version ${version} has no rows in the newest ${FRESH_WINDOWS} closed windows`;
    return [{ code: 'never_judged', message }];
  }
  const ageMs = nowMs - newest.closedAtMs;
  const ageMaxMs = FRESH_WINDOWS * windowMs + allowedLatenessMs;
  const missing = required.filter((ground) => !grounds.includes(ground));
  const reasons: Reason[] = [];
  if (ageMs > ageMaxMs) {
    const [age, most] = [ageMs, ageMaxMs].map((ms) => Math.round(ms / 1_000));
    reasons.push({
      code: 'too_old',
      message: `judged last ${age} s ago, at most ${most} s (${FRESH_WINDOWS} windows)`,
    });
  }
  if (!tests.some(({ detector }) => blamesVersion(detector))) {
    const message = 'only inputs and scores were judged: no router counts its requests, and no labels came';
    reasons.push({ code: 'nothing_blames', message });
  }
  for (const ground of missing)
    reasons.push({ code: 'not_judged', message: `${ground} was not judged, and is required` });
  return reasons;
}

function evidenceOf(row: JudgedRow | undefined): Evidence | null {
  if (row === undefined) return null;
  const { predictions: rows, labels, startMs: windowStartMs, endMs: windowEndMs, closedAtMs, revision } = row;
  const coverage = revision === 0 || rows === 0 ? null : labels / rows;
  return { rows, labels, coverage, windowStartMs, windowEndMs, closedAtMs };
}

function figure(value: number): string {
  return Number(value.toPrecision(4)).toString();
}
