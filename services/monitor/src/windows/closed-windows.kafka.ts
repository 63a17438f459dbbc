// Judgements of closed windows as messages: a WindowMetrics per cohort on metrics.v1, and a CloudEvent per drift,
// end and correction on drift.v1. The CloudEvents SDK checks the envelope. Ids are the findings' own, so that sending
// again is the same event.

import {
  type AnyDriftEvent,
  DRIFT_CONTENT_TYPE,
  DRIFT_CORRECTION_TYPE,
  DRIFT_ENDED_TYPE,
  DRIFT_EVENT_TYPE,
  type DriftCorrection,
  type DriftEnd,
  type DriftEvent,
  encodeDriftEvent,
  encodeWindowMetrics,
} from '@millrace/contracts';
import { type Clock, cohortKey } from '@millrace/domain';
import type { OutboundMessage } from '@millrace/kafka';
import { counter } from '@millrace/telemetry';
import { CloudEvent } from 'cloudevents';
import type { CorrectionFinding, DriftFinding, EndFinding } from '../alarms/drift-event.js';
import type { ClosedOfProject } from './engine.js';

const windowsClosed = counter('millrace.monitor.windows_closed');
const driftEvents = counter('millrace.monitor.drift_events');

export class JudgementMessages {
  constructor(private readonly clock: Clock) {}

  /** By topic; those without a message are left out. */
  of(judgements: readonly ClosedOfProject[]): [topic: string, messages: OutboundMessage[]][] {
    const metrics = judgements.flatMap(({ project, window }) =>
      window.metrics.map((row) => ({ key: project, value: encodeWindowMetrics(row) })),
    );
    const events = judgements.flatMap(({ project, window: { drift, corrections, ended } }) =>
      [
        ...ended.map((finding) => this.end(finding)),
        ...drift.map((finding) => this.driftEvent(finding)),
        ...corrections.map((finding) => this.correction(finding)),
      ].map((event) => ({
        key: project,
        value: encodeDriftEvent(event),
        headers: { 'content-type': DRIFT_CONTENT_TYPE },
      })),
    );
    const topics: [string, OutboundMessage[]][] = [
      ['metrics.v1', metrics],
      ['drift.v1', events],
    ];
    return topics.filter(([, messages]) => messages.length > 0);
  }

  /** The broker has them. */
  published(judgements: readonly ClosedOfProject[]): void {
    for (const { project, window } of judgements) {
      if (window.revision === 0) windowsClosed.add(1, { project });
      for (const { data } of window.drift) driftEvents.add(1, { project, cohort: cohortKey(data.cohort) });
    }
  }

  private driftEvent({ id, data }: DriftFinding): DriftEvent {
    return checked({ ...this.envelope(id, data), type: DRIFT_EVENT_TYPE, data });
  }

  private correction({ id, data }: CorrectionFinding): DriftCorrection {
    return checked({ ...this.envelope(id, data), type: DRIFT_CORRECTION_TYPE, data });
  }

  private end({ id, data }: EndFinding): DriftEnd {
    return checked({ ...this.envelope(id, data), type: DRIFT_ENDED_TYPE, data });
  }

  private envelope(id: string, { project, feature }: DriftFinding['data']) {
    return {
      specversion: '1.0',
      id,
      source: `/millrace/monitor/${project}`,
      subject: feature,
      time: new Date(this.clock.nowMs()).toISOString(),
      datacontenttype: 'application/json',
    } as const;
  }
}

function checked<E extends AnyDriftEvent>(event: E): E {
  new CloudEvent<unknown>({ ...event, data: { ...event.data } }).validate();
  return event;
}
