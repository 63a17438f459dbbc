// All alarms of a project: one state machine a (cohort, subject), and the episodes they made, newest kept.
// A version that got no traffic in a closed window is retired: its open episodes end, because nothing of it serves any
// more. When it serves again they go on where they were, and that is told anew: whoever listens since it had gone, as
// for its next rollout, has not heard of them.

import { type Cohort, cohortKey, sameCohort } from '@millrace/domain';
import type { SubjectVerdict } from '../judgement/verdict.js';
import { type AlarmChange, type AlarmPhase, type AlarmState, CALM, stepAlarm } from './alarm.js';
import type { ToldDrift } from './drift-event.js';

/** Episodes kept for the API; the oldest ended ones go first. */
const EPISODES_MAX = 1_000;
/** Versions whose alarms are remembered when they serve no more. */
const VERSIONS_MAX = 16;

export interface Episode {
  /** Stable: "<key of the cohort>/<subject>/<start of its first window>". */
  id: string;
  cohort: Cohort;
  subject: string;
  /** Test with the largest statistic relative to its threshold when the episode began. */
  detector: string;
  phase: AlarmPhase;
  value: number;
  threshold: number;
  /** null where the detector has none. */
  pValue: number | null;
  formula: string;
  windowStartMs: number;
  windowEndMs: number;
  /** Start of the first window that rang; before `windowStartMs` where it was a warning first. */
  sinceMs: number;
  /** The test with the largest statistic relative to its threshold in the newest window that rang. */
  current: { detector: string; value: number; threshold: number; windowEndMs: number };
  /** Windows so far. */
  windows: number;
  /** End of the window in which it calmed; null while it lasts. */
  endedMs: number | null;
  endReason: 'calm' | 'retired' | 'corrected' | null;
  /** The drift event that was made of it; null while it is a warning, or where its end was told. */
  told: ToldDrift | null;
}

/** resumed: a version that had no traffic has some again, and drifts on. */
export type EpisodeChange = AlarmChange | 'resumed';

interface Alarm {
  cohort: Cohort;
  subject: string;
  state: AlarmState;
}

export interface ProjectAlarmsState {
  alarms: Alarm[];
  episodes: (Omit<Episode, 'sinceMs' | 'current' | 'told'> & Partial<Pick<Episode, 'sinceMs' | 'current' | 'told'>>)[];
}

export class ProjectAlarms {
  private alarms: Alarm[] = [];
  private episodes: Episode[] = [];

  /** `needed`: alarming windows in a row before a drift event. */
  constructor(public needed: number) {}

  /** Feeds one verdict; the change tells whether a drift event is due. */
  feed(cohort: Cohort, verdict: SubjectVerdict, window: { startMs: number; endMs: number }): EpisodeChange {
    let alarm = this.alarms.find((a) => a.subject === verdict.subject && sameCohort(a.cohort, cohort));
    if (alarm === undefined) {
      alarm = { cohort, subject: verdict.subject, state: CALM };
      this.alarms.push(alarm);
    }
    const { state, change } = stepAlarm(alarm.state, verdict.alarming, window.startMs, this.needed);
    alarm.state = state;
    const serving = this.openEpisode(cohort, verdict.subject);
    const retired = serving === undefined && change === 'none' ? this.retired(cohort, verdict) : undefined;
    const open = serving ?? retired;
    // A window of before it was gone, whose labels are late, is no traffic again.
    const isResumed = retired?.phase === 'drift' && window.startMs >= (retired.endedMs ?? 0);
    if (retired !== undefined) Object.assign(retired, { endedMs: null, endReason: null });
    if (!verdict.alarming) {
      if (open !== undefined) end(open, 'calm', window.endMs);
      return change;
    }
    if (open === undefined) this.begin(cohort, verdict, window, state);
    else {
      open.windows += 1;
      open.current = currentOf(verdict, window.endMs);
      if (change === 'drifted') Object.assign(open, describe(verdict), { phase: 'drift', ...boundsOf(window) });
    }
    return isResumed ? 'resumed' : change;
  }

  /** The drift event that was made of the episode that lasts; undefined: none, or none lasts. */
  toldOf(cohort: Cohort, subject: string): ToldDrift | undefined {
    return this.openEpisode(cohort, subject)?.told ?? undefined;
  }

  /** The drift event of the newest episode has been made. */
  told(cohort: Cohort, subject: string, told: ToldDrift): void {
    const open = this.openEpisode(cohort, subject);
    if (open !== undefined) open.told = told;
  }

  /** Of an episode that has ended and of which a drift event was made, once: the version may have served no more. */
  takeTold(
    cohort: Cohort,
    subject: string,
    reason: 'calm' | 'corrected',
  ): { told: ToldDrift; windows: number } | undefined {
    const last = this.newest(cohort, subject);
    if (last === undefined || last.told === null || last.endedMs === null) return undefined;
    // Late labels took a window back, and the episode goes on; a calm window is the end, also of one that had retired.
    if (reason === 'corrected' && last.endReason !== 'corrected') return undefined;
    const { told, windows } = last;
    last.told = null;
    return { told, windows };
  }

