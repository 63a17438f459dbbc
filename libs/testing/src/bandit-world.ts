// A rollout that is judged by labels, without processes: requests that are drawn for one of two versions, whose labels
// come later. A row is a one with probability .5 + h or .5 - h; a version says that probability, off by s to either
// side, so that its mean squared error is .25 - h^2 + s^2, and the difference of two versions is that of their s^2,
// whatever the hour's h is. For the regret of policies over many seeds, and for a judge's errors.

import { type Rng, seededRng } from '@millrace/domain';
import { type BanditPlan, banditMove, banditView, DEFAULT_BANDIT, RolloutLosses } from '@millrace/routing';

export interface LabelledWorld {
  /** The new version's mean loss less the stable one's. */
  worseBy: number;
  /** Requests until a label comes. */
  lateBy?: number;
  /** Hours are easy and hard in turns, of so many requests; 0: all alike. */
  hour?: number;
}

const STABLE_OFF = 0.15;
const USUAL = 0.15;
const [EASY, HARD] = [0.25, 0.05];

/** A loss of a version's answer to request `n`. `easier`: with either version, because of who asks. */
export function lossOf({ worseBy, hour = 0 }: LabelledWorld, isNew: boolean, n: number, rng: Rng, easier = 0): number {
  const usual = hour === 0 ? USUAL : Math.floor(n / hour) % 2 === 0 ? EASY : HARD;
  const off = Math.sqrt(STABLE_OFF ** 2 + (isNew ? worseBy : 0));
  const h = Math.min(0.5 - off, Math.max(0, usual + easier));
  const truth = 0.5 + (rng.next() < 0.5 ? h : -h);
  const said = truth + (rng.next() < 0.5 ? off : -off);
  return (said - (rng.next() < truth ? 1 : 0)) ** 2;
}

export const POLICIES = ['bandit', 'canary', 'even'] as const;
export type Policy = (typeof POLICIES)[number];

export interface BanditRun {
  /** Loss above that of the better version, summed over all requests. */
  regret: number;
  ended: 'promoted' | 'kept' | 'open';
  /** Requests until it ended. */
  requests: number;
  /** Percents that were moved, there and back. */
  moved: number;
  /** Of the new version before the end. */
  weights: readonly number[];
}

export interface BanditSettings {
  seed: number;
  requests: number;
  /** Requests between two moves. */
  every: number;
  plan?: Partial<BanditPlan>;
}

/** A canary that nobody judges by labels goes 5, 20, 50 and 100 %, a quarter of the requests each. */
const CANARY = [5, 20, 50, 100] as const;

export function banditRun(policy: Policy, world: LabelledWorld, settings: BanditSettings): BanditRun {
  const { seed, requests, every } = settings;
  const plan = { ...DEFAULT_BANDIT, ...settings.plan };
  const rng = seededRng(seed);
  const losses = new RolloutLosses(1);
  const late: { at: number; version: number; weight: number; loss: number }[] = [];
  const weights: number[] = [];
  const perWorse = Math.abs(world.worseBy);
  let weight = policy === 'even' ? 50 : policy === 'bandit' ? plan.start : 5;
  let [regret, moved, ended] = [0, 0, 'open' as BanditRun['ended']];
  let endedAt = requests;
  let told = 0;
  for (let n = 0; n < requests; n++) {
    if (policy === 'canary') weight = CANARY[Math.floor((n * CANARY.length) / requests)] as number;
    const isNew = rng.next() * 100 < weight;
    if (isNew === world.worseBy > 0) regret += perWorse;
    if (policy !== 'bandit' || ended !== 'open') continue;
    late.push({ at: n + (world.lateBy ?? 0), version: isNew ? 2 : 1, weight, loss: lossOf(world, isNew, n, rng) });
    for (let next = late[told]; next !== undefined && next.at <= n; next = late[++told])
      losses.add({ fromRevision: 1, weight: next.weight }, next.version, next.loss);
    if ((n + 1) % every !== 0) continue;
    weights.push(weight);
    const at = { stable: 1, candidate: 2, weight, isOver: n + 1 === requests };
    const move = banditMove(banditView(losses.saidOf(1), losses.saidOf(2)), plan, at);
    if (move.kind === 'stay') continue;
    if (move.kind === 'weight') moved += Math.abs(move.weight - weight);
    else {
      ended = move.kind === 'promote' ? 'promoted' : 'kept';
      endedAt = n + 1;
    }
    weight = move.weight;
  }
  return { regret, ended, requests: endedAt, moved, weights };
}
