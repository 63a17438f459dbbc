// What is to be fitted: the feature plan (fitted on the training rows, or the parent's at a warm start), the network,
// and the weights it starts from.

import { PlatformError, seededRng } from '@millrace/domain';
import { type FittedPlan, fitPlan } from '@millrace/features';
import { buildNetwork, initialWeights, type Network } from '@millrace/models';
import { labelRuleText, type Project, planOf, sameLabelRule } from '@millrace/project';
import type { Opponent } from './evaluate.js';
import type { LabelledRows } from './load.js';
import { continuedPlan, reasonToStartCold } from './warm-start.js';

/** An earlier version that a warm start continues from. */
export interface EarlierModel {
  plan: FittedPlan;
  weights: Float32Array;
  network: Network;
  /** What its weights have learnt; empty = not known: of an earlier build. */
  labelRule: string;
}

export interface EarlierModels {
  /** null where it was trained elsewhere: there are no weights to go on from. */
  earlier(project: string, version: number): Promise<EarlierModel | null>;
  opponent(project: string, version: number): Promise<Opponent>;
  /** The version that most traffic goes to; 0 = none. */
  inService(project: string): number;
  /** 0 = none. */
  latestBlessed(project: string): number;
}

export interface PlannedModel {
  plan: FittedPlan;
  network: Network;
  initial: Float32Array;
  /** Those of a start from scratch, where a regression is put in: crosses and hidden layers have learnt nothing. */
  untaught: Float32Array;
  /** Whether it starts from the parent's weights. */
  warm: boolean;
  /** What its owner ought to know of it: a sentence each. */
  warnings: readonly string[];
}

/**
 * A warm start keeps the parent's plan: its vocabularies and scales are what the weights mean. Where they do not fit
 * the project or the rows any more (warm-start.ts), the training starts from scratch and says so.
 */
export function planModel(
  project: Project,
  train: LabelledRows,
  options: { parent: EarlierModel | null; positiveShare: number; seed: number },
): PlannedModel {
  const { parent } = options;
  const untaughtOf = (network: Network) => initialWeights(network, options.positiveShare, seededRng(options.seed));
  const { plan, warnings } = fitPlan(planOf(project), train.columns);
  const sentences = warnings.map(({ sentence }) => sentence);
  if (plan.width === 0)
    throw new PlatformError('invalid_argument', `no feature tells the rows apart. ${sentences.join(' ')}`, {
      facts: { project: project.name, rows: train.rows },
    });
  const cold =
    parent === null
      ? undefined
      : (otherRule(parent, project) ?? reasonToStartCold(parent, plan, project.model, train.columns));
  if (parent !== null && cold === undefined) {
    const continued = continuedPlan(parent.plan, plan);
    // What stands still in these rows only is not left out: the parent has it.
    const said = warnings.filter(({ input }) => hasStep(plan, input) || !hasStep(parent.plan, input));
    return {
      ...{ plan: continued, network: parent.network, initial: parent.weights, warm: true },
      untaught: untaughtOf(parent.network),
      warnings: said.map(({ sentence }) => sentence),
    };
  }
  const network = buildNetwork(plan, project.model);
  const initial = untaughtOf(network);
  const said = cold === undefined ? [] : [`The training started from scratch, not from its parent version: ${cold}.`];
  return { plan, network, initial, untaught: initial, warm: false, warnings: [...sentences, ...said] };
}

function otherRule({ labelRule }: EarlierModel, project: Project): string | undefined {
  const rule = labelRuleText(project.data.label);
  return sameLabelRule(labelRule, rule) ? undefined : `it learnt ${labelRule}, and the project file says ${rule} now`;
}

function hasStep(plan: FittedPlan, input: string): boolean {
  return plan.steps.some((step) => step.kind !== 'cross' && step.input === input);
}