  /** Late labels took back what a window said: an episode that rests on that window alone ends. */
  correct(cohort: Cohort, subject: string, window: { startMs: number; endMs: number }): void {
    const last = this.newest(cohort, subject);
    // One whose version serves no more would go on when it does again.
    const isOpen = last !== undefined && (last.endedMs === null || last.endReason === 'retired');
    if (!isOpen || last.sinceMs !== window.startMs || last.windows > 1) return;
    end(last, 'corrected', window.endMs);
    const alarm = this.alarms.find((a) => a.subject === subject && sameCohort(a.cohort, cohort));
    if (alarm !== undefined) alarm.state = CALM;
  }

  /** Ends the episodes of versions outside `serving`; forgets the oldest versions' alarms. */
  retire(serving: ReadonlySet<number>, atMs: number): void {
    for (const episode of this.episodes) {
      const { version } = episode.cohort;
      if (episode.endedMs === null && version !== 'all' && !serving.has(version)) end(episode, 'retired', atMs);
    }
    const versions = this.alarms.flatMap(({ cohort }) => (cohort.version === 'all' ? [] : cohort.version));
    const kept = new Set([...new Set(versions)].sort((a, b) => b - a).slice(0, VERSIONS_MAX));
    this.alarms = this.alarms.filter(
      ({ cohort: { version } }) => version === 'all' || serving.has(version) || kept.has(version),
    );
  }

  /** Newest first. */
  list(): readonly Episode[] {
    return [...this.episodes].reverse();
  }

  get active(): number {
    return this.episodes.filter((episode) => episode.endedMs === null).length;
  }

  state(): ProjectAlarmsState {
    return { alarms: this.alarms, episodes: this.episodes };
  }

  restore(state: ProjectAlarmsState): void {
    this.alarms = state.alarms.map((alarm) => ({ ...alarm }));
    // Episodes that an earlier release saved know their first window only.
    this.episodes = state.episodes.map((saved) => ({
      ...saved,
      sinceMs: saved.sinceMs ?? saved.windowStartMs,
      current: saved.current ?? currentOf(saved, saved.windowEndMs),
      told: saved.told ?? null,
    }));
  }

  private begin(
    cohort: Cohort,
    verdict: SubjectVerdict,
    window: { startMs: number; endMs: number },
    state: AlarmState,
  ): void {
    this.episodes.push({
      id: `${cohortKey(cohort)}/${verdict.subject}/${window.startMs}`,
      cohort,
      subject: verdict.subject,
      ...describe(verdict),
      phase: state.phase,
      ...boundsOf(window),
      sinceMs: window.startMs,
      current: currentOf(verdict, window.endMs),
      windows: 1,
      endedMs: null,
      endReason: null,
      told: null,
    });
    if (this.episodes.length <= EPISODES_MAX) return;
    // Whose end is still to be told, last.
    const over = this.episodes.findIndex(({ endedMs, told }) => endedMs !== null && told === null);
    const ended = over >= 0 ? over : this.episodes.findIndex((episode) => episode.endedMs !== null);
    this.episodes.splice(Math.max(0, ended), 1);
  }

  /** The episode that a version which serves again (a rollback, its next rollout) and still drifts goes on with. */
  private retired(cohort: Cohort, { subject, alarming }: SubjectVerdict): Episode | undefined {
    const last = alarming ? this.newest(cohort, subject) : undefined;
    return last?.endReason === 'retired' ? last : undefined;
  }

  private newest(cohort: Cohort, subject: string): Episode | undefined {
    return this.episodes.findLast((e) => e.subject === subject && sameCohort(e.cohort, cohort));
  }

  private openEpisode(cohort: Cohort, subject: string): Episode | undefined {
    return this.episodes.find((e) => e.endedMs === null && e.subject === subject && sameCohort(e.cohort, cohort));
  }
}

function end(episode: Episode, reason: 'calm' | 'retired' | 'corrected', atMs: number): void {
  episode.endedMs = atMs;
  episode.endReason = reason;
}

function describe(verdict: SubjectVerdict) {
  const { detector, value, threshold, pValue, formula } = verdict;
  return { detector, value, threshold, pValue: Number.isNaN(pValue) ? null : pValue, formula };
}

function currentOf({ detector, value, threshold }: Omit<Episode['current'], 'windowEndMs'>, windowEndMs: number) {
  return { detector, value, threshold, windowEndMs };
}

function boundsOf(window: { startMs: number; endMs: number }) {
  return { windowStartMs: window.startMs, windowEndMs: window.endMs };
}
