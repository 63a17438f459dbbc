// Codec of topic routes.v1 (compacted): proto millrace.route.v1.Route, key "<project>". The shape and its rules are
// libs/routing's; here only what could not be read as one is refused. A route of an earlier release has no shadows.
//
// A route is read to be written again: what a later release has put into it is carried along (`unread`). One that a
// later release has written and this one cannot read at all is told from garbage by what it says beside: fields or a
// phase that are not known here.

import { fromBinary, type Message } from '@bufbuild/protobuf';
import { PlatformError } from '@millrace/domain';
import {
  ARMS_MAX,
  EXPERIMENT_NAME,
  EXPERIMENT_SLOTS,
  type Experiment,
  emptyRoute,
  isWhole,
  ROLLOUT_PHASES,
  type RolloutSteps,
  type Route,
  SHADOWS_MAX,
  STEPS_MAX,
  TARGET_NAME,
} from '@millrace/routing';
import { RouteSchema } from './gen/millrace/route/v1/route_pb.js';
import { messageCodec } from './message-codec.js';

type WireRoute = Omit<Route, 'rollout'> & Partial<Pick<Route, 'rollout'>>;

const codec = messageCodec<WireRoute>(RouteSchema, {
  Route: { required: ['project', 'revision'], carried: true },
  Target: { required: ['version', 'name'], carried: true },
  Rollout: { closed: { phase: ROLLOUT_PHASES }, carried: true },
  RolloutSteps: { required: ['salt'], carried: true },
  RolloutStep: { carried: true },
  RolloutShare: { required: ['version', 'weight'], carried: true },
  RolloutPause: { carried: true },
  RolloutBandit: { required: ['floor', 'everyMs', 'confidence'], carried: true },
  Experiment: { required: ['name', 'salt', 'control', 'share', 'fromRevision'], carried: true },
  ExperimentArm: { required: ['version'], carried: true },
  ExperimentEnd: { carried: true },
});

export const encodeRoute: (route: Route) => Uint8Array = codec.encode;

/** @throws PlatformError 'corrupt', with the fact `laterRevision` where a later release has written it */
export function decodeRoute(bytes: Uint8Array): Route {
  try {
    return checkedRoute(bytes);
  } catch (thrown) {
    const { code, reason, facts } = PlatformError.from(thrown);
    const laterRevision = laterRevisionOf(bytes);
    if (laterRevision === 0) throw thrown;
    const said = `a later release has written the route: ${reason}`;
    throw new PlatformError(code, said, { facts: { ...facts, laterRevision }, cause: thrown });
  }
}

/** 0 = no route of a later release. */
function laterRevisionOf(bytes: Uint8Array): number {
  try {
    const route = fromBinary(RouteSchema, bytes);
    const { project, revision, rollout } = route;
    const phase = rollout?.phase ?? 'idle';
    const isPhase = PHASE_NAME.test(phase) && !ROLLOUT_PHASES.some((known) => known === phase);
    return project !== '' && revision > 0n && (isPhase || hasUnread(route)) ? Number(revision) : 0;
  } catch {
    return 0; // garbage
  }
}

const PHASE_NAME = /^[a-z][a-z_]{2,31}$/;

function hasUnread(message: unknown): boolean {
  if (typeof message !== 'object' || message === null) return false;
  const { $unknown: unread = [], ...fields } = message as Partial<Message>;
  return unread.length > 0 || Object.values(fields).some(hasUnread);
}

function checkedRoute(bytes: Uint8Array): Route {
  const route = codec.decode(bytes);
  for (const { weight, name } of route.targets) {
    const fault =
      weight < 0 || weight > 100
        ? `weight ${weight} is outside 0..100`
        : TARGET_NAME.test(name)
          ? ''
          : `target name "${name.slice(0, 64)}" is not ${TARGET_NAME.source}`;
    if (fault !== '') throw new PlatformError('corrupt', `Route ${fault}`, { facts: { project: route.project } });
  }
  const { shadows, shadowShare, project } = route;
  const isCopied = shadows.length === 0 ? shadowShare === 0 : shadowShare >= 1 && shadowShare <= 100;
  const fault =
    !isCopied || shadows.length > SHADOWS_MAX
      ? `with ${shadows.length} shadows of ${shadowShare} %`
      : sharesFault(route.targets) || stepsFault(route.rollout?.steps) || experimentFault(route.experiment);
  if (fault !== '') throw new PlatformError('corrupt', `Route ${fault}`, { facts: { project } });
  return { ...route, rollout: route.rollout ?? emptyRoute(project).rollout };
}

function sharesFault(targets: Route['targets']): string {
  const names = new Set(targets.map(({ name }) => name));
  if (targets.length === 0 || (isWhole(targets) && names.size === targets.length)) return '';
  const shares = targets.map(({ version, weight, name }) => `${name} ${version}:${weight}`).join(', ');
  return `whose shares are no whole: ${shares.slice(0, 200)}`;
}

function stepsFault(steps: RolloutSteps | undefined): string {
  if (steps === undefined) return '';
  const { plan, at, baseline } = steps;
  if (plan.length > STEPS_MAX) return `with ${plan.length} steps, at most ${STEPS_MAX}`;
  if (at < 0 || at >= plan.length) return `at step ${at} of ${plan.length}`;
  const wrong = [...plan, ...baseline].find(({ weight }) => weight < 0 || weight > 100);
  if (wrong !== undefined) return `weight ${wrong.weight} of a step is outside 0..100`;
  const idle = plan.find(({ weight, copies }) => weight === 0 && copies === undefined);
  if (idle !== undefined) return 'with a step of neither weight nor copies';
  const copied = plan.find(({ copies = 1 }) => copies < 1 || copies > 100);
  if (copied !== undefined) return `with a step of ${copied.copies} % copies`;
  const sum = baseline.reduce((all, { weight }) => all + weight, 0);
  return sum === 100 ? '' : `whose shares before the rollout add up to ${sum}, not 100`;
}

function experimentFault(experiment: Experiment | undefined): string {
  if (experiment === undefined) return '';
  const { name, arms, control, share } = experiment;
  if (!EXPERIMENT_NAME.test(name)) return `experiment name "${name.slice(0, 64)}" is not ${EXPERIMENT_NAME.source}`;
  if (arms.length < 2 || arms.length > ARMS_MAX) return `with an experiment of ${arms.length} arms`;
  if (share < 1 || share > 100) return `with an experiment of ${share} % of the traffic`;
  if (arms.some(({ version }, i) => i > 0 && version <= (arms[i - 1]?.version ?? 0))) return 'whose arms do not ascend';
  if (!arms.some(({ version }) => version === control)) return `whose control arm ${control} is none of its arms`;
  const owned = arms.flatMap(({ slots }) => slots).sort((a, b) => a - b);
  const isEach = owned.length === EXPERIMENT_SLOTS && owned.every((slot, i) => slot === i);
  const isOwned = isEach && arms.every(({ weight, slots }) => weight === slots.length);
  return isOwned ? '' : `whose arms do not own each of ${EXPERIMENT_SLOTS} slots once, as many as their weight`;
}
