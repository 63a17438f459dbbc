// status, drift, events: what the platform does right now.

import { cohortText, systemClock, timeText } from '@millrace/domain';
import type { Command } from 'commander';
import { table } from '../table.js';
import { action } from './context.js';

export function watchCommands(program: Command): void {
  program
    .command('status')
    .description('which services answer and are ready')
    .action(
      action(async (context) => {
        const { addresses } = context.settings;
        const rows = await Promise.all(
          (['ingest', 'trainer', 'serving', 'router', 'monitor'] as const).map(async (service) => {
            const startedMs = systemClock.monotonicMs();
            const ready = await fetch(`${addresses[service]}/health/ready`, { signal: AbortSignal.timeout(2_000) })
              .then((response) => (response.ok ? 'ready' : `not ready (${response.status})`))
              .catch(() => 'down');
            return {
              service,
              address: addresses[service],
              state: ready,
              ms: Math.round(systemClock.monotonicMs() - startedMs),
            };
          }),
        );
        context.print(rows, () =>
          table(
            ['service', 'address', 'state', 'ms'],
            rows.map((r) => [r.service, r.address, r.state, r.ms]),
          ),
        );
        return rows.every((row) => row.state === 'ready') ? 0 : 1;
      }),
    );

  program
    .command('drift')
    .description('closed windows and the tests that rang in them')
    .argument('<project>')
    .option('--limit <count>', 'newest windows', '20')
    .action(
      action(async (context, project: string, options: { limit: string }) => {
        const windows = await context.control.windows(project, Number(options.limit));
        context.print(windows, () =>
          table(
            ['window', 'of', 'rows', 'labels', 'auc', 'alarms'],
            windows.flatMap((window) =>
              window.cohorts.map((row) => [
                timeText(window.startMs),
                cohortText(row.cohort),
                row.predictions,
                row.labels,
                row.quality?.auc?.toFixed(4) ?? '-',
                row.tests
                  .filter((test) => test.alarm)
                  .map((test) => `${test.feature} ${test.detector} ${test.statistic.toFixed(3)}`)
                  .join(', ') || '-',
              ]),
            ),
          ),
        );
        return 0;
      }),
    );

  program
    .command('events')
    .description('drift events')
    .argument('<project>')
    .action(
      action(async (context, project: string) => {
        const events = await context.control.driftEvents(project);
        context.print(events, () =>
          table(
            ['window', 'feature', 'detector', 'value', 'threshold', 'of'],
            events.map((data) => [
              timeText(data.window.startMs),
              data.feature,
              data.detector,
              data.value.toFixed(4),
              String(data.threshold),
              cohortText(data.cohort),
            ]),
          ),
        );
        return 0;
      }),
    );
}
