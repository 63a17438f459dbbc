// Serves the dashboard's own files and the monitor's answers for one state, over the real controller and views.

import { monitorApi } from '@millrace/api';
import { ManualClock } from '@millrace/domain';
import { fastifyPath } from '@millrace/service';
import fastify from 'fastify';
import { AuditHttp } from '../src/api/audit.http.js';
import { registerDashboard } from '../src/api/dashboard.http.js';
import { LiveStreams } from '../src/api/live.http.js';
import { MonitorHttp } from '../src/api/monitor.http.js';
import type { ViewSources } from '../src/api/views.js';
import { auditOfStates, NOW_MS } from './dashboard-states.js';

export interface StateServer {
  readonly url: string;
  close(): Promise<void>;
}

export async function serveState(sources: ViewSources): Promise<StateServer> {
  const clock = new ManualClock(NOW_MS);
  const controller = new MonitorHttp(sources, clock);
  const instance = fastify();
  registerDashboard(instance);
  const live = new LiveStreams(sources, clock);
  live.register(instance);
  const audits = new AuditHttp(auditOfStates(), () => true);
  const { overview, detectors, windows, alarms, driftEvents, quality, models, pulse, audit } = monitorApi.endpoints;
  const calls: [string, (project: string) => unknown][] = [
    [overview.path, () => controller.overview()],
    [detectors.path, () => controller.detectors()],
    [windows.path, (project) => controller.windows(project, {})],
    [alarms.path, (project) => controller.alarms(project)],
    [driftEvents.path, (project) => controller.driftEvents(project, {})],
    [quality.path, (project) => controller.quality(project, {})],
    [models.path, (project) => controller.models(project)],
    [pulse.path, (project) => controller.recent(project)],
    [audit.path, (project) => audits.audit(project, {})],
  ];
  for (const [path, answer] of calls)
    instance.get<{ Params: { project: string } }>(fastifyPath(path), async ({ params }) => answer(params.project));
  const url = await instance.listen({ host: '127.0.0.1', port: 0 });
  return {
    url,
    close: async () => {
      live.close();
      await instance.close();
    },
  };
}
