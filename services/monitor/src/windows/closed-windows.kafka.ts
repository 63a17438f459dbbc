// Publishes judgements of closed windows: a WindowMetrics message per cohort on metrics.v1, and a CloudEvent per drift
// and per correction on drift.v1. The CloudEvents SDK checks the envelope. Ids are the findings' own, so that sending
// again is the same event.

import {
  DRIFT_CONTENT_TYPE,
  DRIFT_CORRECTION_TYPE,
  DRIFT_EVENT_TYPE,
  type DriftCorrection,
  type DriftEvent,
  encodeDriftEvent,
  encodeWindowMetrics,
} from '@millrace/contracts';
import { type Clock, cohortKey } from '@millrace/domain';
import type { MessageProducer } from '@millrace/kafka';
import { counter } from '@millrace/telemetry';
import { CloudEvent } from 'cloudevents';
import type { CorrectionFinding, DriftFinding } from '../alarms/drift-event.js';
import type { ClosedOfProject } from './engine.js';
import type { Publisher } from './intake.js';

const windowsClosed = counter('millrace.monitor.windows_closed');
const driftEvents = counter('millrace.monitor.drift_events');

export class KafkaPublisher implements Publisher {
  constructor(
    private readonly producer: MessageProducer,
    private readonly clock: Clock,
  ) {}

  async publish({ project, window }: ClosedOfProject): Promise<void> {
    await this.producer.send(
      'metrics.v1',
      window.metrics.map((row) => ({ key: project, value: encodeWindowMetrics(row) })),
    );
    const { revision, drift, corrections } = window;
    if (revision === 0) windowsClosed.add(1, { project });
    const events = [
      ...drift.map((finding) => this.driftEvent(finding)),
      ...corrections.map((finding) => this.correction(finding)),
    ];
    if (events.length === 0) return;
    await this.producer.send(
      'drift.v1',
      events.map((event) => ({
        key: project,
        value: encodeDriftEvent(event),
        headers: { 'content-type': DRIFT_CONTENT_TYPE },
      })),
    );
    for (const { data } of drift) driftEvents.add(1, { project, cohort: cohortKey(data.cohort) });
  }

  private driftEvent({ id, data }: DriftFinding): DriftEvent {
    return checked({ ...this.envelope(id, data), type: DRIFT_EVENT_TYPE, data });
  }

  private correction({ id, data }: CorrectionFinding): DriftCorrection {
    return checked({ ...this.envelope(id, data), type: DRIFT_CORRECTION_TYPE, data });
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

function checked<E extends DriftEvent | DriftCorrection>(event: E): E {
  new CloudEvent<unknown>({ ...event, data: { ...event.data } }).validate();
  return event;
}
