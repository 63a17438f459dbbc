// The monitor's alarms that ring for single versions, as routers hear them on drift.v1: begun by a drift event,
// over by its end or by a correction. Of inputs and scores alone: software and quality have criteria of their
// own. An alarm counts SETTLE_MS after it was heard, so that one that rings for both versions is known of both
// before anybody decides. Bounded: PROJECTS_MAX projects, DRIFTS_MAX alarms each; of one more the oldest goes.

import { type AnyDriftEvent, DRIFT_CORRECTION_TYPE, DRIFT_ENDED_TYPE } from '@millrace/contracts';
import { SUBJECTS } from '@millrace/drift';
import type { DriftSaid } from '@millrace/routing';
import { WATCHED_MAX } from './evidence-book.js';
import { putLast } from './gathered-evidence.js';

const PROJECTS_MAX = 4 * WATCHED_MAX;
const DRIFTS_MAX = 256;
/** The monitor says all that it found in a window at once; the broker may give it in pieces. */
const SETTLE_MS = 5_000;

const ELSEWHERE: readonly string[] = [SUBJECTS.quality.name, SUBJECTS.software.name];

interface Heard {
  readonly version: number;
  readonly drift: DriftSaid;
  readonly heardAtMs: number;
}

export class GatheredDrifts {
  /** By project, by the id of the event. */
  private readonly projects = new Map<string, Map<string, Heard>>();

  /** Of a project: what was said before it belongs to another one of the name. */
  constructor(private readonly createdAtMs: (project: string) => number = () => 0) {}

  hear(event: AnyDriftEvent, heardAtMs: number): void {
    const { data } = event;
    const rings = this.projects.get(data.project) ?? new Map<string, Heard>();
    if (event.type === DRIFT_ENDED_TYPE) rings.delete(event.data.ends);
    else if (event.type === DRIFT_CORRECTION_TYPE) {
      if (event.data.corrects !== null && !event.data.alarming) rings.delete(event.data.corrects);
    } else {
      const { cohort, feature: subject, detector, value, threshold, rows } = data;
      if (cohort.version === 'all' || cohort.slice !== 'all' || ELSEWHERE.includes(subject)) return;
      const drift = { subject, detector, value, threshold, rows, saidAtMs: Date.parse(event.time) };
      putLast(rings, event.id, { version: cohort.version, drift, heardAtMs }, DRIFTS_MAX);
    }
    if (rings.size > 0) putLast(this.projects, data.project, rings, PROJECTS_MAX);
    else this.projects.delete(data.project);
  }

  /** That ring for the version now. */
  of(project: string, version: number, nowMs: number): DriftSaid[] {
    const createdAtMs = this.createdAtMs(project);
    return [...(this.projects.get(project)?.values() ?? [])].flatMap((heard) => {
      const isOf = heard.version === version && heard.drift.saidAtMs >= createdAtMs;
      return isOf && nowMs - heard.heardAtMs >= SETTLE_MS ? heard.drift : [];
    });
  }

  forget(project: string): void {
    this.projects.delete(project);
  }
}
