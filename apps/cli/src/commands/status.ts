// status, drift, events: what the platform does right now.

import { openArtifactStore } from '@millrace/artifacts';
import { processName, SERVICE_NAMES as SERVICES, type Service } from '@millrace/deployment';
import { cohortText, PlatformError, RELEASE, systemClock, timeText } from '@millrace/domain';
import type { Command } from 'commander';
import { addressesAt, replicaUrls } from '../client/replicas.js';
import { qualityWaitsText } from '../overview/data-time.js';
import { collectingOf, collectingText } from '../overview/own-reference.js';
import { type Holdings, heldBy, stateOf } from '../overview/process-state.http.js';
import { OVERVIEW_HEAD, overviewNotes, overviewRow, projectOverviews } from '../overview/project-overview.js';
import { noWindowText, windowOf } from '../overview/window-text.js';
import { noRoomText, seemsFull } from '../supervisor/room.fs.js';
import { type ProcessNote, RunFolder } from '../supervisor/run-folder.fs.js';
import { table } from '../table.js';
import { action, type Context, controlOf } from './context.js';
import { projectName, wholeNumber } from './option-values.js';

/** What the monitor gives at most. */
const WINDOWS_MAX = 1_000;
const READY_WAIT_MS = 2_000;
/** `millrace watch` starts no serving: a server of somebody else answers. */
const NOT_PLANNED = 'not started here';
/** Of each question about the projects: what hangs leaves its part unknown. */
const OVERVIEW_WAIT_MS = 5_000;

export function statusCommands(program: Command): void {
  program
    .command('status')
    .description('which services answer, how often each was started again, and every project with its alarms')
    .action(action(status));

  program
    .command('drift')
    .description('closed windows and the tests that rang in them')
    .argument('<project>', 'its name', projectName)
    .option('--limit <count>', 'newest windows', wholeNumber(1, WINDOWS_MAX), 20)
    .action(
      action(async (context, project: string, options: { limit: number }) => {
        const { control } = context;
        const [windows, models, live] = await Promise.all([
          control.windows(project, options.limit),
          control.watchedModels(project),
          control.live(project),
        ]);
        const rows = windows.flatMap((window) => window.cohorts.map((row) => windowRow(window, row)));
        const rings = windows.some(({ cohorts }) => cohorts.some(({ tests }) => tests.some(({ alarm }) => alarm)));
        const heads = ['window', 'of', 'rows', 'failed', 'labels', 'auc', 'alarms'];
        const none =
          rows.length > 0 ? '' : noWindowText(live.closesAtMs, await windowOf(control, project), systemClock.nowMs());
        context.print(
          windows,
          (width) =>
            [
              rows.length === 0 ? none : table(heads, rows, width),
              ...waitingText(windows),
              ...(live.labelsSay === '' ? [] : [live.labelsSay]),
              ...collectingOf(models).map(collectingText),
            ].join('\n'),
          rows.length === 0 ? [`millrace loop ${project}`, 'millrace status'] : [afterWindows(project, rings)],
        );
        return 0;
      }),
    );

  program
    .command('events')
    .description('drift events')
    .argument('<project>', 'its name', projectName)
    .action(
      action(async (context, project: string) => {
        const events = await context.control.driftEvents(project);
        const heads = ['window', 'feature', 'detector', 'value', 'threshold', 'of'];
        const rows = events.map((data) => [
          timeText(data.window.startMs),
          data.feature,
          data.detector,
          data.value.toFixed(4),
          String(data.threshold),
          cohortText(data.cohort),
        ]);
        context.print(events, (width) => (rows.length === 0 ? 'no drift event yet' : table(heads, rows, width)), [
          rows.length === 0 ? `millrace drift ${project}` : `millrace loop ${project}`,
        ]);
        return 0;
      }),
    );
}

type Window = Awaited<ReturnType<Context['control']['windows']>>[number];

function windowRow({ startMs, labelsUntilMs }: Window, row: Window['cohorts'][number]): string[] {
  const alarms = row.tests
    .filter((test) => test.alarm)
    .map((test) => `${test.feature} ${test.detector} ${test.statistic.toFixed(3)}`);
  return [
    timeText(startMs),
    cohortText(row.cohort),
    String(row.predictions),
    row.software === null ? '-' : failedText(row.software.errorShare),
    String(row.labels),
    row.quality?.auc?.toFixed(4) ?? (labelsUntilMs === null ? '-' : 'waits'),
    alarms.join(', ') || '-',
  ];
}

/** Of requests; what nobody counted is not 0 %. */
const failedText = (share: number | null) => (share === null ? 'no data' : `${(share * 100).toFixed(1)} %`);

