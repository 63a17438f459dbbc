// The monitor's alarms for single versions, as routers hear them on drift.v1: begun by a drift event, over by its end
// or by a correction. Of inputs and scores alone: software and quality have criteria of their own. An alarm counts
// SETTLE_MS after it was heard, and is common with every version for which the same rang meanwhile, or SETTLE_MS
// before by the monitor's clock, until it ends itself: which of two ends first says nothing of either. Of a version
// whose alarms may not all be known (drift.v1 has lost older ones, a bound was reached) it is told what is not known.
// Bounded: PROJECTS_MAX projects, VERSIONS_MAX versions each, SUBJECTS_MAX subjects each; nothing that goes is
// taken for calm.

import { type AnyDriftEvent, DRIFT_CORRECTION_TYPE, DRIFT_ENDED_TYPE } from '@millrace/contracts';
import { SUBJECTS } from '@millrace/drift';
import type { DriftSaid, VersionEvidence } from '@millrace/routing';
import { WATCHED_MAX } from './evidence-book.js';

const PROJECTS_MAX = 4 * WATCHED_MAX;
/** The lowest number goes: a stable version is among the newest. */
const VERSIONS_MAX = 16;
/** Inputs of a version that ever drifted. */
const SUBJECTS_MAX = 512;
/** The monitor says all that it found in a window at once; the broker may give it in pieces. */
const SETTLE_MS = 5_000;

const ELSEWHERE: readonly string[] = [SUBJECTS.quality.name, SUBJECTS.software.name];

type Gathered = Pick<VersionEvidence, 'drifts' | 'unknownDrifts'>;

export const NO_DRIFTS: Gathered = { drifts: [], unknownDrifts: [] };

/** The newest of a version and a subject, also when it is over: it is known then that it does not ring. */
interface Alarm {
  /** Of its event; one that comes again after its end begins nothing. */
  readonly id: string;
  readonly said: Omit<DriftSaid, 'commonWith'>;
  readonly commonWith: Set<number>;
  readonly heardAtMs: number;
  /** When its end was said; undefined while it rings. */
  overAtMs: number | undefined;
}

interface OfVersion {
  /** By subject. */
  readonly alarms: Map<string, Alarm>;
  /** One of another subject was left out. */
  isFull: boolean;
}

interface OfProject {
  /** What was said since then is known; 0: everything. */
  readonly sinceMs: number;
  readonly versions: Map<number, OfVersion>;
  /** Up to this number versions have been dropped; 0: none. */
  lostThrough: number;
}

export class GatheredDrifts {
  private readonly projects = new Map<string, OfProject>();
  /** When a project was dropped for another one; 0: never. */
  private lostAtMs = 0;

  /** `createdAtMs`, of a project: what was said before it belongs to another one of the name. */
  constructor(
    private readonly createdAtMs: (project: string) => number = () => 0,
    private readonly versionCreatedAtMs: (project: string, version: number) => number | undefined = () => undefined,
  ) {}

  /** In the topic's order. `keptSinceMs`: time of the oldest event that the topic keeps; 0: it has lost none. */
  hear(event: AnyDriftEvent, heardAtMs: number, keptSinceMs = 0): void {
    const { cohort, feature: subject, project } = event.data;
    if (cohort.version === 'all' || cohort.slice !== 'all' || ELSEWHERE.includes(subject)) return;
    const ended = endedBy(event);
    if (ended === null) return;
    const of = this.ofProject(project, heardAtMs, keptSinceMs);
    const { version } = cohort;
    const atMs = Date.parse(event.time);
    const known = of.versions.get(version)?.alarms.get(subject);
    if (ended !== undefined && known !== undefined) {
      if (known.id === ended) known.overAtMs ??= atMs;
      return;
    }
    if (known?.id === event.id) return;
    const { detector, value, threshold, rows, continues } = event.data;
    const isEnd = ended !== undefined;
    const alarm: Alarm = {
      id: ended ?? event.id,
      // One of which only the end is kept began at some time before.
      said: { subject, detector, value, threshold, rows, saidAtMs: isEnd ? 0 : atMs },
      // One that goes on where its version serves again is the same alarm.
      commonWith: new Set(continues !== undefined && continues === known?.id ? known.commonWith : []),
      heardAtMs,
      overAtMs: isEnd ? atMs : undefined,
    };
    this.markCommon(of, version, alarm, atMs);
    put(of, version, alarm);
  }

