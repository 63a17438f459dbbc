// What kind of question a project asks, and what follows from it for everything that carries or judges predictions:
// what a label is, what a model answers, which one number of an answer drift and quality watch, and what the trivial
// baseline says. Nothing else may assume a kind. Not here: how a model of the kind is trained, and the metrics that
// judge it.

import { PlatformError } from './errors.js';

/** Every kind there is a word for; `taskOf` says which of them work. */
export const TASK_KINDS = ['binary', 'multiclass', 'multilabel', 'regression', 'ranking', 'score'] as const;

export type TaskKind = (typeof TASK_KINDS)[number];

/** Values of one output of one row: a number or text each, or several of them (a probability per class). */
export type OutputValue = number | string | readonly number[] | readonly string[];

/** One named output of one answered row. */
export interface Output {
  readonly name: string;
  readonly value: OutputValue;
}

/** What a model of the task answers under one name; names and datatypes are those of the V2 protocol. */
export interface OutputSpec {
  readonly name: string;
  readonly datatype: 'FP32' | 'BYTES';
  /** Of one row; empty: one value a row. */
  readonly shape: readonly number[];
}

export interface Task {
  readonly kind: string;
  readonly outputs: readonly OutputSpec[];
  /** Name of the number that drift and quality watch; the reference of the scores carries it, too. */
  readonly scoreName: string;
  /** Ends of what the score may be; absent: any number. */
  readonly scoreRange?: readonly [least: number, most: number];
  /** What is wrong with a label, as a sentence; undefined for a good one. */
  labelFault(label: number): string | undefined;
  /** What is wrong with the outputs of one row, as a sentence; undefined for good ones. */
  outputsFault(outputs: readonly Output[]): string | undefined;
  /** The number that drift and quality watch. Only for outputs without fault. */
  scoreOf(outputs: readonly Output[]): number;
  /** The outputs of a row that has this score; its inverse. What they are worth, `outputsFault` says. */
  outputsOf(score: number): Output[];
  /** The answer that needs no features: what every model has to beat. */
  readonly trivialBaseline: {
    readonly name: string;
    /** Its outputs for every row, from the training rows' labels (at least one). */
    outputs(labels: ArrayLike<number>): Output[];
  };
}

/** At and above this probability a binary answer's label is "1". */
const BINARY_LABEL_THRESHOLD = 0.5;

/** The label that goes with a binary task's probability. */
export function binaryLabel(probability: number): '0' | '1' {
  return probability >= BINARY_LABEL_THRESHOLD ? '1' : '0';
}

const PROBABILITY = 'probability';
const LABEL = 'label';

/** The outputs of one row of a binary task. */
export function binaryOutputs(probability: number): Output[] {
  return [
    { name: PROBABILITY, value: probability },
    { name: LABEL, value: binaryLabel(probability) },
  ];
}

/** Yes or no: labels 0 and 1, outputs `probability` of a 1 and `label`. */
const BINARY: Task = {
  kind: 'binary',
  outputs: [
    { name: PROBABILITY, datatype: 'FP32', shape: [] },
    { name: LABEL, datatype: 'BYTES', shape: [] },
  ],
  scoreName: PROBABILITY,
  scoreRange: [0, 1],
  labelFault: (label) => (label === 0 || label === 1 ? undefined : `label ${label} is neither 0 nor 1`),
  outputsFault(outputs) {
    const probability = outputValue(outputs, PROBABILITY);
    if (typeof probability === 'number' && probability >= 0 && probability <= 1) return undefined;
    return probability === undefined
      ? `no output '${PROBABILITY}'`
      : `output '${PROBABILITY}' is ${String(probability)}, not a number in [0, 1]`;
  },
  scoreOf: (outputs) => outputValue(outputs, PROBABILITY) as number,
  outputsOf: binaryOutputs,
  trivialBaseline: {
    name: 'majority',
    outputs(labels) {
      let positive = 0;
      for (let row = 0; row < labels.length; row++) positive += labels[row] as number;
      return binaryOutputs(positive / labels.length);
    },
  },
};

const SCORE = 'score';

/**
 * Whatever number a model answers, of which nobody says what it ought to be: it is watched, never judged, and nothing
 * is trained. For models of servers that are not ours.
 */
const ANY_SCORE: Task = {
  kind: SCORE,
  outputs: [{ name: SCORE, datatype: 'FP32', shape: [] }],
  scoreName: SCORE,
  labelFault: () => 'a project of task score has no labels',
  outputsFault(outputs) {
    const score = outputValue(outputs, SCORE);
    if (typeof score === 'number' && Number.isFinite(score)) return undefined;
    return score === undefined ? `no output '${SCORE}'` : `output '${SCORE}' is ${String(score)}, not a number`;
  },
  scoreOf: (outputs) => outputValue(outputs, SCORE) as number,
  outputsOf: (score) => [{ name: SCORE, value: score }],
  trivialBaseline: {
    name: 'mean',
    outputs(labels) {
      let sum = 0;
      for (let row = 0; row < labels.length; row++) sum += labels[row] as number;
      return [{ name: SCORE, value: sum / labels.length }];
    },
  },
};

const TASKS: ReadonlyMap<string, Task> = new Map([BINARY, ANY_SCORE].map((task) => [task.kind, task]));

/** Kinds that a project may ask for. */
export const WORKING_TASK_KINDS: readonly TaskKind[] = TASK_KINDS.filter((kind) => TASKS.has(kind));

/** Why a project cannot have a task of this kind, as a sentence with what to write instead; undefined where it can. */
export function taskFault(kind: string): string | undefined {
  if (TASKS.has(kind)) return undefined;
  const working = `Write ${WORKING_TASK_KINDS.join(' or ')}.`;
  return (TASK_KINDS as readonly string[]).includes(kind)
    ? `Tasks of kind '${kind}' do not work yet. ${working}`
    : `No task is called '${kind.slice(0, 64)}'. ${working}`;
}

/** Throws `unimplemented` where `taskFault` has something to say. */
export function taskOf(kind: string): Task {
  const task = TASKS.get(kind);
  if (task === undefined) throw new PlatformError('unimplemented', taskFault(kind) as string);
  return task;
}

/** The value of the first output of that name. Costs one comparison of texts an output; answers have few. */
export function outputValue(outputs: readonly Output[], name: string): OutputValue | undefined {
  for (let i = 0; i < outputs.length; i++) {
    const output = outputs[i] as Output;
    if (output.name === name) return output.value;
  }
  return undefined;
}
