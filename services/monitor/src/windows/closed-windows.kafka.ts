// Publishes closed windows: a WindowMetrics message per cohort on metrics.v1, and a CloudEvent per drift on drift.v1.
// The CloudEvents SDK checks the envelope. Ids are the findings' own, so that sending again is the same event.

import {
  DRIFT_CONTENT_TYPE,
  DRIFT_EVENT_TYPE,
  type DriftEvent,
  encodeDriftEvent,
  encodeWindowMetrics,
} from '@millrace/contracts';
import { type Clock, cohortKey } from '@millrace/domain';
import type { MessageProducer } from '@millrace/kafka';
import { counter } from '@millrace/telemetry';
import { CloudEvent } from 'cloudevents';
import type { DriftFinding } from '../alarms/drift-event.js';
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
    windowsClosed.add(1, { project });
    if (window.drift.length === 0) return;
    await this.producer.send(
      'drift.v1',
      window.drift.map((finding) => ({
        key: project,
        value: encodeDriftEvent(this.envelope(finding)),
        headers: { 'content-type': DRIFT_CONTENT_TYPE },
      })),
    );
    for (const { data } of window.drift) driftEvents.add(1, { project, cohort: cohortKey(data.cohort) });
  }

  private envelope({ id, data }: DriftFinding): DriftEvent {
    const event: DriftEvent = {
      specversion: '1.0',
      type: DRIFT_EVENT_TYPE,
      id,
      source: `/millrace/monitor/${data.project}`,
      subject: data.feature,
      time: new Date(this.clock.nowMs()).toISOString(),
      datacontenttype: 'application/json',
      data,
    };
    new CloudEvent({ ...event, data: { ...event.data } }).validate();
    return event;
  }
}
