// Routes as Prometheus text (exposition format 0.0.4): which share each version has by the route in force here, and at
// which step a rollout is. A few lines a project, made when somebody scrapes.

import { type Route, trafficShares } from '@millrace/routing';
import { label } from './prometheus-text.js';

const SHARE_METRIC = 'millrace_router_share_percent';
const STEP_METRIC = 'millrace_router_rollout_step';

export function prometheusRoutes(routes: readonly Route[]): string {
  const shares: string[] = [];
  const steps: string[] = [];
  for (const route of routes) {
    const { project, rollout } = route;
    const live = trafficShares(route);
    const of = (version: number): string => `{project="${label(project)}",version="${version}"}`;
    for (const { version, weight } of live) shares.push(`${SHARE_METRIC}${of(version)} ${weight}`);
    // A version that an abort has brought to nothing is told as such: a series that ends says nothing.
    const isLive = live.some(({ version }) => version === rollout.version);
    if (rollout.version > 0 && !isLive) shares.push(`${SHARE_METRIC}${of(rollout.version)} 0`);
    if (rollout.steps !== undefined) steps.push(`${STEP_METRIC}${of(rollout.version)} ${rollout.steps.at + 1}`);
  }
  const family = (name: string, help: string, lines: string[]): string[] => [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} gauge`,
    ...lines,
  ];
  const lines = [
    ...family(SHARE_METRIC, 'Percent of live traffic that a version has by the route.', shares),
    ...family(STEP_METRIC, 'Step of a rollout under way, from 1.', steps),
  ];
  return `${lines.join('\n')}\n`;
}