/** Why there is no figure of quality yet. */
function waitingText(windows: readonly Window[]): string[] {
  const [next] = windows.flatMap(({ labelsUntilMs }) => labelsUntilMs ?? []).sort((a, b) => a - b);
  return next === undefined ? [] : [qualityWaitsText(next)];
}

const afterWindows = (project: string, rings: boolean) =>
  rings ? `millrace events ${project}` : `millrace loop ${project}`;

async function status(context: Context): Promise<number> {
  const { home } = context.settings;
  const notes = new RunFolder(home).notes();
  const urls = replicaUrls(context.settings, notes);
  const services = await Promise.all(
    SERVICES.flatMap((service) => urls[service].map((_, replica) => replicaStatus(context, service, replica, notes))),
  );
  const artifacts = await artifactsState(context);
  const room = !seemsFull(home);
  const answers = services.every(({ state }) => state === 'ready' || state === NOT_PLANNED);
  const whole = answers && artifacts.state === 'reachable';
  const control = controlOf(context.settings, OVERVIEW_WAIT_MS);
  const stopped = await control.readingStopped().catch(() => null); // a service that does not answer is in the table
  const projects = await projectOverviews(control).catch(() => []);
  const several = services.length > SERVICES.length;
  const heads = ['service', 'address', 'state', 'ms', 'restarts', ...(several ? ['holds'] : [])];
  const rows = services.map(({ name, address, state, ms, restarts, holds }) => [
    ...[name, address, state, ms, restarts ?? '?'],
    ...(several ? [holdsText(holds)] : []),
  ]);
  const first = projects.find(({ activeAlarms = 0 }) => activeAlarms > 0) ?? projects[0];
  const next = first === undefined ? 'millrace new FILE' : `millrace loop ${first.name}`;
  context.print(
    { release: RELEASE, services, artifacts, hasRoom: room, stopped, projects },
    (width) =>
      [
        `Millrace ${RELEASE}`,
        table(heads, rows, width),
        ...services.flatMap(({ name, troubles }) => troubles.map((trouble) => `${name}: ${trouble}`)),
        `artifacts: ${artifacts.place}, ${artifacts.state}`,
        ...(room ? [] : [`${noRoomText(home)}: what dies there is started again when there is room`]),
        ...(projects.length === 0 ? [] : ['', table(OVERVIEW_HEAD, projects.map(overviewRow), width)]),
        ...projects.flatMap(overviewNotes),
        ...(stopped === null ? [] : [stoppedText(stopped)]),
      ].join('\n'),
    [whole ? next : services.every(({ state }) => state === 'down') ? 'millrace up' : 'millrace doctor'],
  );
  return whole ? 0 : 1;
}

async function replicaStatus(
  { settings }: Context,
  service: Service,
  replica: number,
  notes: readonly ProcessNote[] | undefined,
) {
  const name = processName(service, replica);
  const address = addressesAt(service, replica, settings)[service];
  const startedMs = systemClock.monotonicMs();
  const [answered, holds] = await Promise.all([stateOf(address), heldBy(address)]);
  const note = notes?.find((one) => one.name === name);
  const { troubles } = answered;
  const isPlanned = answered.state !== 'down' || notes === undefined || note !== undefined;
  const state = isPlanned ? answered.state : NOT_PLANNED;
  const ms = Math.round(systemClock.monotonicMs() - startedMs);
  const restarts = note?.restarts ?? (notes === undefined ? undefined : 0);
  return { service, replica, name, address, state, ms, restarts, holds, troubles };
}

/** Their numbers: what has one key has one number in every topic that is shared. */
function holdsText(holds: Holdings | null): string {
  if (holds === null) return '-';
  const numbers = [...new Set(Object.values(holds).flat())].sort((a, b) => a - b);
  return numbers.length === 0 ? 'none' : `partitions ${numbers.join(', ')}`;
}

/** Asked from here, with the settings of this command: where those of the services are others, so is the answer. */
async function artifactsState({ settings }: Context): Promise<{ place: string; state: string }> {
  const { artifacts } = settings;
  const timeout = Math.min(artifacts.artifactsTimeout, READY_WAIT_MS);
  const store = openArtifactStore({ ...artifacts, artifactsTimeout: timeout });
  const state = await store.check().then(
    () => 'reachable',
    (thrown: unknown) => `not reachable: ${PlatformError.from(thrown).reason}`,
  );
  return { place: store.place, state };
}

/** Nothing is lost by it: records and labels wait in Kafka. */
const stoppedText = ({ message }: { message: string }) =>
  `ingest has stopped reading: ${message}; it goes on when versions close, or with more disk`;
