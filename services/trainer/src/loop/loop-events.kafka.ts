// Feeds the loops from topics, and carries their commands to the router. No decisions here.

import {
  DRIFT_ENDED_TYPE,
  DRIFT_EVENT_TYPE,
  type DriftEvent,
  decodeDatasetVersion,
  decodeDriftEvent,
  decodeModelVersion,
  decodeProject,
  decodeRoute,
  decodeWindowMetrics,
  encodeCommand,
} from '@millrace/contracts';
import type { Clock } from '@millrace/domain';
import { type BatchResult, type CompactedReaderSettings, decodeBatch, type InboundMessage } from '@millrace/kafka';
import { projectFromDocument } from '@millrace/project';
import { inServiceVersion } from '@millrace/routing';
import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { Outlast } from '../duty/outlasting.js';
import type { TrainerLog } from '../duty/trainer-log.kafka.js';
import { rollbackCommandId, rolloutCommandId } from './command-ids.js';
import { LoopRunner } from './loop-runner.js';
import type { LoopEffect, LoopInput } from './loop-state.js';

/** Drift events reach the loop of their project; a bad one goes to the dead letters. */
@Controller()
export class DriftEventConsumer {
  constructor(@Inject(LoopRunner) private readonly runner: LoopRunner) {}

  @EventPattern('drift.v1')
  async onDrift(@Payload() messages: InboundMessage[]): Promise<BatchResult> {
    const { batch, deadLetters } = decodeBatch(messages, decodeDriftEvent);
    for (const { message: event, timestampMs } of batch) {
      // A correction is no alarm: what an episode began with stays, and what it made is judged by itself.
      if (event?.type === DRIFT_EVENT_TYPE) await this.runner.apply(event.data.project, toInput(event), timestampMs);
      // A slice's drift is never kept to be answered later, so its end changes nothing.
      if (event?.type === DRIFT_ENDED_TYPE && event.data.cohort.slice === 'all')
        await this.runner.apply(event.data.project, { kind: 'drift_ended', eventId: event.data.ends }, timestampMs);
    }
    return { deadLetters };
  }

  /** What the version in service loses in each window, where a loop weighs it; a window without labels says nothing. */
  @EventPattern('metrics.v1')
  async onMetrics(@Payload() messages: InboundMessage[]): Promise<BatchResult> {
    const { batch, deadLetters } = decodeBatch(messages, decodeWindowMetrics);
    for (const { message: window, timestampMs } of batch) {
      if (window === undefined) continue;
      const { version, slice } = window.cohort;
      const { quality, windowStartMs: startMs, windowEndMs: endMs, predictions } = window;
      if (version === 'all' || slice !== 'all' || quality === undefined || quality.rows === 0) continue;
      if (!this.runner.weighs(window.project)) continue;
      const { positiveShare, meanScore = Number.NaN } = quality;
      const loss = quality.metrics.log_loss ?? Number.NaN;
      const input = {
        kind: 'quality',
        version,
        startMs,
        endMs,
        predictions,
        rows: quality.rows,
        loss,
        positiveShare,
        meanScore,
      } as const;
      await this.runner.apply(window.project, input, timestampMs);
    }
    return { deadLetters };
  }
}

function toInput(event: DriftEvent): LoopInput {
  const { data } = event;
  return {
    kind: 'drift',
    eventId: event.id,
    feature: data.feature,
    detector: data.detector,
    value: data.value,
    threshold: data.threshold,
    windowStartMs: data.window.startMs,
    windowEndMs: data.window.endMs,
    cohort: data.cohort,
    correlationId: data.correlationId,
    ...(data.continues === undefined ? {} : { continues: data.continues }),
  };
}

/**
 * Handlers of the compacted topics that a loop follows. Projects come first, so that their loops exist. The reader
 * skips an entry that throws, so that one whose state cannot be saved for now is tried again here.
 */
