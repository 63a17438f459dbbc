// What is to be fitted: the feature plan (fitted on the training rows, or the parent's at a warm start), the network,
// and the weights it starts from.

import { seededRng } from '@millrace/domain';
import { type FeaturePlan, type FittedPlan, fitPlan, type RawColumns } from '@millrace/features';
import { buildNetwork, initialWeights, type Network } from '@millrace/models';
import { type Project, planOf } from '@millrace/project';
import type { LabelledRows } from './load.js';

/** An earlier version: what a warm start continues from, and what a challenger has to beat. */
export interface EarlierModel {
  plan: FittedPlan;
  weights: Float32Array;
  network: Network;
  /** Probabilities of raw rows, as that version serves them. */
  score(columns: RawColumns): Promise<Float32Array>;
}

export interface EarlierModels {
  earlier(project: string, version: number): Promise<EarlierModel>;
  /** 0 = none. */
  latestBlessed(project: string): number;
}

export interface PlannedModel {
  plan: FittedPlan;
  network: Network;
  initial: Float32Array;
  /** Whether it starts from the parent's weights. */
  warm: boolean;
}

/**
 * A warm start keeps the parent's plan: its vocabularies are what the weights mean. Where the project's features or
 * network have changed since, there is nothing to take over, and the training starts from scratch.
 */
export function planModel(
  project: Project,
  train: LabelledRows,
  options: { parent: EarlierModel | null; positiveShare: number; seed: number },
): PlannedModel {
  const unfitted = planOf(project);
  const { parent } = options;
  if (parent !== null && fitsProject(parent, unfitted, project)) {
    const network = buildNetwork(parent.plan, project.model);
    return { plan: parent.plan, network, initial: parent.weights, warm: true };
  }
  const plan = fitPlan(unfitted, train.columns);
  const network = buildNetwork(plan, project.model);
  const initial = initialWeights(network, options.positiveShare, seededRng(options.seed));
  return { plan, network, initial, warm: false };
}

function fitsProject(parent: EarlierModel, unfitted: FeaturePlan, project: Project): boolean {
  const ofPlan = parent.plan.steps.map((step) => [
    step.kind,
    step.kind === 'cross' ? step.inputs : step.input,
    'embedding' in step ? step.embedding : 0,
  ]);
  const ofProject = unfitted.features.map((spec) => [
    spec.kind,
    spec.kind === 'cross' ? spec.inputs : spec.input,
    'embedding' in spec ? spec.embedding : 0,
  ]);
  const sameFeatures = JSON.stringify(ofPlan) === JSON.stringify(ofProject);
  return sameFeatures && JSON.stringify(buildNetwork(parent.plan, project.model)) === JSON.stringify(parent.network);
}
