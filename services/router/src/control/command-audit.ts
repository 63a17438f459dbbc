// What the audit says of routes: every command with who gave it, from where and why, and what became of it; and
// every change that came of no command (a load that ended, a step by its time, the analysis), which is the router's
// own. Of a command that is refused before it reaches the log whoever was asked says so, of all others the owner of
// the route.

import { OWN_TOOL } from '@millrace/api';
import type { AuditTrail } from '@millrace/audit';
import type { Command } from '@millrace/contracts';
import type { Experiment, Route, RouteAction, RouteTarget } from '@millrace/routing';
import type { CommandResult } from './route-owner.js';

type RouteCommand = Command & { action: RouteAction };

export type Trail = Pick<AuditTrail, 'note' | 'settled'>;

/** The broker that gave the command takes the note in milliseconds; where it does not, the note is written later. */
const SETTLE_MS = 2_000;

export class CommandAudit {
  constructor(private readonly trail: Trail) {}

  decided(command: RouteCommand, result: CommandResult): void {
    if (result.kind === 'rejected') this.refused(command, result.message);
    else this.trail.note({ ...told(command), result: 'applied', detail: routeText(result.route) });
  }

  refused(command: RouteCommand, why: string): void {
    // The router's own, which came after its own step had done the same: nobody was refused anything.
    if (command.tool === OWN_TOOL) return;
    this.trail.note({ ...told(command), result: 'refused', detail: why });
  }

  /** A route that its owner has written. */
  written(before: Route | undefined, route: Route): void {
    if (before?.recentCommandIds.at(-1) !== route.recentCommandIds.at(-1)) return;
    const { project, revision, rollout, reason, correlationId } = route;
    const ended = before?.rollout.phase !== rollout.phase && rollout.phase === 'failed';
    const { experiment } = route;
    const isOver = experiment?.end !== undefined && before?.experiment?.end === undefined;
    const kind = isOver ? 'route.end-experiment' : ended ? 'route.fail' : 'route.move';
    this.trail.note({
      ...{ id: `${project}/route/${revision}`, project, correlationId, who: '', tool: OWN_TOOL, address: '' },
      ...{ action: kind, subject: isOver ? `experiment ${experiment.name}` : `version ${rollout.version}` },
      result: 'applied',
      ...{ reason: ended ? rollout.message : reason, detail: routeText(route) },
    });
  }

  settled(): Promise<void> {
    return this.trail.settled(SETTLE_MS);
  }
}

function told({ id, project, issuedBy, tool = issuedBy, address = '', reason, correlationId, action }: RouteCommand) {
  const who = issuedBy === tool ? '' : issuedBy;
  return {
    id,
    project,
    who,
    tool,
    address,
    reason,
    correlationId,
    action: actionOf(action),
    subject: subjectOf(action),
  };
}

/** "startRollout" is "route.start-rollout"; one that lets a version live that is not blessed, "route.force-rollout". */
function actionOf(action: RouteAction): string {
  if (action.kind === 'startRollout' && action.force === true) return 'route.force-rollout';
  return `route.${action.kind.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function subjectOf(action: RouteAction): string {
  if ('arms' in action) return `experiment ${action.name}: ${sharesText(action.arms)}`;
  // Without a name it is whichever runs.
  if ('name' in action) return action.name === '' ? 'the experiment' : `experiment ${action.name}`;
  if ('version' in action && action.version > 0) return `version ${action.version}`;
  if ('versions' in action && action.versions.length > 0) return `version ${action.versions.join(', ')}`;
  if ('weights' in action) return sharesText(action.weights);
  return 'the route';
}

const experimentText = ({ arms, end }: Experiment): string =>
  end === undefined ? sharesText(arms) : `ended, ${end.reason}`;

const sharesText = (shares: readonly Pick<RouteTarget, 'version' | 'weight'>[]): string =>
  shares.map(({ version, weight }) => `version ${version} ${weight} %`).join(', ');

/** One that runs, or that this very change has ended: later ones have nothing to do with it. */
function besideText({ experiment, changedAtMs }: Route): string {
  if (experiment === undefined) return '';
  if (experiment.end !== undefined && experiment.end.atMs !== changedAtMs) return '';
  return `; experiment ${experiment.name}: ${experimentText(experiment)}`;
}

function routeText(route: Route): string {
  const { revision, targets, rollout } = route;
  const shares = sharesText(targets);
  const { phase, version, message, steps } = rollout;
  const step =
    steps === undefined ? '' : `, step ${steps.at + 1} of ${steps.plan.length}${steps.pause ? ', paused' : ''}`;
  const why = message === '' ? '' : `: ${message}`;
  const of = phase === 'idle' ? '' : `; rollout of version ${version} ${phase}${step}${why}`;
  return `revision ${revision}: ${shares === '' ? 'no version in service' : shares}${of}${besideText(route)}`;
}
