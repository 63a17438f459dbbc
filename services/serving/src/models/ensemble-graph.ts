// The graph of an ensemble: steps that take tensors by name and put tensors by name. Checked once when it is loaded,
// with every fault's reason: each tensor has one producer, nothing is missing, no step waits for itself, models fit in
// datatype, shape and batch, and ensembles within ensembles stay within DEPTH_MAX. Tensors become slots, so that a
// request looks up no name.

import { PlatformError } from '@millrace/domain';
import type { Datatype } from '@millrace/inference';
import type { EnsembleStep, ModelSpec } from '../declaration/model-spec.js';
import { fullShape } from './tensor-request.js';

/** Steps of one ensemble. */
const STEPS_MAX = 256;
/** Ensembles within ensembles. */
export const DEPTH_MAX = 8;

export interface GraphStep {
  readonly model: string;
  /** '' = the newest ready one. */
  readonly version: string;
  readonly inputs: readonly { readonly name: string; readonly slot: number }[];
  readonly outputs: readonly { readonly name: string; readonly slot: number }[];
}

export interface EnsembleGraph {
  readonly steps: readonly GraphStep[];
  readonly slots: number;
  readonly inputSlots: ReadonlyMap<string, number>;
  readonly outputSlots: ReadonlyMap<string, number>;
  /** Steps that wait for a slot. */
  readonly consumers: readonly (readonly number[])[];
}

function refuse(ensemble: string, reason: string): never {
  throw new PlatformError('invalid_argument', `ensemble '${ensemble}': ${reason}`);
}

const stepName = (step: EnsembleStep, index: number) => `step ${index + 1} (model '${step.model}')`;

/** Throws invalid_argument with the first fault. */
export function ensembleGraph(spec: ModelSpec): EnsembleGraph {
  const { name } = spec;
  const steps = spec.ensemble ?? [];
  if (steps.length === 0) refuse(name, 'it has no steps');
  if (steps.length > STEPS_MAX) refuse(name, `it has ${steps.length} steps, at most ${STEPS_MAX} are allowed`);
  const slotOf = new Map<string, number>();
  const producers = new Map<string, string>();
  const produce = (tensor: string, by: string) => {
    const other = producers.get(tensor);
    if (other !== undefined) refuse(name, `tensor '${tensor}' comes from ${other} and from ${by}`);
    producers.set(tensor, by);
    slotOf.set(tensor, slotOf.size);
  };
  for (const input of spec.inputs) {
    if (input.optional) refuse(name, `input '${input.name}' is optional, which an ensemble cannot pass on`);
    produce(input.name, 'the request');
  }
  steps.forEach((step, i) => {
    for (const tensor of Object.values(step.outputs)) produce(tensor, stepName(step, i));
  });
  const slot = (tensor: string, wantedBy: string): number =>
    slotOf.get(tensor) ?? refuse(name, `nothing gives tensor '${tensor}', which ${wantedBy} needs`);
  const graph: GraphStep[] = steps.map((step, i) => ({
    model: step.model,
    version: step.version > 0 ? String(step.version) : '',
    inputs: Object.entries(step.inputs).map(([own, tensor]) => ({ name: own, slot: slot(tensor, stepName(step, i)) })),
    outputs: Object.entries(step.outputs).map(([own, tensor]) => ({ name: own, slot: slotOf.get(tensor) as number })),
  }));
  graph.forEach(({ inputs }, i) => {
    if (inputs.length === 0) refuse(name, `${stepName(steps[i] as EnsembleStep, i)} takes no tensor`);
  });
  const outputSlots = new Map(spec.outputs.map((output) => [output.name, slot(output.name, 'the ensemble itself')]));
  const consumers: number[][] = Array.from({ length: slotOf.size }, () => []);
  graph.forEach(({ inputs }, i) => {
    for (const one of new Set(inputs.map((input) => input.slot))) consumers[one]?.push(i);
  });
  checkOrder(spec, graph, consumers);
  const inputSlots = new Map(spec.inputs.map((input) => [input.name, slotOf.get(input.name) as number]));
  return { steps: graph, slots: slotOf.size, inputSlots, outputSlots, consumers };
}

