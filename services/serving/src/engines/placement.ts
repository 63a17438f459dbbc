// Where the instances of a model run. What the configuration says counts; where it says nothing, a model of a runtime
// that may stay inside (TensorRuntime.mayStayInside) proves in an engine process that a full batch and its loading are
// short enough to hold the event loop of the process that speaks the wire; any other model gets one engine process.
//
// Why inside at all: a call to an engine process costs two copies and two wake-ups, measured in
// services/serving/README.md. Why not always: ONNX Runtime's Node binding computes on the calling thread, so everything
// else waits for as long.

import { Tensor, type TensorSpec } from '@millrace/inference';
import type { InstanceGroup } from '../declaration/model-spec.js';

/**
 * A full batch may hold the event loop this long: a tenth of what the issue allows health, and far above small models.
 */
const INSIDE_COMPUTE_MS_MAX = 1;
/** Loading holds it once; requests of other models wait for as long. */
const INSIDE_LOAD_MS_MAX = 20;
/** Rows of the proving batch at most: what a batch has where the configuration allows more. */
export const PROOF_ROWS_MAX = 64;
/** Elements of one proving input at most; a model that needs more is no small one. */
const PROOF_ELEMENTS_MAX = 4_194_304;
/** Instances of one model, over all groups. */
export const INSTANCES_MAX = 64;

export type Place = { kind: 'inside' } | { kind: 'process'; gpu: number | undefined };

/** One entry per instance; undefined = the configuration leaves it open. */
export function placesOf(groups: readonly InstanceGroup[]): Place[] | undefined {
  const places: Place[] = [];
  for (const { kind, count, gpus } of groups) {
    const each = Math.max(1, count);
    if (kind === 'gpu') {
      for (const gpu of gpus.length === 0 ? [0] : gpus) {
        for (let i = 0; i < each; i++) places.push({ kind: 'process', gpu });
      }
    } else {
      for (let i = 0; i < each; i++) places.push(kind === 'inside' ? { kind } : { kind: 'process', gpu: undefined });
    }
  }
  return places.length === 0 ? undefined : places;
}

/** The groups that these places make up, one for each kind and GPU. */
export function groupsOf(places: readonly Place[]): InstanceGroup[] {
  const groups = new Map<string, InstanceGroup>();
  for (const place of places) {
    const gpu = place.kind === 'process' ? place.gpu : undefined;
    const key = `${place.kind} ${gpu}`;
    const group = groups.get(key);
    if (group) group.count++;
    else if (place.kind === 'inside') groups.set(key, { kind: 'inside', count: 1, gpus: [] });
    else groups.set(key, { kind: gpu === undefined ? 'cpu' : 'gpu', count: 1, gpus: gpu === undefined ? [] : [gpu] });
  }
  return [...groups.values()];
}

/** Zeros in the declared shapes: -1 is 1, and the batch dimension `rows`. undefined = too large to be small. */
export function proofInputs(
  specs: readonly TensorSpec[],
  batched: boolean,
  maxBatchSize: number,
): Tensor[] | undefined {
  const rows = Math.min(Math.max(1, maxBatchSize), PROOF_ROWS_MAX);
  const inputs: Tensor[] = [];
  for (const { name, datatype, shape } of specs) {
    const sizes = shape.map((size, dimension) => (batched && dimension === 0 ? rows : size < 0 ? 1 : size));
    const count = sizes.reduce((product, size) => product * size, 1);
    if (count > PROOF_ELEMENTS_MAX) return undefined;
    inputs.push(Tensor.of(name, datatype, sizes, new Array(count).fill(datatype === 'BYTES' ? '' : 0)));
  }
  return inputs;
}

/** Milliseconds: of a full batch (the quickest of several, so that a busy machine does not decide) and of loading. */
export function mayStayInside(computeMs: number, loadMs: number): boolean {
  return computeMs <= INSIDE_COMPUTE_MS_MAX && loadMs <= INSIDE_LOAD_MS_MAX;
}

/**
 * CUDA_VISIBLE_DEVICES of an engine process. `gpu` counts the GPUs that serving itself may see, which `inherited`, its
 * own CUDA_VISIBLE_DEVICES, lists by number or UUID; undefined = all of the machine. '' where there is no such GPU.
 */
export function visibleDevices(gpu: number | undefined, inherited: string | undefined): string {
  if (gpu === undefined) return '';
  if (inherited === undefined) return String(gpu);
  const listed = inherited.split(',').map((device) => device.trim());
  // CUDA ignores what follows an invalid one.
  const end = listed.findIndex((device) => device === '' || device.startsWith('-'));
  return (end < 0 ? listed : listed.slice(0, end))[gpu] ?? '';
}
