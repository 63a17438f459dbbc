// Webhooks over HTTP: what became of a project's deliveries, and a trial. Nothing that a receiver answers is shown
// but its status.

import { monitorApi } from '@millrace/api';
import { PlatformError } from '@millrace/domain';
import { Answers } from '@millrace/service';
import { Controller, Inject, Param } from '@nestjs/common';
import { WebhookDesk } from '../webhooks/desk.http.js';
import { testView, webhooksView } from './webhooks-view.js';

/** Whether this process is the one that sends. */
export const SENDS_WEBHOOKS = Symbol('SENDS_WEBHOOKS');

const { webhooks, testWebhooks } = monitorApi.endpoints;

@Controller()
export class WebhooksHttp {
  private readonly testing = new Set<string>();

  constructor(
    @Inject(WebhookDesk) private readonly desk: WebhookDesk,
    @Inject(SENDS_WEBHOOKS) private readonly sends: () => boolean,
  ) {}

  @Answers(webhooks)
  webhooks(@Param('project') project: string) {
    this.refuseOnStandby();
    return { project, webhooks: this.desk.of(project).map(webhooksView) };
  }

  /** One at a time a project: a trial takes up to the time of an answer. */
  @Answers(testWebhooks)
  async test(@Param('project') project: string) {
    this.refuseOnStandby();
    if (this.testing.has(project))
      throw new PlatformError('overloaded', 'a trial of this project is under way; ask again when it has ended');
    this.testing.add(project);
    try {
      return { project, webhooks: (await this.desk.test(project)).map(testView) };
    } finally {
      this.testing.delete(project);
    }
  }

  private refuseOnStandby(): void {
    if (this.sends()) return;
    const message = 'this monitor sends no webhooks: another one does, or Kafka is not reached yet';
    throw new PlatformError('unavailable', message, { facts: { standby: true } });
  }
}