/** Takes steps away whose inputs are there; what is left waits for itself. */
function checkOrder(spec: ModelSpec, graph: readonly GraphStep[], consumers: readonly (readonly number[])[]): void {
  const missing = graph.map(({ inputs }) => new Set(inputs.map(({ slot }) => slot)).size);
  const ready = spec.inputs.map((_, slot) => slot);
  for (let slot = ready.pop(); slot !== undefined; slot = ready.pop()) {
    for (const step of consumers[slot] ?? []) {
      missing[step]! -= 1;
      if (missing[step] === 0) for (const output of (graph[step] as GraphStep).outputs) ready.push(output.slot);
    }
  }
  const stuck = graph.flatMap(({ model }, i) =>
    (missing[i] as number) > 0 ? [`step ${i + 1} (model '${model}')`] : [],
  );
  if (stuck.length > 0) refuse(spec.name, `its steps wait for each other in a cycle: ${stuck.join(', ')}`);
}

interface TensorType {
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  readonly from: string;
}

/**
 * Checks the steps against the models as they are now. `specOf` gives a model's configuration and throws where there is
 * none; an ensemble among them is followed, each once. Throws invalid_argument.
 */
export function checkModels(spec: ModelSpec, specOf: (model: string, version: string) => ModelSpec): void {
  const depth = depthOf(spec, specOf, [], new Map());
  if (depth > DEPTH_MAX) refuse(spec.name, `ensembles are nested ${depth} deep, at most ${DEPTH_MAX} are allowed`);
}

/** 1 = no ensemble within. */
function depthOf(
  spec: ModelSpec,
  specOf: (model: string, version: string) => ModelSpec,
  path: readonly string[],
  known: Map<ModelSpec, number>,
): number {
  const before = known.get(spec);
  if (before !== undefined) return before;
  const here = [...path, spec.name];
  if (path.includes(spec.name)) refuse(here[0] as string, `it contains itself: ${here.join(' → ')}`);
  let within = 0;
  const models = (spec.ensemble ?? []).map((step) => {
    const model = specOf(step.model, step.version > 0 ? String(step.version) : '');
    if (model.ensemble) within = Math.max(within, depthOf(model, specOf, here, known));
    return model;
  });
  checkSteps(spec, models);
  known.set(spec, within + 1);
  return within + 1;
}

function checkSteps(spec: ModelSpec, models: readonly ModelSpec[]): void {
  const { name } = spec;
  const steps = spec.ensemble ?? [];
  const types = new Map<string, TensorType>();
  for (const input of spec.inputs) {
    types.set(input.name, { datatype: input.datatype, shape: fullShape(spec, input.shape), from: 'the request' });
  }
  steps.forEach((step, i) => {
    const model = models[i] as ModelSpec;
    const which = stepName(step, i);
    if (model.decoupled) refuse(name, `${which} is decoupled: it answers any number of times`);
    if (spec.maxBatchSize > 0 && model.maxBatchSize > 0 && model.maxBatchSize < spec.maxBatchSize) {
      refuse(name, `it allows ${spec.maxBatchSize} rows, but ${which} only ${model.maxBatchSize}`);
    }
    for (const [own, tensor] of Object.entries(step.outputs)) {
      const output = model.outputs.find((one) => one.name === own);
      if (!output) refuse(name, `${which} has no output '${own}'`);
      types.set(tensor, { datatype: output.datatype, shape: fullShape(model, output.shape), from: which });
    }
  });
  steps.forEach((step, i) => {
    const model = models[i] as ModelSpec;
    const which = stepName(step, i);
    for (const input of model.inputs) {
      const tensor = step.inputs[input.name];
      if (tensor === undefined) {
        if (!input.optional) refuse(name, `${which} needs input '${input.name}', which no tensor is mapped to`);
        continue;
      }
      const wanted = { datatype: input.datatype, shape: fullShape(model, input.shape), from: which };
      checkFit(name, tensor, types.get(tensor), wanted);
    }
    const unknown = Object.keys(step.inputs).find((own) => !model.inputs.some((input) => input.name === own));
    if (unknown !== undefined) refuse(name, `${which} has no input '${unknown}'`);
  });
  for (const output of spec.outputs) {
    const wanted = { datatype: output.datatype, shape: fullShape(spec, output.shape), from: 'the ensemble' };
    checkFit(name, output.name, types.get(output.name), wanted);
  }
}

function checkFit(ensemble: string, tensor: string, given: TensorType | undefined, wanted: TensorType): void {
  if (!given) return;
  const text = ({ datatype, shape, from }: TensorType) => `${datatype} [${shape.join(',')}] for ${from}`;
  const fits =
    given.datatype === wanted.datatype &&
    given.shape.length === wanted.shape.length &&
    given.shape.every((size, i) => size === -1 || wanted.shape[i] === -1 || size === wanted.shape[i]);
  if (!fits) refuse(ensemble, `tensor '${tensor}' is ${text(given)} and ${text(wanted)}`);
}