export function loopEntries(runner: LoopRunner, outlast: Outlast): CompactedReaderSettings['topics'] {
  const apply = (project: string, input: LoopInput, atMs: number): Promise<void> =>
    outlast(`${input.kind} of ${project}`, () => runner.apply(project, input, atMs));
  return {
    'datasets.v1': async (key, value, { timestampMs }) => {
      if (value === null) {
        const [project = '', id = ''] = key.split('/');
        await apply(project, { kind: 'dataset_gone', id }, timestampMs);
        return;
      }
      const version = decodeDatasetVersion(value);
      if (version.kind !== 'live') return;
      const { id, ordinal, rowsOf, windowStartMs, windowEndMs, labelledRows } = version;
      const dataset = { id, ordinal, rowsOf, windowStartMs, windowEndMs, labelledRows };
      await apply(version.project, { kind: 'dataset', dataset }, timestampMs);
    },
    'models.v1': async (_key, value, { timestampMs }) => {
      if (value === null) return;
      const model = decodeModelVersion(value);
      const { project, version, trainingId, blessed, reasons, verdict: said, evaluation } = model;
      // Of release 0.1: the sentences of all gates.
      const verdict = said === '' ? `version ${version} is not blessed: ${reasons.join(' ')}` : said;
      const championLoss = model.championEvaluation?.metrics.log_loss;
      const loss = evaluation?.metrics.log_loss;
      const { rows = 0, positiveShare } = evaluation ?? {};
      const judged = loss === undefined ? {} : { judged: { rows, loss, championLoss, positiveShare } };
      await apply(project, { kind: 'model', version, trainingId, blessed, verdict, ...judged }, timestampMs);
    },
    // A route goes with its project, and the loop with it.
    'routes.v1': async (_key, value, { timestampMs }) => {
      if (value === null) return;
      const known = decodeRoute(value);
      const { project, revision, previousVersion, rollout, recentCommandIds: commandIds } = known;
      const { phase, message, version: rolloutVersion } = rollout;
      const liveVersion = inServiceVersion(known);
      const route = { revision, liveVersion, previousVersion, rolloutVersion, phase, message };
      await apply(project, { kind: 'route', ...route, commandIds }, timestampMs);
    },
  };
}

/** `deleted`: a project that was there a moment ago. */
export function projectEntries(
  runner: LoopRunner,
  deleted: (project: string) => Promise<void>,
): CompactedReaderSettings['topics'] {
  return {
    'projects.v1': async (key, value, { replayed }) => {
      if (value !== null) {
        runner.noteProject(key);
        const { document, createdAtMs } = decodeProject(value);
        await runner.define(projectFromDocument(document), createdAtMs);
        return;
      }
      await runner.forget(key);
      // On the way to the end of the topic it may be there again.
      if (!replayed) await deleted(key);
    },
  };
}

/** The loop's commands to the router, which owns routes. A command's id is stable, so that a repeated one is known. */
export class LoopCommands {
  constructor(
    private readonly log: Pick<TrainerLog, 'write'>,
    private readonly clock: Clock,
  ) {}

  startRollout(project: string, effect: Extract<LoopEffect, { kind: 'start_rollout' }>): Promise<void> {
    return this.send(project, rolloutCommandId(effect), effect, {
      kind: 'startRollout',
      version: effect.version,
    });
  }

  rollback(project: string, effect: Extract<LoopEffect, { kind: 'rollback' }>): Promise<void> {
    return this.send(project, rollbackCommandId(effect), effect, { kind: 'rollback' }, effect.expectedRevision);
  }

  private async send(
    project: string,
    id: string,
    { reason, correlationId }: { reason: string; correlationId: string },
    action: Parameters<typeof encodeCommand>[0]['action'],
    expectedRevision = 0,
  ): Promise<void> {
    const value = encodeCommand({
      id,
      project,
      issuedBy: 'loop',
      issuedAtMs: this.clock.nowMs(),
      expectedRevision,
      correlationId,
      reason,
      action,
    });
    await this.log.write('commands.v1', [{ key: project, value }]);
  }
}