  /** That ring for the version now, and what rings for others and may ring for it. */
  of(project: string, version: number, nowMs: number): Gathered {
    const of = this.projects.get(project);
    if (of === undefined) return NO_DRIFTS;
    const createdAtMs = this.createdAtMs(project);
    const ringing = (alarms: Iterable<Alarm>) =>
      [...alarms].filter(({ said, overAtMs }) => overAtMs === undefined && said.saidAtMs >= createdAtMs);
    const drifts = ringing(of.versions.get(version)?.alarms.values() ?? []).flatMap((alarm) =>
      nowMs - alarm.heardAtMs >= SETTLE_MS ? { ...alarm.said, commonWith: [...alarm.commonWith] } : [],
    );
    const others = [...of.versions].flatMap(([other, { alarms }]) =>
      other === version ? [] : ringing(alarms.values()),
    );
    const elsewhere = new Set(others.map(({ said }) => said.subject));
    const unknownDrifts = [...elsewhere].filter((subject) => !this.isKnown(of, { project, version, subject }));
    return { drifts, unknownDrifts };
  }

  forget(project: string): void {
    this.projects.delete(project);
  }

  private ofProject(project: string, heardAtMs: number, keptSinceMs: number): OfProject {
    const known = this.projects.get(project);
    const of = known ?? { sinceMs: Math.max(keptSinceMs, this.lostAtMs), versions: new Map(), lostThrough: 0 };
    this.projects.delete(project);
    this.projects.set(project, of);
    const [oldest] = this.projects.keys();
    if (this.projects.size > PROJECTS_MAX && oldest !== undefined) {
      this.projects.delete(oldest);
      this.lostAtMs = heardAtMs;
    }
    return of;
  }

  /** Of one whose end alone is kept: with all that rang before it, for nobody knows since when it did. */
  private markCommon({ versions }: OfProject, version: number, alarm: Alarm, atMs: number): void {
    for (const [other, { alarms }] of versions) {
      const same = alarms.get(alarm.said.subject);
      if (other === version || same === undefined) continue;
      if (same.overAtMs !== undefined && atMs - same.overAtMs >= SETTLE_MS) continue;
      same.commonWith.add(version);
      alarm.commonWith.add(other);
    }
  }

  private isKnown(of: OfProject, { project, version, subject }: Asked): boolean {
    const own = of.versions.get(version);
    if (own?.alarms.has(subject)) return true;
    if (own === undefined ? version <= of.lostThrough : own.isFull) return false;
    if (of.sinceMs === 0) return true;
    const createdAtMs = this.versionCreatedAtMs(project, version);
    return createdAtMs !== undefined && createdAtMs >= of.sinceMs;
  }
}

interface Asked {
  readonly project: string;
  readonly version: number;
  readonly subject: string;
}

/** The id of the event that is over; undefined: this is a begin; null: it is neither. */
function endedBy(event: AnyDriftEvent): string | null | undefined {
  if (event.type === DRIFT_ENDED_TYPE) return event.data.ends;
  if (event.type === DRIFT_CORRECTION_TYPE) return event.data.alarming ? null : event.data.corrects;
  return undefined;
}

function put(of: OfProject, version: number, alarm: Alarm): void {
  const own = of.versions.get(version) ?? { alarms: new Map<string, Alarm>(), isFull: false };
  const { subject } = alarm.said;
  if (own.alarms.size < SUBJECTS_MAX || own.alarms.has(subject)) own.alarms.set(subject, alarm);
  else own.isFull = true;
  of.versions.set(version, own);
  if (of.versions.size <= VERSIONS_MAX) return;
  const lowest = Math.min(...of.versions.keys());
  of.versions.delete(lowest);
  of.lostThrough = Math.max(of.lostThrough, lowest);
}
