// Wiring of the analysis of rollouts and of experiments: what the request path counts goes to the analysts and to
// evidence.v1, what other routers count comes from there; the analyst's commands go the way of every command.

import type { KafkaConnection } from '@millrace/kafka';
import type { AnalysisPlan, ExpectedScores, RolloutUnderWay, Route, Verdict } from '@millrace/routing';
import { type ServiceContext, type Tick, within } from '@millrace/service';
import { gauge } from '@millrace/telemetry';
import type { RouterConfig } from '../config.js';
import { Analyst } from './analyst.js';
import { EvidenceLog } from './evidence.kafka.js';
import type { EvidenceBook } from './evidence-book.js';
import { type ArmVerdict, ExperimentAnalyst } from './experiment-analyst.js';
import { GatheredDrifts } from './gathered-drifts.js';
import { GatheredEvidence } from './gathered-evidence.js';
import { GatheredLosses } from './gathered-losses.js';

/** As often as the shortest interval of a plan. */
const LOOK_EVERY_MS = 1_000;
const CLOSE_MS = 1_000;

/** As a gauge: 1 good, -1 bad, 0 not decided. */
const GOOD: Readonly<Record<Verdict, number>> = { pass: 1, fail: -1, not_yet: 0, no_data: 0, inconclusive: 0 };

export interface AnalysisPorts {
  connection: KafkaConnection;
  book: EvidenceBook;
  routes(): Route[];
  planOf(project: string): AnalysisPlan | undefined;
  /** Of a version against another; undefined: it has not been heard of yet. */
  expectedScores(project: string, version: number, against: number): ExpectedScores | undefined;
  /** What is older belongs to a deleted project of the name; 0 = not known. */
  createdAtMs(project: string): number;
  /** undefined: not known. */
  versionCreatedAtMs(project: string, version: number): number | undefined;
  holds(project: string): boolean;
  command(rollout: RolloutUnderWay, kind: 'abort' | 'pause', reason: string): Promise<void>;
}

export interface AnalysisWiring {
  analyst: Analyst;
  experiments: ExperimentAnalyst;
  tick: Tick;
  /** Hears the other routers from now on. */
  follow(): void;
}

export function analysis(context: ServiceContext<RouterConfig>, ports: AnalysisPorts): AnalysisWiring {
  const { config, clock, log, shutdown } = context;
  const { book, routes, planOf, expectedScores, holds, command } = ports;
  const gathered = new GatheredEvidence(ports.createdAtMs);
  const losses = new GatheredLosses(ports.createdAtMs);
  const drifts = new GatheredDrifts(ports.createdAtMs, ports.versionCreatedAtMs);
  const evidence = new EvidenceLog(ports.connection, gathered, { losses, drifts }, () => clock.nowMs());
  shutdown.onClose('evidence', () => within(CLOSE_MS, evidence.close()));
  const verdicts = gauge('millrace.router.analysis_verdict');
  const shares = gauge('millrace.router.analysis_evidence');
  const analyst = new Analyst(
    { book, gathered, losses, drifts },
    {
      self: { router: config.replica, startedAtMs: clock.nowMs() },
      nowMs: () => clock.nowMs(),
      ...{ planOf, expectedScores, holds, command },
      say: (word) => evidence.say(word),
      decided: (project, { verdict, reason, candidate, stable, answered, routers, dryRun }) => {
        const facts = { project, verdict, candidate, stable, ...counted(answered), routers, dryRun, reason };
        log.info('analysis of a rollout', facts);
      },
      failed: (project, error) => log.warn('what the analysis asks for is not done yet', { project }, error),
    },
  );
  const experiments = new ExperimentAnalyst(
    { book, gathered, losses, drifts },
    {
      self: { router: config.replica, startedAtMs: clock.nowMs() },
      nowMs: () => clock.nowMs(),
      planOf,
      say: (word) => evidence.say(word),
      decided: (arm, reason) => log.info('analysis of an experiment', { ...arm, reason }),
    },
  );
  const tellArms = armVerdicts(experiments);
  /** Series of rollouts that have ended go. */
  const told = new Map<string, { version: string; criteria: readonly string[] }>();
  const tell = (): void => {
    const now = analyst.underWay();
    for (const [project, { version, criteria }] of told) {
      if (now.some((one) => one.project === project && String(one.version) === version)) continue;
      verdicts.remove({ project, version });
      for (const criterion of criteria) shares.remove({ project, version, criterion });
      told.delete(project);
    }
    for (const { project, version: number, verdict, criteria } of now) {
      const version = String(number);
      verdicts.set(GOOD[verdict], { project, version });
      for (const { criterion, evidence: share } of criteria) shares.set(share, { project, version, criterion });
      told.set(project, { version, criteria: criteria.map(({ criterion }) => criterion) });
    }
  };
  const tick: Tick = {
    name: 'analysis of rollouts',
    everyMs: LOOK_EVERY_MS,
    work: () => {
      // A rollout that has ended leaves the counts to the experiment that has begun.
      analyst.tick(routes());
      experiments.tick(routes());
      tell();
      tellArms();
    },
  };
  return { analyst, experiments, tick, follow: () => evidence.follow() };
}

/** Tells the verdicts of arms as gauges; series of experiments that have ended go. */
function armVerdicts(experiments: ExperimentAnalyst): () => void {
  const verdicts = gauge('millrace.router.experiment_verdict');
  let told: ReturnType<typeof labelsOf>[] = [];
  return () => {
    for (const labels of told) verdicts.remove(labels);
    const now = experiments.verdicts();
    for (const arm of now) verdicts.set(GOOD[arm.verdict], labelsOf(arm));
    told = now.map(labelsOf);
  };
}

const labelsOf = ({ project, experiment, version }: ArmVerdict) => ({ project, experiment, version: String(version) });

const counted = ({ stable, candidate }: { stable: number; candidate: number }) => ({
  answersOfStable: stable,
  answersOfCandidate: candidate,
});
